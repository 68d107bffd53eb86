"""Takeovers and fills over REST, as a matching engine reports them."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.models import Entry
from ledger.rest.models import Role
from liquidation.models import Takeover
from tests.builders import balance, balances
from tests.fund.builders import open_fund
from tests.rest.api import client, every_row, get, post, refused_get, refused_post
from tests.rest.takeovers import contract, fill, takeover
from tests.statements import sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine() -> APIClient:
    open_fund("full_cover", contribution="1000")
    made = client(Role.ENGINE, name="matching-engine")
    post(made, "/contracts/", contract())
    return made


def test_takeover_is_reported_and_shown(engine: APIClient) -> None:
    document = post(engine, "/takeovers/", takeover(entry_price="29000", mark_price="28100.5"))

    assert {name: document[name] for name in ("status", "remaining", "limit_price", "result", "waterfall")} == {
        "status": "open",
        "remaining": "1",
        "limit_price": None,
        "result": None,
        "waterfall": None,
    }
    assert document["rulebook"] == {"version": 1, "preset": "full_cover"}
    assert (document["fund"], document["entry_price"], document["mark_price"]) == ("usdt", "29000", "28100.5")
    assert get(engine, "/takeovers/t1/") == document
    assert balance("trader:ann:USDT") == "-1000"
    assert Entry.objects.get(reference="takeover:t1").recorded_by == "matching-engine"


def test_close_above_the_bankruptcy_price_goes_to_the_fund(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())

    document = post(engine, "/takeovers/t1/fills/", fill(fee="10"))

    assert (document["status"], document["remaining"], document["result"]) == ("closed", "0", "200")
    assert document["waterfall"]["injected"] == "190"
    closed = get(engine, "/takeovers/t1/")
    assert (closed["status"], closed["result"], closed["waterfall"]) == ("closed", "190", document["waterfall"])
    assert balance("fund:usdt") == "1190"


def test_loss_is_drawn_from_the_fund(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover(side="short"))

    document = post(engine, "/takeovers/t1/fills/", fill())

    assert document["waterfall"]["paid"] == "200"
    assert balance("fund:usdt") == "800"


def test_fills_may_be_told_by_their_result(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())

    document = post(engine, "/takeovers/t1/fills/", {"reference": "f1", "pnl": "55.5", "quantity": "1", "fee": "0.5"})

    assert (document["price"], document["pnl"], document["waterfall"]["injected"]) == (None, "55.5", "55")


def test_reports_sent_again_are_answered_with_what_stands(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())
    post(engine, "/takeovers/t1/fills/", fill())
    after = balances()

    again = post(engine, "/takeovers/", takeover(), status=200)
    fill_again = post(engine, "/takeovers/t1/fills/", fill(price="28200.00"), status=200)

    assert (again["status"], again["waterfall"]["injected"]) == ("closed", "200")
    assert fill_again["waterfall"] == again["waterfall"]
    assert balances() == after


@pytest.mark.parametrize("quantity", ["9" * 38, f"{'9' * 38}.{'9' * 18}"])
def test_largest_number_that_is_kept_is_taken(engine: APIClient, quantity: str) -> None:
    assert post(engine, "/takeovers/", takeover(quantity=quantity))["quantity"] == quantity

    assert get(engine, "/takeovers/t1/")["remaining"] == quantity


@pytest.mark.parametrize("quantity", [f"1{'0' * 38}", f"0.{'0' * 18}1"])
def test_number_beyond_the_largest_or_finest_is_refused(engine: APIClient, quantity: str) -> None:
    code = "amount_out_of_range" if len(quantity) > 30 else "amount_precision"
    refused_post(engine, "/takeovers/", takeover(quantity=quantity), status=422, code=code)
    assert not Takeover.objects.exists()


def test_same_reference_with_other_content_is_refused(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())
    post(engine, "/takeovers/t1/fills/", fill(quantity="0.5"))

    refused_post(engine, "/takeovers/", takeover(margin="1001"), status=409, code="reference_reused")
    refused_post(engine, "/takeovers/t1/fills/", fill(quantity="0.4"), status=409, code="reference_reused")


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"quantity": "0"}, "quantity_not_positive", "/quantity"),
        ({"quantity": 1}, "amount_must_be_string", "/quantity"),
        ({"contract": "NOPE"}, "contract_unknown", "/contract"),
        ({"margin": "0.000000001"}, "amount_precision", "/margin"),
        ({"margin": "-1"}, "margin_negative", "/margin"),
        ({"bankruptcy_price": "-1"}, "price_negative", "/bankruptcy_price"),
        ({"side": "up"}, "side_unknown", "/side"),
        ({"trader": "a b"}, "name_malformed", "/trader"),
        ({"leverage": "10"}, "field_unknown", "/leverage"),
        ({"taken_over_at": "2026-01-01T00:00:00"}, "time_without_offset", "/taken_over_at"),
        # Written in a year of ours, it lies before the first rulebook of any fund.
        ({"taken_over_at": "1970-01-01T00:00:00+00:01"}, "time_out_of_range", "/taken_over_at"),
    ],
)
def test_takeover_that_makes_no_sense_is_refused(
    engine: APIClient, change: dict[str, Any], code: str, pointer: str
) -> None:
    document = refused_post(engine, "/takeovers/", takeover(**change), status=422, code=code)

    assert [error["pointer"] for error in document["errors"]] == [pointer]
    assert not Takeover.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"quantity": "1.1"}, 422, "fill_exceeds_remaining"),
        ({"price": "-1"}, 422, "price_not_positive"),
        ({"pnl": "5"}, 422, "fill_price_or_pnl"),
        ({"price": None}, 422, "fill_price_or_pnl"),
        ({"fee": "-1"}, 422, "fee_negative"),
        ({"fee": 0}, 422, "amount_must_be_string"),
    ],
)
def test_fill_that_makes_no_sense_is_refused(engine: APIClient, change: dict[str, Any], status: int, code: str) -> None:
    post(engine, "/takeovers/", takeover())

    refused_post(engine, "/takeovers/t1/fills/", fill(**change), status=status, code=code)


def test_fill_of_a_closed_takeover_is_refused(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())
    post(engine, "/takeovers/t1/fills/", fill())

    refused_post(engine, "/takeovers/t1/fills/", fill("f2"), status=409, code="takeover_closed")


@pytest.mark.parametrize("action", ["fills", "close"])
def test_unknown_takeover_is_not_found(engine: APIClient, action: str) -> None:
    body = fill() if action == "fills" else {}

    refused_post(engine, f"/takeovers/nope/{action}/", body, status=404, code="takeover_unknown")
    refused_get(engine, "/takeovers/nope/", status=404, code="takeover_unknown")


def test_close_of_what_is_not_filled_is_refused(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())

    refused_post(engine, "/takeovers/t1/close/", {}, status=409, code="takeover_not_filled")


def test_close_of_a_closed_takeover_changes_nothing(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())
    post(engine, "/takeovers/t1/fills/", fill())
    after = balances()

    assert post(engine, "/takeovers/t1/close/", {}, status=200)["status"] == "closed"
    assert balances() == after


def test_batches_of_takeovers_and_fills(engine: APIClient) -> None:
    batch = {"items": [takeover(f"t{number}") for number in range(5)]}
    answers = post(engine, "/takeovers/", batch)["items"]
    assert [(item["status"], item["reference"]) for item in answers] == [(201, f"t{number}") for number in range(5)]

    fills = {"items": [fill("f1", quantity="0.4"), fill("f2", quantity="0.6")]}
    answers = post(engine, "/takeovers/t3/fills/", fills)["items"]

    assert [item["status"] for item in answers] == [201, 201]
    assert answers[-1]["takeover_status"] == "closed"
    assert [row["reference"] for row in every_row(engine, "/takeovers/t3/fills/")] == ["f1", "f2"]


def test_batch_with_a_refused_item_takes_nothing_and_names_it(engine: APIClient) -> None:
    batch = {"items": [takeover("t1"), takeover("t2", quantity="0"), takeover("t3")]}

    document = refused_post(engine, "/takeovers/", batch, status=422, code="quantity_not_positive")

    assert [error["pointer"] for error in document["errors"]] == ["/items/1/quantity"]
    assert not Takeover.objects.exists()


def test_items_that_stand_alone_are_taken_beside_a_refused_one(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover("t9"))
    items = [
        takeover("t1"),
        takeover("t2", contract="NOPE"),
        takeover("t9"),
        takeover("t9", margin="1"),
        takeover("t3"),
    ]

    answers = post(engine, "/takeovers/", {"items": items, "atomic": False})["items"]

    assert [item["status"] for item in answers] == [201, 422, 200, 409, 201]
    assert [item["reference"] for item in every_row(engine, "/takeovers/")] == ["t3", "t1", "t9"]


def test_takeovers_are_filtered(engine: APIClient) -> None:
    post(engine, "/contracts/", contract("ETH-PERP"))
    post(engine, "/takeovers/", takeover("t1"))
    post(engine, "/takeovers/", takeover("t2", trader="bob", contract="ETH-PERP", side="short"))
    post(engine, "/takeovers/t1/fills/", fill())

    def references(**query: str) -> list[str]:
        return [row["reference"] for row in every_row(engine, "/takeovers/", **query)]

    assert references() == ["t2", "t1"]
    assert references(status="closed") == ["t1"]
    assert references(trader="bob") == references(contract="ETH-PERP") == references(side="short") == ["t2"]
    assert references(fund="usdt", taken_over_from="2026-01-01T00:00:00Z") == ["t2", "t1"]
    assert references(taken_over_to="2026-01-01T00:00:00Z") == []


def test_contract_is_added_once_on_its_terms(engine: APIClient) -> None:
    again = post(engine, "/contracts/", contract(), status=200)

    assert again == {**contract(), "tick": None, "close_fee_rate": "0"}
    refused_post(engine, "/contracts/", contract(multiplier="2"), status=409, code="contract_exists")
    refused_post(engine, "/contracts/", contract("X", kind="cubic"), status=422, code="kind_unknown")
    refused_post(engine, "/contracts/", contract("X", fund="nope"), status=404, code="fund_unknown")
    assert [row["symbol"] for row in every_row(engine, "/contracts/", kind="linear")] == ["BTC-PERP"]


def test_number_of_queries_does_not_grow_with_the_batch(engine: APIClient) -> None:
    def queries(path: str, body: Any) -> int:
        with sent() as captured:
            post(engine, path, body)
        return len(captured)

    # The first of a trader opens the account.
    post(engine, "/takeovers/", takeover("first"))
    few = queries("/takeovers/", {"items": [takeover(f"a{number}") for number in range(2)]})
    many = queries("/takeovers/", {"items": [takeover(f"b{number}") for number in range(50)]})
    assert many == few
    few_fills = queries("/takeovers/a0/fills/", {"items": [fill(f"a{n}", quantity="0.5") for n in range(2)]})
    many_fills = queries("/takeovers/b0/fills/", {"items": [fill(f"b{n}", quantity="0.02") for n in range(50)]})
    assert many_fills == few_fills
