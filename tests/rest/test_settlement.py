"""Settling a cycle over REST: previewed, settled once, its allocations read."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from fund.models import Allocation
from ledger.models import Entry
from ledger.rest.models import Role
from tests.builders import balance, balances
from tests.fund.builders import open_cycle, open_fund
from tests.rest.api import client, every_row, get, post, refused_get, refused_post, stranger
from tests.rest.takeovers import contract, takeover

pytestmark = pytest.mark.django_db
PROFITS = [("p1", "bob", "500"), ("p2", "sue", "300"), ("p3", "tom", "150"), ("p4", "liv", "50"), ("p5", "ann", "-70")]


@pytest.fixture
def bookkeeper() -> APIClient:
    return client(Role.BOOKKEEPER, name="books")


@pytest.fixture
def cycle() -> str:
    """A cycle with a loss of 1,000, of which the fund of 1,000 has borne 200, and the profits that bear the rest."""
    open_fund("shared_loss", contribution="1000")
    engine = client(Role.ENGINE)
    post(engine, "/contracts/", contract())
    path = f"/cycles/{open_cycle(1).pk}/"
    post(engine, "/takeovers/", takeover())
    loss = {"reference": "f1", "pnl": "-1000", "quantity": "1", "filled_at": "2026-01-01T00:00:05Z"}
    post(engine, "/takeovers/t1/fills/", loss)
    rows = [{"position": name, "trader": trader, "profit": profit} for name, trader, profit in PROFITS]
    post(engine, f"{path}positions/", rows)
    return path


def complete(cycle: str) -> None:
    post(client(Role.ENGINE), f"{cycle}positions/complete/", {"count": 5, "total": "930"}, status=200)


def test_preview_shows_what_settling_would_do_and_books_nothing(cycle: str, bookkeeper: APIClient) -> None:
    before = balances()

    preview = get(bookkeeper, f"{cycle}preview/")

    names = ("rulebook", "loss", "fund_paid", "to_allocate", "allocated", "residue", "carried", "participants")
    assert {name: preview[name] for name in names} == {
        "rulebook": "shared_loss",
        "loss": "1000",
        "fund_paid": "240",
        "to_allocate": "800",
        "allocated": "760",
        "residue": "40",
        "carried": "0",
        "participants": 3,
    }
    assert (preview["fund_after"], preview["largest_haircut"], preview["positions_complete"]) == ("760", "0.8", False)
    assert [(row["trader"], row["amount"]) for row in preview["largest"]] == [
        ("bob", "400"),
        ("sue", "240"),
        ("tom", "120"),
    ]
    assert balances() == before


def test_preview_by_another_rulebook(cycle: str, bookkeeper: APIClient) -> None:
    body = {"preset": "shared_loss", "allocation_base": "participating", "effective_from": "2030-01-01T00:00:00Z"}
    post(client(Role.TREASURY), "/funds/usdt/rulebooks/", body)

    assert get(bookkeeper, f"{cycle}preview/", rulebook="2")["residue"] == "0"
    by_preset = get(bookkeeper, f"{cycle}preview/", rulebook="full_cover")
    assert (by_preset["rulebook"], by_preset["fund_paid"], by_preset["to_allocate"]) == ("full_cover", "1000", "0")
    refused_get(bookkeeper, f"{cycle}preview/", status=404, code="rulebook_unknown", rulebook="7")
    for name in ("casino", "penalty_and_vault"):
        document = refused_get(bookkeeper, f"{cycle}preview/", status=400, code="rulebook_refused", rulebook=name)
        assert [(each["parameter"], name in each["detail"]) for each in document["errors"]] == [("rulebook", True)]


def test_cycle_is_settled_once(cycle: str, bookkeeper: APIClient) -> None:
    complete(cycle)

    settled = post(bookkeeper, f"{cycle}settle/", {}, status=200)

    names = ("status", "run", "loss", "fund_paid", "allocated", "residue", "carried", "participants")
    assert {name: settled[name] for name in names} == {
        "status": "settled",
        "run": 1,
        "loss": "1000",
        "fund_paid": "240",
        "allocated": "760",
        "residue": "40",
        "carried": "0",
        "participants": 3,
    }
    assert settled["rulebook"] == {"version": 1, "preset": "shared_loss"}
    assert (balance("fund:usdt"), balance("loss:usdt"), balance("trader:bob:USDT")) == ("760", "0", "-400")
    booked = Entry.objects.filter(source_kind="cycle", kind="allocation")
    assert {entry.recorded_by for entry in booked} == {"books"}
    after = balances()
    assert post(bookkeeper, f"{cycle}settle/", {}, status=200) == settled
    # The tree grows after the settlement, at the first reading of its root.
    assert settled["allocations_root"] is None
    shown = get(bookkeeper, cycle)
    assert shown == {**settled, "allocations_root": shown["allocations_root"]}
    assert post(bookkeeper, f"{cycle}settle/", {}, status=200) == shown
    assert balances() == after


def test_cycle_is_not_settled_before_its_positions_are_complete(cycle: str, bookkeeper: APIClient) -> None:
    refused_post(bookkeeper, f"{cycle}settle/", {}, status=409, code="positions_incomplete")


def test_settling_takes_no_fields(cycle: str, bookkeeper: APIClient) -> None:
    refused_post(bookkeeper, f"{cycle}settle/", {"force": True}, status=422, code="field_unknown")


@pytest.mark.parametrize("action", ["settle", "preview", "allocations"])
def test_unknown_cycle_is_not_found(bookkeeper: APIClient, action: str) -> None:
    path = f"/cycles/987654321/{action}/"
    if action == "settle":
        refused_post(bookkeeper, path, {}, status=404, code="cycle_unknown")
    else:
        refused_get(bookkeeper, path, status=404, code="cycle_unknown")


def allocations(by: APIClient, cycle: str, **query: Any) -> list[tuple[str, str, int, str, str]]:
    rows = every_row(by, f"{cycle}allocations/", **query)
    return [(row["position"], row["trader"], row["rank"], row["profit"], row["amount"]) for row in rows]


BOB, SUE, TOM = ("p1", "bob", 1, "500", "400"), ("p2", "sue", 2, "300", "240"), ("p3", "tom", 3, "150", "120")


def test_allocations_are_listed_by_rank(cycle: str, bookkeeper: APIClient) -> None:
    assert allocations(bookkeeper, cycle) == []
    complete(cycle)
    post(bookkeeper, f"{cycle}settle/", {}, status=200)

    assert allocations(bookkeeper, cycle) == allocations(bookkeeper, cycle, limit=1) == [BOB, SUE, TOM]
    assert allocations(bookkeeper, cycle, trader="sue") == [SUE]
    assert allocations(bookkeeper, cycle, position="p3") == [TOM]
    entry = every_row(bookkeeper, f"{cycle}allocations/")[0]["entry"]
    assert get(bookkeeper, f"/entries/{entry}/")["kind"] == "allocation"


def test_trader_sees_the_own_allocation_alone(cycle: str, bookkeeper: APIClient) -> None:
    complete(cycle)
    post(bookkeeper, f"{cycle}settle/", {}, status=200)
    sue = client(Role.TRADER, trader="sue")

    assert allocations(sue, cycle) == allocations(sue, cycle, trader="sue") == [SUE]
    assert allocations(sue, cycle, trader="bob") == []


def test_reversed_settlement_makes_way_for_another_run(cycle: str, bookkeeper: APIClient) -> None:
    complete(cycle)
    post(bookkeeper, f"{cycle}settle/", {}, status=200)
    entry = Entry.objects.filter(source_kind="cycle").order_by("id").values_list("pk", flat=True)[0]

    body = {"reference": "r1", "description": "wrong profits"}
    reversal = post(bookkeeper, f"/entries/{entry}/reverse/", body)

    assert (reversal["kind"], reversal["reverses"], reversal["recorded_by"]) == ("reversal", entry, "books")
    assert get(bookkeeper, cycle)["status"] == "ended"
    assert balance("trader:bob:USDT") == "0"
    assert allocations(bookkeeper, cycle) == []
    assert allocations(bookkeeper, cycle, run=1) == [BOB, SUE, TOM]
    assert post(bookkeeper, f"{cycle}settle/", {}, status=200)["run"] == 2
    assert allocations(bookkeeper, cycle, run=2) == [BOB, SUE, TOM]
    assert Allocation.objects.count() == 6


def test_settled_cycles_are_public(cycle: str, bookkeeper: APIClient) -> None:
    complete(cycle)
    post(bookkeeper, f"{cycle}settle/", {}, status=200)

    (shown,) = every_row(stranger(), "/public/settlements/", fund="usdt")

    parts = [shown[name] for name in ("loss", "fund_paid", "allocated", "levy_surplus", "carried")]
    assert parts == ["1000", "240", "760", "0", "0"]
    assert every_row(stranger(), "/public/estimated-allocation/") == []


def test_number_of_queries_does_not_grow_with_the_allocations(cycle: str, bookkeeper: APIClient) -> None:
    def queries(limit: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            get(bookkeeper, f"{cycle}allocations/", limit=limit)
        return len(captured)

    complete(cycle)
    post(bookkeeper, f"{cycle}settle/", {}, status=200)

    assert queries(1) == queries(3)


def settled(cycle: str, bookkeeper: APIClient) -> str:
    complete(cycle)
    post(bookkeeper, f"{cycle}settle/", {}, status=200)
    return cycle.strip("/").rpartition("/")[2]


def test_explanation_can_be_worked_out_again_by_hand(cycle: str, bookkeeper: APIClient) -> None:
    number = settled(cycle, bookkeeper)

    explained = get(bookkeeper, f"/traders/sue/allocations/{number}/")

    names = ("amount", "loss", "to_allocate", "base", "base_rule", "rate", "cap", "allocated", "residue")
    assert {name: explained[name] for name in names} == {
        "amount": "240",
        "loss": "1000",
        "to_allocate": "800",
        "base": "1000",
        "base_rule": "all_profitable",
        "rate": "0.8",
        "cap": "1",
        "allocated": "760",
        "residue": "40",
    }
    assert explained["rulebook"] == {"version": 1, "preset": "shared_loss"}
    assert explained["cut_line"] == {
        "coverage": "0.9",
        "crossing": "include",
        "ties": "include_all",
        "participants": 3,
        "cut_profit": "150",
        "participants_total": "950",
        "profit_total": "1000",
    }
    (own,) = explained["positions"]
    steps = ("position", "part", "rank", "formula", "exact", "most", "floored", "rounding", "amount")
    assert [own[step] for step in steps] == [
        *("p2", "participant", 2, "800 · 300 / 1000 = 240", "240"),
        *("300", "240", "0", "240"),
    ]
    assert get(bookkeeper, f"/entries/{own['entry']}/")["kind"] == "allocation"


@pytest.mark.parametrize(("trader", "part"), [("liv", "below_cut"), ("ann", "no_profit")])
def test_explanation_of_nothing_says_why(cycle: str, bookkeeper: APIClient, trader: str, part: str) -> None:
    number = settled(cycle, bookkeeper)

    explained = get(bookkeeper, f"/traders/{trader}/allocations/{number}/")

    assert (explained["amount"], [own["part"] for own in explained["positions"]]) == ("0", [part])


def test_trader_reads_the_own_explanation_alone(cycle: str, bookkeeper: APIClient) -> None:
    number = settled(cycle, bookkeeper)
    sue = client(Role.TRADER, trader="sue")

    assert get(sue, f"/traders/sue/allocations/{number}/")["amount"] == "240"
    refused_get(sue, f"/traders/bob/allocations/{number}/", status=403, code="trader_not_allowed")


def test_cycle_that_is_not_settled_has_no_explanation(cycle: str, bookkeeper: APIClient) -> None:
    number = cycle.strip("/").rpartition("/")[2]

    refused_get(bookkeeper, f"/traders/sue/allocations/{number}/", status=404, code="settlement_unknown")
