"""The allocation in SQL is the allocation in Python, for every rulebook, to the last unit."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fund import positions
from fund.models import Cycle
from fund.positions import PositionProfit
from fund.rulebook import Rulebook
from fund.rules import Allocation, Profit, allocate
from fund.settlement.allocating import allocate_in_database, shares
from tests.fund.builders import open_cycle, open_fund
from tests.fund.rulebooks import rulebook
from tests.fund.test_rules_allocation_any import Case, cases

pytestmark = pytest.mark.django_db


@pytest.fixture
def cycle() -> Cycle:
    open_fund()
    return open_cycle()


def in_sql(cycle: Cycle, loss: Decimal, rows: list[Profit], book: Rulebook, decimals: int) -> Allocation:
    with transaction.atomic():
        positions.add(
            cycle_id=cycle.pk,
            rows=[
                PositionProfit(position=row.position, trader=row.trader, profit=row.profit, opened_at=row.opened_at)
                for row in rows
            ],
        )
        figures = allocate_in_database(cycle.pk, loss, rulebook=book, decimals=decimals)
        found = Allocation(
            rows=shares(limit=None),
            allocated=figures.allocated,
            levy_surplus=figures.levy_surplus,
            residue=figures.residue,
            participants=figures.participants,
            cut_profit=figures.cut_profit,
            base=figures.base,
            participants_total=figures.participants_total,
            profit_total=figures.profit_total,
        )
        transaction.set_rollback(True)
    return found


@given(case=cases())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_allocation_in_sql_is_the_one_in_python(cycle: Cycle, case: Case) -> None:
    expected = allocate(case.loss, case.rows, rulebook=case.book, decimals=case.decimals)

    assert in_sql(cycle, case.loss, case.rows, case.book, case.decimals) == expected


@given(
    units=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    large=st.integers(1, 4000),
    loss=st.integers(0, 3000),
    extend=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_profits_below_a_unit_leave_their_units_to_those_above(
    cycle: Cycle, units: list[int], large: int, loss: int, extend: bool
) -> None:
    """Nothing can be taken of most of them, and round after round goes to the few."""
    rows = [profit(f"p{place:02}", f"{unit}e-2") for place, unit in enumerate([*units, large])]
    residue = "extend_selection" if extend else "carry"
    book = rulebook("shared_loss", selection_coverage="1", allocation_cap="0.7", allocation_residue=residue)

    assert in_sql(cycle, Decimal(loss), rows, book, 0) == allocate(Decimal(loss), rows, rulebook=book, decimals=0)


def profit(position: str, amount: str, *, trader: str | None = None, opened_at: datetime | None = None) -> Profit:
    return Profit(position=position, trader=trader or position, profit=Decimal(amount), opened_at=opened_at)


ILLUSTRATION = [profit("p1", "500"), profit("p2", "300"), profit("p3", "150"), profit("p4", "50"), profit("p5", "-70")]


def test_the_illustration_of_the_rulebooks(cycle: Cycle) -> None:
    book = rulebook("shared_loss")
    by_all = in_sql(cycle, Decimal(800), ILLUSTRATION, book, 8)
    by_participants = in_sql(cycle, Decimal(800), ILLUSTRATION, replace_base(book), 8)

    assert [str(row.amount) for row in by_all.rows] == ["400.00000000", "240.00000000", "120.00000000"]
    assert list(map(str, (by_all.residue, by_all.base, by_all.cut_profit))) == ["40.00000000", "1000", "150"]
    assert [str(row.amount) for row in by_participants.rows] == ["421.05263158", "252.63157895", "126.31578947"]


def replace_base(book: Rulebook) -> Rulebook:
    return replace(book, allocation_base=rulebook("shared_loss", allocation_base="participating").allocation_base)


def test_a_cycle_without_a_profitable_position_leaves_all_of_the_loss(cycle: Cycle) -> None:
    found = in_sql(cycle, Decimal(5), [profit("p1", "-1"), profit("p2", "0")], rulebook("shared_loss"), 8)

    assert not found.rows
    assert [found.allocated, found.residue, found.base] == [0, 5, 0]


def test_a_cycle_without_a_loss_charges_nobody_and_tells_its_profit(cycle: Cycle) -> None:
    found = in_sql(cycle, Decimal(0), ILLUSTRATION, rulebook("shared_loss", min_levy_rate="0.01"), 8)

    assert not found.rows
    assert [found.participants, found.profit_total] == [0, 1000]


def test_equal_profits_rank_by_the_bytes_of_their_names(cycle: Cycle) -> None:
    names = ["é", "z", "B", "a", "_", "𝄞"]
    rows = [profit(name, "1", trader="ann") for name in names]
    book = rulebook("shared_loss", selection_coverage="1")

    found = in_sql(cycle, Decimal(3), rows, book, 0)

    assert [row.position for row in found.rows] == ["B", "_", "a", "z", "é", "𝄞"]
    assert [row.amount for row in found.rows] == [1, 1, 1, 0, 0, 0]


def test_equal_profits_rank_by_age_where_the_rulebook_says_so(cycle: Cycle) -> None:
    rows = [
        profit("unknown", "1"),
        profit("young", "1", opened_at=datetime(2026, 1, 2, tzinfo=UTC)),
        profit("old", "1", opened_at=datetime(2025, 1, 1, tzinfo=UTC)),
    ]
    book = rulebook("shared_loss", selection_coverage="0.5", selection_ties="by_age")

    assert [row.position for row in in_sql(cycle, Decimal(1), rows, book, 8).rows] == ["old", "young"]


@pytest.mark.parametrize("decimals", [0, 8, 18])
def test_amounts_of_thirty_digits_are_exact(cycle: Cycle, decimals: int) -> None:
    rows = [profit(f"p{place}", f"{10**30 + place * 7}") for place in range(7)]
    loss = Decimal(10**30 - 1)
    for base in ("all_profitable", "participating"):
        book = rulebook("shared_loss", allocation_base=base, allocation_cap="0.3")

        expected = allocate(loss, rows, rulebook=book, decimals=decimals)
        assert in_sql(cycle, loss, rows, book, decimals) == expected


def test_another_cycles_positions_take_no_part(cycle: Cycle) -> None:
    other = open_cycle(hours=(8, 16))
    positions.add(cycle_id=other.pk, rows=[PositionProfit(position="x", trader="x", profit=Decimal(10**6))])

    assert in_sql(cycle, Decimal(800), ILLUSTRATION, rulebook("shared_loss"), 8).profit_total == 1000
