"""Receipts of takeovers and statements of traders over REST."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.models import Entry
from ledger.rest.models import Role
from tests.fund.builders import open_fund
from tests.rest.api import V1, client, every_row, get, post, problem_of, refused_get
from tests.rest.takeovers import contract, fill, takeover
from tests.rest.test_entries import deposit

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine() -> APIClient:
    open_fund("shared_loss", contribution="1000")
    made = client(Role.ENGINE)
    post(made, "/contracts/", contract())
    return made


def test_receipt_shows_who_bears_the_loss_and_its_parts_sum_to_it(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())
    post(engine, "/takeovers/t1/fills/", fill("f1", price="27500", quantity="0.4", fee="1.5"))
    post(engine, "/takeovers/t1/fills/", fill("f2", price="28100", quantity="0.6"))

    document = get(engine, "/takeovers/t1/receipt/")

    assert [(row["reference"], row["result"], row["fee"]) for row in document["fills"]] == [
        ("f1", "-200", "1.5"),
        ("f2", "60", "0"),
    ]
    figures = [document[name] for name in ("trading_result", "costs", "result", "loss")]
    assert figures == ["-140", "1.5", "-141.5", "141.5"]
    assert document["parts"] == {"fund": "28.3", "traders": "113.2", "treasury": "0", "carried": "0"}
    assert sum(Decimal(layer["amount"]) for layer in document["layers"]) == Decimal("141.5")
    booked = Entry.objects.filter(source_kind="takeover", source_id="t1").order_by("id")
    assert [entry["reference"] for entry in document["entries"]] == [entry.reference for entry in booked]


def test_receipt_of_a_profit_shows_who_got_it(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())
    post(engine, "/takeovers/t1/fills/", fill())

    document = get(engine, "/takeovers/t1/receipt/")

    assert (document["result"], document["loss"]) == ("200", "0")
    assert {"name": "injected", "amount": "200"} in document["layers"]


def test_receipt_of_an_open_takeover_has_no_layers_yet(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover())

    document = get(engine, "/takeovers/t1/receipt/")

    assert (document["status"], document["result"], document["layers"]) == ("open", "0", [])


def test_receipt_of_an_unknown_takeover_is_not_found(engine: APIClient) -> None:
    refused_get(engine, "/takeovers/nope/receipt/", status=404, code="takeover_unknown")


@pytest.fixture
def story(engine: APIClient) -> APIClient:
    """Ann deposits twice, withdraws once and is liquidated."""
    bookkeeper = client(Role.BOOKKEEPER)
    withdrawal = {
        "reference": "w1",
        "kind": "withdrawal",
        "lines": [{"account": "trader:ann:USDT", "debit": "5"}, {"account": "custody:USDT", "credit": "5"}],
    }
    post(bookkeeper, "/entries/", {"items": [deposit("d1", "1000"), deposit("d2", "500"), withdrawal]})
    post(engine, "/takeovers/", takeover())
    return engine


def lines(by: APIClient, **query: Any) -> list[tuple[str, str, str, str | None]]:
    rows = every_row(by, "/traders/ann/statement/", **query)
    return [(row["type"], row["debit"], row["credit"], row["balance_after"]) for row in rows]


DEPOSITS = [("DEPOSIT", "0", "1000", "1000"), ("DEPOSIT", "0", "500", "1500")]
WITHDRAWAL = ("WITHDRAWAL", "5", "0", "1495")
TAKEOVER = ("TAKEOVER", "1000", "0", "495")


def test_statement_of_a_trader_names_what_each_line_is(story: APIClient) -> None:
    assert lines(story) == [*DEPOSITS, WITHDRAWAL, TAKEOVER]
    assert lines(story, limit=1) == [*DEPOSITS, WITHDRAWAL, TAKEOVER]


def test_statement_is_filtered_by_types(story: APIClient) -> None:
    assert lines(story, type="TAKEOVER") == [TAKEOVER]
    assert lines(story, type="DEPOSIT,TAKEOVER", limit=2) == [*DEPOSITS, TAKEOVER]
    refused_get(story, "/traders/ann/statement/", status=400, code="choice_unknown", type="LOTTERY")


def test_a_refused_choice_or_parameter_is_told_which_there_are(story: APIClient) -> None:
    refused = story.get(V1 + "/takeovers/", {"status": "opne"})
    choice = problem_of(refused, status=400, code="choice_unknown")
    assert choice["detail"] == 'status: "opne" is not one of open, closed, reversed'
    parameter = refused_get(story, "/accounts/custody:USDT/balance/", status=400, code="parameter_unknown", of="x")
    assert parameter["detail"] == "of: there is no such parameter; known here: at, known_at"
    paged = refused_get(story, "/traders/ann/statement/", status=400, code="parameter_unknown", of="x")
    assert paged["detail"].endswith(", cursor, limit")


def test_trader_reads_the_own_statement_and_receipts_alone(story: APIClient) -> None:
    post(story, "/takeovers/", takeover("t2", trader="bob"))
    ann = client(Role.TRADER, trader="ann")

    assert lines(ann)[-1] == TAKEOVER
    assert get(ann, "/takeovers/t1/receipt/")["trader"] == "ann"
    refused_get(ann, "/traders/bob/statement/", status=403, code="trader_not_allowed")
    refused_get(ann, "/takeovers/t2/receipt/", status=404, code="takeover_unknown")


def test_receipt_keeps_counterparties_from_the_trader_that_was_liquidated(engine: APIClient) -> None:
    rulebook = {"preset": "full_cover", "adl": {"trigger": "unfilled"}}
    post(client(Role.TREASURY), "/funds/usdt/rulebooks/", {**rulebook, "effective_from": "2025-01-01T00:00:00Z"})
    post(engine, "/takeovers/", takeover())
    fills = [{"trader": name, "quantity": "0.5", "entry_price": "30000"} for name in ("sue", "tom")]
    post(engine, "/takeovers/t1/adl/", {"reference": "a1", "fills": fills})

    def counterparties(by: APIClient) -> list[str]:
        (event,) = get(by, "/takeovers/t1/receipt/")["adl"]
        return [row["trader"] for row in event["counterparties"]]

    assert counterparties(engine) == ["sue", "tom"]
    assert counterparties(client(Role.TRADER, trader="ann")) == []
