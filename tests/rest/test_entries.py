"""Entries over REST: posted one by one and in batches, read, refused."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.rest.models import Role
from tests.builders import balance, balances, move, open_accounts
from tests.builders import post as post_directly
from tests.rest.api import client, every_row, get, post, problem_of, refused_get, refused_post

pytestmark = pytest.mark.django_db

CUSTODY, ANN, FUND, TREASURY = "custody:USDT", "trader:ann:USDT", "fund:usdt", "treasury:USDT"


@pytest.fixture
def bookkeeper() -> APIClient:
    open_accounts(CUSTODY, FUND, TREASURY, "engine:USDT", "vault:mm:USDT")
    return client(Role.BOOKKEEPER, name="books")


def deposit(reference: str, amount: Any = "10", *, trader: str = "ann", **more: Any) -> dict[str, Any]:
    lines = [{"account": CUSTODY, "debit": amount}, {"account": f"trader:{trader}:USDT", "credit": amount}]
    return {"reference": reference, "kind": "deposit", "lines": lines, **more}


def test_entry_is_posted_and_shown_with_who_recorded_it(bookkeeper: APIClient) -> None:
    document = post(bookkeeper, "/entries/", deposit("d1", "10.50", effective_at="2026-01-01T02:00:00+02:00"))

    assert document["reference"] == "d1"
    assert document["effective_at"] == "2026-01-01T00:00:00Z"
    assert document["recorded_by"] == "books"
    assert document["lines"] == [{"account": CUSTODY, "debit": "10.5"}, {"account": ANN, "credit": "10.5"}]
    assert get(bookkeeper, f"/entries/{document['id']}/") == document
    assert balance(ANN) == "10.5"


def test_same_entry_again_answers_200_with_the_first_result(bookkeeper: APIClient) -> None:
    first = post(bookkeeper, "/entries/", deposit("d1"))
    after = balances()

    response = bookkeeper.post("/api/v1/entries/", deposit("d1", "10.000"), format="json")

    assert response.status_code == 200
    assert response.headers["Idempotent-Replayed"] == "true"
    assert response.json() == first
    assert balances() == after


def test_same_reference_with_another_amount_is_refused(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/entries/", deposit("d1"))

    document = refused_post(bookkeeper, "/entries/", deposit("d1", "11"), status=409, code="reference_reused")

    assert "reference d1 stands for another deposit" in document["detail"]


def test_idempotency_key_serves_as_the_reference_of_a_body_without_one(bookkeeper: APIClient) -> None:
    body = deposit("unused")
    del body["reference"]

    first = post(bookkeeper, "/entries/", body, key="d7")
    again = post(bookkeeper, "/entries/", body, status=200, key="d7")

    assert first["reference"] == "d7"
    assert again == first


@pytest.mark.parametrize("amount", [10, 10.5, 0, True, None, ["1"], {"a": "1"}])
def test_amount_of_another_type_than_string_is_refused(bookkeeper: APIClient, amount: Any) -> None:
    code = "field_null" if amount is None else "amount_must_be_string"

    document = refused_post(bookkeeper, "/entries/", deposit("d1", amount), status=422, code=code)

    assert [error["pointer"] for error in document["errors"]] == ["/lines/0/debit", "/lines/1/credit"]


@pytest.mark.parametrize("amount", ["1e5", "1_000", "-0", "١٢", " 1", "+1", "0x10", "NaN", "Infinity", "1,5", ""])
def test_amount_that_is_no_plain_decimal_is_refused(bookkeeper: APIClient, amount: str) -> None:
    refused_post(bookkeeper, "/entries/", deposit("d1", amount), status=422, code="amount_malformed")


def test_amount_finer_than_any_currency_is_refused(bookkeeper: APIClient) -> None:
    refused_post(bookkeeper, "/entries/", deposit("d1", "0." + "0" * 18 + "1"), status=422, code="amount_precision")


def test_amount_finer_than_its_currency_is_refused(bookkeeper: APIClient) -> None:
    refused_post(bookkeeper, "/entries/", deposit("d1", "0.000000001"), status=422, code="amount_precision")


def test_amount_of_thirty_digits_is_kept_to_the_last(bookkeeper: APIClient) -> None:
    amount = "123456789012345678901234567890.12345678"

    post(bookkeeper, "/entries/", deposit("d1", amount))

    assert balance(ANN) == amount


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_line_that_is_not_positive_is_refused(bookkeeper: APIClient, amount: str) -> None:
    refused_post(bookkeeper, "/entries/", deposit("d1", amount), status=422, code="posting_one_sided")


def test_line_with_both_sides_is_refused(bookkeeper: APIClient) -> None:
    body = deposit("d1")
    body["lines"][0]["credit"] = "10"

    refused_post(bookkeeper, "/entries/", body, status=422, code="posting_one_sided")


def test_unbalanced_entry_is_refused(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/entries/", deposit("d0"))
    body = deposit("d1")
    body["lines"][1]["credit"] = "9"

    refused_post(bookkeeper, "/entries/", body, status=422, code="entry_unbalanced")


def test_entry_of_one_line_is_refused(bookkeeper: APIClient) -> None:
    body = deposit("d1")
    del body["lines"][1]

    refused_post(bookkeeper, "/entries/", body, status=422, code="entry_lines")


def test_vault_may_not_pass_below_its_floor(bookkeeper: APIClient) -> None:
    lines = [{"account": "vault:mm:USDT", "debit": "5"}, {"account": TREASURY, "credit": "5"}]

    body = {"reference": "w1", "kind": "vault_payout", "lines": lines}
    document = refused_post(bookkeeper, "/entries/", body, status=422, code="account_floor")

    assert "account vault:mm:USDT would stand at -5" in document["detail"]


def test_money_is_put_into_a_fund_by_hand_and_never_taken_out(bookkeeper: APIClient) -> None:
    """Only a withdrawal takes it out, which a second person approves."""
    given = [{"account": TREASURY, "debit": "5"}, {"account": FUND, "credit": "5"}]
    post(bookkeeper, "/entries/", {"reference": "c1", "kind": "fund_contribution", "lines": given})

    taken = [{"account": FUND, "debit": "5"}, {"account": TREASURY, "credit": "5"}]
    body = {"reference": "w1", "kind": "fund_withdrawal", "lines": taken}
    document = refused_post(bookkeeper, "/entries/", body, status=422, code="account_controlled")

    assert "account fund:usdt is debited by approved withdrawals and events alone" in document["detail"]


def test_account_that_events_alone_move_is_refused(bookkeeper: APIClient) -> None:
    lines = [{"account": CUSTODY, "debit": "5"}, {"account": "engine:USDT", "credit": "5"}]

    body = {"reference": "w1", "kind": "gift", "lines": lines}
    refused_post(bookkeeper, "/entries/", body, status=422, code="account_controlled")


def test_unknown_account_is_refused_unless_it_is_a_traders(bookkeeper: APIClient) -> None:
    body = deposit("d1")
    body["lines"][0]["account"] = "vault:other:USDT"

    refused_post(bookkeeper, "/entries/", body, status=422, code="account_unknown")


def test_trader_in_an_unknown_currency_is_refused(bookkeeper: APIClient) -> None:
    body = deposit("d1")
    body["lines"][1]["account"] = "trader:ann:DOGE"

    refused_post(bookkeeper, "/entries/", body, status=422, code="currency_unknown")


@pytest.mark.parametrize("reference", ["takeover:t1", "close.2:t1", "close-penalty:t1", "cycle:usdt:1:1:0"])
def test_reference_of_an_events_own_entry_is_refused(bookkeeper: APIClient, reference: str) -> None:
    refused_post(bookkeeper, "/entries/", deposit(reference), status=422, code="reference_reserved")


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("a/b", "reference_malformed"),
        ("a\nb", "reference_malformed"),
        ("..", "reference_malformed"),
        ("a\0b", "reference_malformed"),
        ("\ud800", "reference_malformed"),
        ("", "field_empty"),
        (7, "string_expected"),
        (None, "field_null"),
        ("x" * 161, "too_long"),
    ],
)
def test_malformed_reference_is_refused(bookkeeper: APIClient, reference: Any, code: str) -> None:
    before = balances()

    response = bookkeeper.post("/api/v1/entries/", json.dumps(deposit(reference)), content_type="application/json")

    problem_of(response, status=422, code=code)
    assert balances() == before


def test_unknown_fields_are_refused_at_every_depth(bookkeeper: APIClient) -> None:
    body = deposit("d1", memo="x")
    body["lines"][1]["note"] = "y"

    document = refused_post(bookkeeper, "/entries/", body, status=422, code="field_unknown")

    assert {error["pointer"]: error["code"] for error in document["errors"]} == {
        "/memo": "field_unknown",
        "/lines/1/note": "field_unknown",
    }


def test_missing_fields_are_named(bookkeeper: APIClient) -> None:
    document = refused_post(bookkeeper, "/entries/", {}, status=422, code="field_required")

    assert {error["pointer"] for error in document["errors"]} == {"/reference", "/kind", "/lines"}


@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("2026-01-01T00:00:00", "time_without_offset"),
        ("2026-01-01", "time_malformed"),
        ("2026-02-30T00:00:00Z", "time_malformed"),
        ("0001-01-01T00:00:00+14:00", "time_out_of_range"),
        ("9999-12-31T23:59:59-14:00", "time_out_of_range"),
        ("1970-01-01T00:00:00+00:01", "time_out_of_range"),
        ("2999-12-31T23:59:59-00:01", "time_out_of_range"),
        (1767225600, "time_malformed"),
    ],
)
def test_time_that_is_not_rfc_3339_is_refused(bookkeeper: APIClient, time: Any, code: str) -> None:
    refused_post(bookkeeper, "/entries/", deposit("d1", effective_at=time), status=422, code=code)


def test_entries_are_listed_newest_first_and_filtered(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/entries/", deposit("d1", effective_at="2026-01-01T00:00:00Z"))
    post(bookkeeper, "/entries/", deposit("d2", trader="bob", effective_at="2026-01-02T00:00:00Z"))
    post_directly(move("c1", "5", debited=CUSTODY, credited=FUND, kind="fund_contribution"))

    def references(**query: str) -> list[str]:
        return [row["reference"] for row in every_row(bookkeeper, "/entries/", **query)]

    assert references() == ["c1", "d2", "d1"]
    assert references(kind="deposit") == ["d2", "d1"]
    assert references(reference="d1") == ["d1"]
    assert references(account="trader:bob:USDT") == ["d2"]
    assert references(recorded_by="books") == ["d2", "d1"]
    assert references(kind="deposit", effective_from="2026-01-01T12:00:00Z") == ["d2"]
    assert references(kind="deposit", effective_to="2026-01-02T00:00:00Z") == ["d1"]


def test_unknown_entry_is_not_found(bookkeeper: APIClient) -> None:
    refused_get(bookkeeper, "/entries/987654321/", status=404, code="entry_unknown")
    refused_get(bookkeeper, f"/entries/{10**30}/", status=404, code="entry_unknown")
