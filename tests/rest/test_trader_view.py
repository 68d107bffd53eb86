"""What a trader sees: the statement by type and time, and how near its open positions are to deleveraging."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from fund.explanations import explain
from ledger.rest.models import Role
from liquidation.statements import trader_lines
from tests.fund.builders import open_fund
from tests.fund.settling import settled
from tests.rest.api import client, every_row, get, post, refused_get
from tests.rest.takeovers import contract
from tests.rest.test_entries import deposit

pytestmark = pytest.mark.django_db
ADL = {"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"}
STATEMENT, STANDINGS = "/traders/ann/statement/", "/traders/ann/adl/"


def position(name: str, trader: str, profit: int, **more: Any) -> dict[str, str]:
    """A short of one piece, entered so far above the mark of 100."""
    row = {"contract": "BTC-PERP", "side": "short", "quantity": "1", "mark_price": "100"}
    return {"position": name, "trader": trader, **row, "entry_price": str(100 + profit), **more}


def upload(engine: APIClient, *rows: dict[str, str], fund: str = "usdt") -> None:
    response = engine.put(f"/api/v1/funds/{fund}/positions/", {"items": list(rows)}, format="json")
    assert response.status_code == 200, response.content


@pytest.fixture
def engine() -> APIClient:
    """Twenty shorts in profit: every fifth is ann's, of which one is worth most, and one of hers loses."""
    open_fund("full_cover", contribution="1000", adl=ADL)
    made = client(Role.ENGINE)
    post(made, "/contracts/", contract())
    traders = ["ann" if place % 5 == 0 else "bob" for place in range(20)]
    rows = [position(f"q{place:02}", trader, 40 - place) for place, trader in enumerate(traders)]
    upload(made, *rows, position("losing", "ann", -5))
    return made


def lights(by: APIClient, **query: Any) -> dict[str, tuple[int | None, int | None, int | None]]:
    rows = every_row(by, STANDINGS, **query)
    return {row["position"]: (row["rank"], row["length"], row["lights"]) for row in rows}


def test_lights_tell_the_fifth_of_the_queue(engine: APIClient) -> None:
    expected = {
        "q00": (1, 20, 5),
        "q05": (6, 20, 4),
        "q10": (11, 20, 3),
        "q15": (16, 20, 2),
        "losing": (None, 20, 0),
    }

    assert lights(engine) == expected
    assert lights(engine, limit=2) == expected
    shown = every_row(engine, STANDINGS)[0]
    assert shown == {
        "position": "q00",
        "fund": "usdt",
        "contract": "BTC-PERP",
        "side": "short",
        "quantity": "1",
        "entry_price": "140",
        "mark_price": "100",
        "queue": "profit_amount",
        "rank": 1,
        "length": 20,
        "lights": 5,
    }


def test_each_side_and_contract_has_a_queue_of_its_own(engine: APIClient) -> None:
    post(engine, "/contracts/", contract("ETH-PERP"))
    upload(
        engine,
        position("short", "ann", 10),
        position("better", "bob", 20),
        position("long", "ann", -10, side="long"),
        position("other", "ann", 1, contract="ETH-PERP"),
        position("stranger", "ann", 1, contract="NO-SUCH"),
    )

    assert lights(engine) == {
        "short": (2, 2, 3),
        "long": (1, 1, 5),
        "other": (1, 1, 5),
        "stranger": (None, None, None),
    }
    assert set(lights(engine, contract="ETH-PERP")) == {"other"}
    assert set(lights(engine, side="long", fund="usdt")) == {"long"}
    assert lights(engine, fund="btc") == {}


def test_rulebook_in_force_ranks_and_without_adl_nothing_does(engine: APIClient) -> None:
    treasury = client(Role.TREASURY)

    def publish(adl: Any, at: str) -> None:
        post(treasury, "/funds/usdt/rulebooks/", {"preset": "shared_loss", "adl": adl, "effective_from": at})

    publish({**ADL, "queue": "external"}, "2026-01-01T00:00:00Z")
    assert every_row(engine, STANDINGS)[0]["queue"] == "external"
    assert set(lights(engine).values()) == {(None, None, None)}
    publish(None, "2026-01-02T00:00:00Z")
    assert every_row(engine, STANDINGS)[0]["queue"] is None
    publish(ADL, "2999-01-01T00:00:00Z")
    assert set(lights(engine).values()) == {(None, None, None)}


def test_trader_sees_the_own_standings_alone(engine: APIClient) -> None:
    ann = client(Role.TRADER, trader="ann")

    assert set(lights(ann)) == {"q00", "q05", "q10", "q15", "losing"}
    refused_get(ann, "/traders/bob/adl/", status=403, code="trader_not_allowed")
    assert every_row(engine, "/traders/nobody/adl/") == []


def test_key_of_one_fund_sees_the_standings_there(engine: APIClient) -> None:
    open_fund("full_cover", code="btc", adl=ADL)
    post(engine, "/contracts/", contract("BTC-USD", margin_currency="BTC", fund="btc"))
    upload(engine, position("coin", "ann", 3, contract="BTC-USD"), fund="btc")

    assert lights(client(Role.ENGINE, funds=["btc"])) == {"coin": (1, 1, 5)}
    assert len(lights(engine)) == 6


def test_number_of_queries_does_not_grow_with_the_books(engine: APIClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            get(engine, STANDINGS)
        return len(captured)

    few = queries()
    for code in ("btc", "eth"):
        open_fund("full_cover", code=code, adl=ADL)
        symbol = f"{code}-PERP"
        post(engine, "/contracts/", contract(symbol, margin_currency=code.upper(), fund=code))
        rows = [position(f"{code}-{side}", "ann", 1, contract=symbol, side=side) for side in ("long", "short")]
        upload(engine, *rows, fund=code)

    assert queries() == few


@pytest.fixture
def bookkeeper() -> APIClient:
    """Ann's deposits d1 to d5, an hour apart from midnight on."""
    open_fund("full_cover")
    made = client(Role.BOOKKEEPER)
    times = [{"effective_at": f"2026-01-01T0{hour}:00:00Z"} for hour in range(5)]
    post(made, "/entries/", {"items": [{**deposit(f"d{place}"), **at} for place, at in enumerate(times, 1)]})
    return made


def references(by: APIClient, **query: Any) -> list[str]:
    return [row["reference"] for row in every_row(by, STATEMENT, **query)]


def test_statement_of_a_span_of_time(bookkeeper: APIClient) -> None:
    assert references(bookkeeper, effective_from="2026-01-01T03:00:00Z") == ["d4", "d5"]
    assert references(bookkeeper, effective_to="2026-01-01T01:00:00Z") == ["d1"]
    span = {"effective_from": "2026-01-01T01:00:00Z", "effective_to": "2026-01-01T03:30:00Z"}
    assert references(bookkeeper, **span, limit=1) == ["d2", "d3", "d4"]
    assert references(bookkeeper, **span, type="WITHDRAWAL") == []
    refused_get(bookkeeper, STATEMENT, status=400, code="time_malformed", effective_from="noon")


def test_statement_is_read_backward_too(bookkeeper: APIClient) -> None:
    first = get(bookkeeper, STATEMENT, limit=2, type="DEPOSIT")
    second = bookkeeper.get(first["next"]).json()
    third = bookkeeper.get(second["next"]).json()

    assert first["previous"] is None
    assert third["next"] is None
    assert [row["reference"] for row in third["results"]] == ["d5"]
    assert bookkeeper.get(third["previous"]).json()["results"] == second["results"]
    back = bookkeeper.get(second["previous"]).json()
    assert (back["results"], back["previous"]) == (first["results"], None)


def plans_of(call: Any) -> str:
    """How the statements of a call would be run where reading a table whole is the last resort."""
    with CaptureQueriesContext(connection) as captured:
        call()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        lines: list[str] = []
        reads = [query for query in captured.captured_queries if query["sql"].startswith(("SELECT", "\nWITH"))]
        assert reads
        for query in reads:
            cursor.execute(f"EXPLAIN {query['sql']}".replace("%", "%%"), [])
            lines += [row[0] for row in cursor.fetchall()]
    return "\n".join(lines)


@pytest.mark.parametrize("backward", [False, True])
def test_statement_reads_no_table_whole(bookkeeper: APIClient, backward: bool) -> None:
    plan = plans_of(lambda: trader_lines("ann", beyond=1, backward=backward, limit=100))

    assert "Seq Scan" not in plan, plan


def test_explanation_reads_no_table_whole() -> None:
    cycle = settled("500", "300", "-70")

    plan = plans_of(lambda: explain(cycle_id=cycle.pk, trader="t1"))

    assert "Seq Scan on fund_cycleposition" not in plan
    assert "Seq Scan on fund_allocation" not in plan
    assert "cycle_position_trader" in plan, plan


def test_rank_below_the_cut_reads_the_cycle_alone() -> None:
    cycle = settled("500", "300", "150", "50")

    plan = plans_of(lambda: explain(cycle_id=cycle.pk, trader="t4"))

    assert "WindowAgg" in plan
    assert "Seq Scan on fund_cycleposition" not in plan
