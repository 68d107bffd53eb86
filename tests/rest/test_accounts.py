"""Accounts over REST: what stands on them now, at a moment, and how it came about."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.models import Entry
from ledger.rest.models import Role
from tests.builders import moment, move, open_accounts, open_currency, post
from tests.rest.api import client, every_row, get, refused_get, refused_post
from tests.rest.api import post as post_over_rest

pytestmark = pytest.mark.django_db
CUSTODY, ANN, BOB = "custody:USDT", "trader:ann:USDT", "trader:bob:USDT"


@pytest.fixture
def auditor() -> APIClient:
    post(
        move("d1", "100", debited=CUSTODY, credited=ANN, at=moment(10)),
        move("d2", "30.5", debited=CUSTODY, credited=BOB, at=moment(20)),
        move("w1", "40", debited=ANN, credited=CUSTODY, kind="withdrawal", at=moment(30)),
    )
    return client(Role.AUDITOR)


def test_account_is_shown_with_its_totals(auditor: APIClient) -> None:
    assert get(auditor, f"/accounts/{ANN}/") == {
        "code": ANN,
        "kind": "trader",
        "owner": "ann",
        "currency": "USDT",
        "normal_side": "credit",
        "debits": "40",
        "credits": "100",
        "balance": "60",
    }


def test_accounts_are_listed_by_code_and_filtered(auditor: APIClient) -> None:
    open_accounts("trader:ann:BTC", currency="BTC")

    def codes(**query: str) -> list[str]:
        return [row["code"] for row in every_row(auditor, "/accounts/", **query)]

    assert codes() == [CUSTODY, "trader:ann:BTC", ANN, BOB]
    assert codes(kind="trader", currency="USDT") == [ANN, BOB]
    assert codes(owner="ann") == ["trader:ann:BTC", ANN]
    assert codes(normal_side="debit") == [CUSTODY]
    assert codes(code=BOB) == [BOB]


@pytest.mark.parametrize("path", ["", "statement/", "balance/"])
def test_unknown_account_is_not_found(auditor: APIClient, path: str) -> None:
    refused_get(auditor, f"/accounts/trader:nobody:USDT/{path}", status=404, code="account_unknown")


def test_statement_has_the_balance_after_every_line(auditor: APIClient) -> None:
    rows = every_row(auditor, f"/accounts/{ANN}/statement/")

    entry = Entry.objects.get(reference="w1")
    assert [(row["kind"], row["debit"], row["credit"], row["balance_after"]) for row in rows] == [
        ("deposit", "0", "100", "100"),
        ("withdrawal", "40", "0", "60"),
    ]
    assert (rows[1]["entry"], rows[1]["reference"], rows[1]["version"]) == (entry.pk, "w1", 2)
    assert rows[1]["effective_at"] == "2026-01-01T00:00:30Z"


def test_statement_is_filtered_by_kind_and_time(auditor: APIClient) -> None:
    def references(**query: str) -> list[str]:
        return [row["reference"] for row in every_row(auditor, f"/accounts/{CUSTODY}/statement/", **query)]

    assert references(kind="deposit") == ["d1", "d2"]
    assert references(effective_from="2026-01-01T00:00:20Z") == ["d2", "w1"]
    assert references(effective_to="2026-01-01T00:00:20Z") == ["d1"]


def test_balance_is_told_of_any_moment(auditor: APIClient) -> None:
    def balance(**query: str) -> str:
        return str(get(auditor, f"/accounts/{ANN}/balance/", **query)["balance"])

    assert balance() == "60"
    assert balance(at=moment(9).isoformat()) == "0"
    assert balance(at=moment(10).isoformat()) == "100"
    assert balance(at="2026-01-01T00:00:29Z") == "100"
    recorded = Entry.objects.get(reference="d1").created_at - timedelta(days=1)
    assert balance(known_at=recorded.isoformat()) == "0"


def test_balance_names_the_moment_that_was_asked_for(auditor: APIClient) -> None:
    document = get(auditor, f"/accounts/{ANN}/balance/", at="2026-01-01T01:00:10+01:00")

    assert (document["at"], document["known_at"]) == ("2026-01-01T00:00:10Z", None)


def test_trial_balance_agrees(auditor: APIClient) -> None:
    document = get(auditor, "/trial-balance/", currency="USDT")

    assert [(row["code"], row["balance"]) for row in document["rows"]] == [
        (CUSTODY, "90.5"),
        (ANN, "60"),
        (BOB, "30.5"),
    ]
    assert (document["debits"], document["credits"], document["balanced"]) == ("170.5", "170.5", True)


def test_trial_balance_of_an_earlier_moment(auditor: APIClient) -> None:
    document = get(auditor, "/trial-balance/", currency="USDT", at="2026-01-01T00:00:10Z")

    assert [(row["code"], row["balance"]) for row in document["rows"]] == [(CUSTODY, "100"), (ANN, "100")]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "field_required"),
        ({"currency": "DOGE"}, 404, "currency_unknown"),
        ({"currency": "USDT", "at": "2026-01-01"}, 400, "time_malformed"),
    ],
)
def test_trial_balance_without_a_known_currency_is_refused(
    auditor: APIClient, query: dict[str, Any], status: int, code: str
) -> None:
    refused_get(auditor, "/trial-balance/", status=status, code=code, **query)


def test_currency_is_added_once() -> None:
    bookkeeper = client(Role.BOOKKEEPER)

    first = post_over_rest(bookkeeper, "/currencies/", {"code": "USDT", "decimals": 6})
    again = post_over_rest(bookkeeper, "/currencies/", {"code": "USDT", "decimals": 6}, status=200)

    assert first == again == {"code": "USDT", "decimals": 6}
    assert get(bookkeeper, "/currencies/")["results"] == [first]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"code": "USDT", "decimals": 6}, 409, "reference_reused"),
        ({"code": "US DT", "decimals": 6}, 422, "name_malformed"),
        ({"code": "BTC", "decimals": 19}, 422, "out_of_range"),
        ({"code": "BTC", "decimals": "8.0"}, 422, "field_malformed"),
        ({"code": "BTC", "decimals": True}, 422, "field_malformed"),
        ({"code": "BTC"}, 422, "field_required"),
    ],
)
def test_currency_that_contradicts_or_makes_no_sense_is_refused(body: dict[str, Any], status: int, code: str) -> None:
    open_currency("USDT", decimals=8)

    refused_post(client(Role.BOOKKEEPER), "/currencies/", body, status=status, code=code)
