"""Funds, rulebooks and cycles over REST."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from fund.models import Fund, RulebookVersion
from ledger.rest.models import Role
from tests.builders import move, open_currency
from tests.builders import post as post_directly
from tests.fund.builders import open_fund
from tests.rest.api import client, every_row, get, post, refused_get, refused_post

pytestmark = pytest.mark.django_db


@pytest.fixture
def treasury() -> APIClient:
    open_currency("USDT", decimals=6)
    return client(Role.TREASURY, name="treasury")


def new_fund(code: str = "usdt", **more: Any) -> dict[str, Any]:
    return {"code": code, "currency": "USDT", "rulebook": {"preset": "shared_loss"}, **more}


def test_fund_is_opened_and_shown_with_its_figures(treasury: APIClient) -> None:
    document = post(treasury, "/funds/", new_fund())

    assert document == {
        "code": "usdt",
        "currency": "USDT",
        "cycle_seconds": None,
        "rulebook": {"version": 1, "preset": "shared_loss"},
        "balance": "0",
        "reserved": "0",
        "inventory": "0",
        "inventory_unrealised": "0",
        "to_allocate": "0",
        "deficit": "0",
        "gross_injections": "0",
        "gross_payouts": "0",
    }
    assert get(treasury, "/funds/usdt/") == document
    assert every_row(treasury, "/funds/") == [document]


def test_figures_are_the_balances_of_its_accounts(treasury: APIClient) -> None:
    post(treasury, "/funds/", new_fund())
    post_directly(
        move("c", "100.5", debited="treasury:USDT", credited="fund:usdt"),
        move("l", "8", debited="loss:usdt", credited="engine:USDT"),
        move("d", "2", debited="deficit:usdt", credited="engine:USDT"),
        move("r", "10", debited="fund:usdt", credited="fund:usdt:reserved"),
    )

    shown = get(treasury, "/funds/usdt/")

    figures = [shown[name] for name in ("balance", "reserved", "to_allocate", "deficit")]
    assert figures == ["90.5", "10", "8", "2"]


def test_same_fund_again_is_the_same_and_on_other_terms_refused(treasury: APIClient) -> None:
    first = post(treasury, "/funds/", new_fund())

    assert post(treasury, "/funds/", new_fund(), status=200) == first
    refused_post(treasury, "/funds/", new_fund(rulebook={"preset": "full_cover"}), status=409, code="fund_exists")


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"currency": "DOGE"}, "currency_unknown", "/currency"),
        ({"rulebook": {"preset": "casino"}}, "rulebook_refused", "/rulebook/preset"),
        ({"rulebook": {"preset": "shared_loss", "fund_share": 0.2}}, "rulebook_refused", "/rulebook/fund_share"),
        ({"rulebook": {"preset": "shared_loss", "shares": "1"}}, "field_unknown", "/rulebook/shares"),
        ({"rulebook": {"preset": "penalty_and_vault"}}, "rulebook_refused", "/rulebook/penalty_rate"),
        ({"rulebook": "shared_loss"}, "object_expected", "/rulebook"),
        ({"cycle_seconds": -1}, "out_of_range", "/cycle_seconds"),
        ({"colour": "red"}, "field_unknown", "/colour"),
    ],
)
def test_fund_that_makes_no_sense_is_refused(
    treasury: APIClient, change: dict[str, Any], code: str, pointer: str
) -> None:
    document = refused_post(treasury, "/funds/", new_fund(**change), status=422, code=code)

    assert pointer in [error["pointer"] for error in document["errors"]]
    assert not Fund.objects.exists()


def test_unknown_fund_is_not_found(treasury: APIClient) -> None:
    for path in ("", "rulebooks/", "contributions/", "withdrawals/", "cycles/"):
        refused_get(treasury, f"/funds/nope/{path}", status=404, code="fund_unknown")


def test_rulebook_is_published_with_every_field_resolved(treasury: APIClient) -> None:
    post(treasury, "/funds/", new_fund())
    body = {
        "preset": "shared_loss",
        "fund_share": "0.3",
        "traders_share": "0.7",
        "adl": {"trigger": "drawdown", "threshold": "0.5"},
        "effective_from": "2026-02-01T00:00:00Z",
    }

    document = post(treasury, "/funds/usdt/rulebooks/", body)

    assert (document["version"], document["preset"], document["fund_share"]) == (2, "shared_loss", "0.3")
    assert (document["selection_coverage"], document["adl"]["queue"]) == ("0.9", "profit_amount")
    assert (document["effective_from"], document["published_by"]) == ("2026-02-01T00:00:00Z", "treasury")
    assert [row["version"] for row in every_row(treasury, "/funds/usdt/rulebooks/")] == [2, 1]


def test_rulebook_without_a_beginning_holds_from_now_on(treasury: APIClient) -> None:
    post(treasury, "/funds/", new_fund())

    post(treasury, "/funds/usdt/rulebooks/", {"preset": "full_cover"})

    assert get(treasury, "/funds/usdt/")["rulebook"] == {"version": 2, "preset": "full_cover"}


def test_rulebook_with_a_key_is_published_once(treasury: APIClient) -> None:
    post(treasury, "/funds/", new_fund())
    first = post(treasury, "/funds/usdt/rulebooks/", {"preset": "full_cover"}, key="v2")

    assert post(treasury, "/funds/usdt/rulebooks/", {"preset": "full_cover"}, status=200, key="v2") == first
    body = {"preset": "inventory_takeover"}
    refused_post(treasury, "/funds/usdt/rulebooks/", body, status=409, code="reference_reused", key="v2")
    assert RulebookVersion.objects.count() == 2


def test_rulebook_that_contradicts_itself_is_refused_field_by_field(treasury: APIClient) -> None:
    post(treasury, "/funds/", new_fund())
    contradiction = {"preset": "shared_loss", "fund_share": "0.5", "selection_coverage": "0"}
    body: dict[str, Any] = {**contradiction, "adl": {"trigger": "moon"}}

    document = refused_post(treasury, "/funds/usdt/rulebooks/", body, status=422, code="rulebook_refused")

    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [("/adl/trigger", "value_unknown")]
    document = refused_post(treasury, "/funds/usdt/rulebooks/", contradiction, status=422, code="rulebook_refused")
    assert {error["pointer"] for error in document["errors"]} == {"/traders_share", "/selection_coverage"}


def test_cycle_is_opened_listed_and_shown(treasury: APIClient) -> None:
    post(treasury, "/funds/", new_fund())
    span = {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T08:00:00Z"}

    first = post(treasury, "/funds/usdt/cycles/", span)
    again = post(treasury, "/funds/usdt/cycles/", {"number": 1, **span}, status=200)
    second = post(
        treasury,
        "/funds/usdt/cycles/",
        {"number": 5, "starts_at": "2026-01-01T08:00:00Z", "ends_at": "2026-01-01T16:00:00Z"},
    )

    assert again == first == get(treasury, f"/cycles/{first['id']}/")
    assert (first["number"], first["status"], first["loss"], first["rulebook"]) == (1, "open", None, None)
    assert [row["id"] for row in every_row(treasury, "/funds/usdt/cycles/")] == [second["id"], first["id"]]
    assert [row["number"] for row in every_row(treasury, "/funds/usdt/cycles/", number=5)] == [5]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"starts_at": "2026-01-01T04:00:00Z", "ends_at": "2026-01-01T12:00:00Z"}, 409, "cycle_overlaps"),
        ({"starts_at": "2026-01-02T04:00:00Z", "ends_at": "2026-01-02T04:00:00Z"}, 422, "cycle_ends_before_start"),
        (
            {"number": 1, "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T08:00:00Z"},
            409,
            "cycle_number_taken",
        ),
        ({"starts_at": "2026-01-02T00:00:00Z"}, 422, "field_required"),
        ({"number": 0, "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T08:00:00Z"}, 422, "out_of_range"),
        (
            {"number": 10**9 + 1, "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T08:00:00Z"},
            422,
            "out_of_range",
        ),
    ],
)
def test_cycle_that_fits_nowhere_is_refused(treasury: APIClient, body: dict[str, Any], status: int, code: str) -> None:
    post(treasury, "/funds/", new_fund())
    span = {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T08:00:00Z"}
    post(treasury, "/funds/usdt/cycles/", span)

    refused_post(treasury, "/funds/usdt/cycles/", body, status=status, code=code)


def test_unknown_cycle_is_not_found(treasury: APIClient) -> None:
    refused_get(treasury, "/cycles/987654321/", status=404, code="cycle_unknown")


def test_number_of_queries_does_not_grow_with_the_funds(treasury: APIClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            get(treasury, "/funds/")
        return len(captured)

    open_fund(code="a")
    get(treasury, "/funds/")
    few = queries()
    for code in "bcdef":
        open_fund(code=code)

    assert queries() == few
