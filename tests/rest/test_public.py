"""What everybody may see without a key."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from fund import snapshots
from fund.estimates import estimated_rate
from fund.rulebook import publish_fields
from ledger.rest.models import Role
from tests.builders import moment
from tests.fund.builders import open_cycle, open_fund
from tests.rest.api import V1, client, every_row, get, post, refused_get, stranger
from tests.rest.takeovers import contract, fill, takeover

pytestmark = pytest.mark.django_db
FUNDS = "/public/insurance-fund/"
HISTORY = f"{FUNDS}history/"
ESTIMATE = "/public/estimated-allocation/"


@pytest.fixture
def engine() -> APIClient:
    """An engine at a fund of 1,000 that bears a fifth of each loss."""
    cache.clear()
    open_fund("shared_loss", contribution="1000")
    made = client(Role.ENGINE)
    post(made, "/contracts/", contract())
    return made


def lose(engine: APIClient, amount: str, reference: str = "t1") -> None:
    post(engine, "/takeovers/", takeover(reference))
    told = {"reference": f"f-{reference}", "pnl": f"-{amount}", "quantity": "1", "filled_at": "2026-01-01T00:00:05Z"}
    post(engine, f"/takeovers/{reference}/fills/", told)


def test_everybody_sees_the_funds(engine: APIClient) -> None:
    lose(engine, "500")

    (shown,) = every_row(stranger(), FUNDS)

    assert shown == {
        "fund": "usdt",
        "currency": "USDT",
        "balance": "900",
        "reserved": "0",
        "inventory": "0",
        "deficit": "0",
        "gross_injections": "0",
        "gross_payouts": "100",
    }
    assert every_row(stranger(), FUNDS, fund="btc") == []


def test_history_has_the_figures_as_they_were(engine: APIClient) -> None:
    snapshots.take(taken_at=moment(0))
    lose(engine, "500")
    snapshots.take(taken_at=moment(60))

    rows = every_row(stranger(), f"{FUNDS}history/", fund="usdt")

    assert [(row["taken_at"], row["balance"]) for row in rows] == [
        ("2026-01-01T00:01:00Z", "900"),
        ("2026-01-01T00:00:00Z", "1000"),
    ]
    later = every_row(stranger(), f"{FUNDS}history/", **{"from": "2026-01-01T00:00:30Z"})
    assert [row["balance"] for row in later] == ["900"]


def test_history_of_hours_is_worked_out_where_nothing_was_taken(engine: APIClient) -> None:
    snapshots.take(taken_at=moment(3600))
    lose(engine, "500")
    asked = {"interval": "hour", "fund": "usdt", "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T03:00:00Z"}

    rows = every_row(stranger(), HISTORY, **asked, limit=1)

    assert [(row["taken_at"], row["balance"], row["recorded"]) for row in rows] == [
        ("2026-01-01T02:00:00Z", "900", False),
        ("2026-01-01T01:00:00Z", "1000", True),
        ("2026-01-01T00:00:00Z", "1000", False),
    ]
    assert [row["inventory"] for row in rows] == [None, "0", None]
    newest = get(stranger(), HISTORY, interval="day", currency="USDT", limit=1)["results"][0]
    assert newest["taken_at"].endswith("T00:00:00Z")
    assert newest["balance"] == "900"
    assert every_row(stranger(), HISTORY, interval="day", fund="nope") == []


def test_pages_of_hours_lead_back_to_the_first(engine: APIClient) -> None:
    asked = {"interval": "hour", "to": "2026-01-01T05:00:00Z", "limit": 2}
    first = get(stranger(), HISTORY, **asked)
    second = stranger().get(first["next"]).json()

    assert first["previous"] is None
    assert stranger().get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"interval": "week"}, "choice_unknown"),
        ({"from": "yesterday"}, "time_malformed"),
        ({"interval": "hour", "cursor": "WyJub25zZW5zZSIsMF0"}, "cursor_malformed"),
        ({"interval": "hour", "cursor": "WzEyLDBd"}, "cursor_malformed"),
    ],
)
def test_history_that_cannot_be_read_is_refused(query: dict[str, str], code: str) -> None:
    refused_get(stranger(), HISTORY, status=400, code=code, **query)


@pytest.mark.parametrize("address", [FUNDS, f"{FUNDS}?format=binance", HISTORY, "/public/settlements/", ESTIMATE])
def test_public_figures_are_kept_by_caches_and_read_by_any_page(engine: APIClient, address: str) -> None:
    by = stranger()
    response = by.get(V1 + address)

    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert set(response.headers["Cache-Control"].split(", ")) == {"public", "max-age=5"}
    assert "Cookie" not in response.headers.get("Vary", "")
    tag = {"If-None-Match": response.headers["ETag"]}
    again = APIClient().get(V1 + address, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == response.headers["ETag"]


def test_a_figure_that_moved_is_sent_again(engine: APIClient) -> None:
    tag = {"If-None-Match": stranger().get(V1 + FUNDS).headers["ETag"]}
    lose(engine, "500")

    response = stranger().get(V1 + FUNDS, headers=tag)

    assert response.status_code == 200
    assert response.json()["results"][0]["balance"] == "900"


def test_nothing_behind_a_key_is_open_to_pages_or_caches(engine: APIClient) -> None:
    for response in (engine.get(f"{V1}/funds/"), stranger().get(f"{V1}/funds/")):
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "public" not in response.headers.get("Cache-Control", "")


def test_a_refusal_is_not_kept_by_caches() -> None:
    response = stranger().get(f"{V1}{FUNDS}?colour=red")

    assert response.status_code == 400
    assert "Cache-Control" not in response.headers


def send(engine: APIClient, cycle: int, *profits: str) -> None:
    rows = [{"position": f"p{place}", "trader": "bob", "profit": profit} for place, profit in enumerate(profits)]
    post(engine, f"/cycles/{cycle}/positions/", rows)


def test_estimate_tells_what_the_running_cycle_would_cost(engine: APIClient) -> None:
    cycle = open_cycle(1).pk
    lose(engine, "500")
    send(engine, cycle, "700", "300", "-50")

    (shown,) = every_row(stranger(), ESTIMATE)

    figures = {name: shown[name] for name in ("number", "status", "loss", "to_allocate", "profit_total", "rate")}
    assert figures == {
        "number": 1,
        "status": "open",
        "loss": "500",
        "to_allocate": "400",
        "profit_total": "1000",
        "rate": "0.4",
    }


def test_estimate_without_profits_has_no_rate(engine: APIClient) -> None:
    open_cycle(1)
    lose(engine, "500")

    (shown,) = every_row(stranger(), ESTIMATE, fund="usdt")

    assert (shown["to_allocate"], shown["profit_total"], shown["rate"]) == ("400", None, None)


@pytest.mark.parametrize(
    ("fields", "rate"),
    [
        ({}, "0.4"),
        ({"allocation_base": "participating"}, "0.44444444"),
        ({"allocation_cap": "0.25"}, "0.25"),
    ],
)
def test_estimated_rate_follows_the_rulebook(fields: dict[str, Any], rate: str) -> None:
    rulebook = publish_fields("shared_loss", fields, decimals=8)

    estimated = estimated_rate(to_allocate=Decimal(400), profit_total=Decimal(1000), rulebook=rulebook)

    assert estimated == Decimal(rate)


def test_number_of_queries_does_not_grow_with_the_cycles(engine: APIClient) -> None:
    def queries() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            get(stranger(), ESTIMATE)
        return len(captured)

    open_cycle(1)
    few = queries()
    for number in range(2, 6):
        open_cycle(number, hours=(8 * number, 8 * number + 8))

    assert queries() == few


def test_settlements_of_cycles_that_run_are_not_shown(engine: APIClient) -> None:
    open_cycle(1)

    assert every_row(stranger(), "/public/settlements/") == []


@pytest.mark.parametrize("path", [FUNDS, f"{FUNDS}history/", "/public/settlements/", ESTIMATE])
def test_unknown_parameters_are_refused(path: str) -> None:
    refused_get(stranger(), path, status=400, code="parameter_unknown", colour="red")


def test_nothing_else_is_shown_without_a_key(engine: APIClient) -> None:
    for path in ("/funds/", "/takeovers/", "/traders/ann/statement/"):
        refused_get(stranger(), path, status=401, code="key_required")


def test_profit_of_a_close_is_an_injection(engine: APIClient) -> None:
    post(engine, "/takeovers/", takeover("t9"))
    post(engine, "/takeovers/t9/fills/", fill("f9"))

    assert every_row(stranger(), FUNDS)[0]["gross_injections"] == "200"
