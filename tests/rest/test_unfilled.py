"""Unfilled takeovers over REST: into the fund's inventory, or to ADL against counterparties."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.rest.models import Role
from tests.builders import balance, balances
from tests.fund.builders import open_fund
from tests.rest.api import client, every_row, get, post, refused_post

pytestmark = pytest.mark.django_db
ADL = {"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"}
OPEN = [
    ["q1", "sue", "X-PERP", "short", "4", "130", "100"],
    ["q2", "tom", "X-PERP", "short", "10", "110", "100"],
    ["q3", "liv", "X-PERP", "long", "5", "90", "100"],
]


def engine_of(preset: str, **fields: Any) -> APIClient:
    open_fund(preset, contribution="10000", **fields)
    engine = client(Role.ENGINE)
    contract = {"symbol": "X-PERP", "kind": "linear", "margin_currency": "USDT", "multiplier": "1", "fund": "usdt"}
    post(engine, "/contracts/", contract)
    takeover = {"contract": "X-PERP", "trader": "ann", "side": "long", "bankruptcy_price": "100", "margin": "60"}
    post(engine, "/takeovers/", {"reference": "t1", "quantity": "6", **takeover})
    return engine


@pytest.fixture
def engine() -> APIClient:
    made = engine_of("full_cover", adl=ADL)
    made.put("/api/v1/funds/usdt/positions/", {"rows": OPEN}, format="json")
    return made


def adl(**more: Any) -> dict[str, Any]:
    fills = [
        {"trader": "sue", "quantity": "4", "entry_price": "130"},
        {"trader": "tom", "quantity": "2", "entry_price": "110"},
    ]
    return {"reference": "a1", "fills": fills, **more}


def test_unfilled_order_is_answered_with_the_ranked_queue(engine: APIClient) -> None:
    document = post(engine, "/takeovers/t1/unfilled/", {}, status=200)

    assert (document["next"], document["quantity"], document["price"]) == ("adl", "6", "100")
    queue = [(row["rank"], row["trader"], row["quantity"], row["profit"], row["closes"]) for row in document["queue"]]
    assert queue == [(1, "sue", "4", "120", "4"), (2, "tom", "10", "100", "2")]


def test_an_answered_score_is_worked_out_by_hand_and_the_event_has_it_too() -> None:
    """The example of docs/api.md."""
    engine = engine_of("full_cover", adl={**ADL, "queue": "pnl_rate_x_leverage"})
    short = {"contract": "X-PERP", "trader": "bob", "side": "short", "bankruptcy_price": "100", "margin": "60"}
    post(engine, "/takeovers/", {"reference": "t2", "quantity": "6", **short})
    rows = [["q1", "sue", "X-PERP", "long", "10", "80", "100", "130"]]
    engine.put("/api/v1/funds/usdt/positions/", {"rows": rows}, format="json")

    document = post(engine, "/takeovers/t2/unfilled/", {}, status=200)

    terms = {name: document["ranking"][name] for name in ("queue", "kind", "multiplier", "side", "length", "left")}
    assert list(terms.values()) == ["pnl_rate_x_leverage", "linear", "1", "long", 1, "0"]
    (row,) = document["queue"]
    assert (row["entry_price"], row["mark_price"], row["margin"], row["wallet"]) == ("80", "100", "130", None)
    assert (row["profit"], row["score"]) == ("200", "25/33")
    fills = [{"trader": "sue", "quantity": "6"}]
    event = post(engine, "/takeovers/t2/adl/", {"reference": "a2", "fills": fills})
    assert (event["queue"]["rows"], event["queue"]["differs"]) == ([row], [])
    assert event["answered"]["quantity"] == "6"


def test_adl_is_booked_at_the_bankruptcy_price(engine: APIClient) -> None:
    post(engine, "/takeovers/t1/unfilled/", {}, status=200)

    document = post(engine, "/takeovers/t1/adl/", adl())

    assert (document["status"], document["remaining"], document["price"]) == ("closed", "0", "100")
    assert [(fill["trader"], fill["realised"]) for fill in document["fills"]] == [("sue", "120"), ("tom", "20")]
    assert balance("trader:sue:USDT") == "120"
    assert balance("fund:usdt") == "10000"
    after = balances()
    assert post(engine, "/takeovers/t1/adl/", adl(), status=200)["fills"] == document["fills"]
    assert every_row(engine, "/takeovers/t1/adl/")[0]["reference"] == "a1"
    assert balances() == after


def test_adl_that_makes_no_sense_is_refused(engine: APIClient) -> None:
    path = "/takeovers/t1/adl/"
    too_much = adl(fills=[{"trader": "tom", "quantity": "7", "entry_price": "110"}])
    document = refused_post(engine, path, too_much, status=422, code="fill_exceeds_remaining")
    assert [error["pointer"] for error in document["errors"]] == ["/fills"]
    refused_post(engine, path, adl(fills=[]), status=422, code="adl_fills_missing")
    number = adl(fills=[{"trader": "tom", "quantity": 1, "entry_price": "110"}])
    refused_post(engine, path, number, status=422, code="amount_must_be_string")
    refused_post(engine, "/takeovers/nope/adl/", adl(), status=404, code="takeover_unknown")


def test_unfilled_of_an_unknown_takeover_is_not_found(engine: APIClient) -> None:
    refused_post(engine, "/takeovers/nope/unfilled/", {}, status=404, code="takeover_unknown")


def test_inventory_takes_the_position_over_and_gives_it_out_again() -> None:
    engine = engine_of("inventory_takeover")

    document = post(engine, "/takeovers/t1/unfilled/", {}, status=200)

    assert (document["next"], document["status"], document["queue"]) == ("inventory", "closed", None)
    held = every_row(engine, "/funds/usdt/inventory/")
    assert [(row["contract"], row["side"], row["quantity"], row["carrying_price"]) for row in held] == [
        ("X-PERP", "long", "6", "100")
    ]
    marked = post(engine, "/funds/usdt/inventory/marks/", {"contract": "X-PERP", "price": "105"}, status=200)
    assert marked["mark_price"] == "105"
    assert get(engine, "/funds/usdt/")["inventory"] == "630"
    disposal = {"reference": "s1", "contract": "X-PERP", "price": "110", "quantity": "4", "fee": "1"}
    done = post(engine, "/funds/usdt/inventory/disposals/", disposal)
    assert done["realised"] == "40"
    assert balance("fund:usdt") == "10039"
    assert post(engine, "/funds/usdt/inventory/disposals/", disposal, status=200) == done
    assert [row["reference"] for row in every_row(engine, "/funds/usdt/inventory/disposals/")] == ["s1"]
    more = {**disposal, "reference": "s2"}
    refused_post(engine, "/funds/usdt/inventory/disposals/", more, status=422, code="inventory_insufficient")


def test_receipt_keeps_what_the_fund_holds_from_the_trader() -> None:
    engine = engine_of("inventory_takeover")
    post(engine, "/takeovers/t1/unfilled/", {}, status=200)

    def taken(by: APIClient) -> list[str]:
        return [row["reference"] for row in get(by, "/takeovers/t1/receipt/")["inventory"]]

    assert taken(engine) == taken(client(Role.AUDITOR)) == ["unfilled:t1"]
    assert taken(client(Role.TRADER, trader="ann")) == []


def test_fund_under_water_is_told_from_one_that_is_not() -> None:
    engine = engine_of("inventory_takeover")
    post(engine, "/takeovers/t1/unfilled/", {}, status=200)
    path, fund = "/funds/usdt/inventory/", "/funds/usdt/"

    def shown() -> list[Any]:
        (held,) = every_row(engine, path)
        of_fund = get(engine, fund)
        return [held["exposure"], held["unrealised"], of_fund["inventory"], of_fund["inventory_unrealised"]]

    assert shown() == ["600", None, "600", None]
    for price, exposure, unrealised in (("50", "300", "-300"), ("150", "900", "300")):
        marked = post(engine, f"{path}marks/", {"contract": "X-PERP", "price": price}, status=200)
        assert (marked["exposure"], marked["unrealised"]) == (exposure, unrealised)
        assert shown() == [exposure, unrealised, exposure, unrealised]
    sale = {"reference": "s1", "contract": "X-PERP", "price": "150", "quantity": "6"}
    post(engine, f"{path}disposals/", sale)
    assert [get(engine, fund)[name] for name in ("inventory", "inventory_unrealised")] == ["0", "0"]
    marked = post(engine, f"{path}marks/", {"contract": "X-PERP", "price": "151"}, status=200)
    assert [marked[name] for name in ("side", "exposure", "unrealised")] == ["", "0", "0"]


def test_inventory_of_one_fund_takes_no_contract_of_another() -> None:
    engine = engine_of("inventory_takeover")
    open_fund("full_cover", code="btc")

    disposal = {"reference": "s1", "contract": "X-PERP", "price": "110", "quantity": "4"}
    for what, body in (("disposals", disposal), ("marks", {"contract": disposal["contract"], "price": "1"})):
        path = f"inventory/{what}/"
        refused_post(engine, f"/funds/btc/{path}", body, status=422, code="contract_of_another_fund")
        refused_post(engine, f"/funds/nope/{path}", body, status=404, code="fund_unknown")
