"""The order of a settlement goes on below its cut: equal profits, age and netting as `allocate` has them."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fund import positions, rulebooks
from fund.models import Cycle
from fund.positions import PositionProfit
from fund.ranking import below_cut
from fund.rules import Profit, allocate
from tests.fund.builders import lose, open_cycle, open_fund
from tests.fund.rulebooks import rulebook
from tests.fund.settling import settle

pytestmark = pytest.mark.django_db


def rows(traders: int) -> list[PositionProfit]:
    """Many of the same profit, of several ages or none, and losses that netting takes off."""
    return [
        PositionProfit(
            position=f"p{place * 37 % 101:03}",
            trader=f"t{place % traders}",
            profit=Decimal(place % 9 - 2),
            opened_at=datetime(2026, 1, 1 + place % 5, tzinfo=UTC) if place % 4 else None,
        )
        for place in range(101)
    ]


@pytest.mark.parametrize("ties", ["by_age", "by_reference", "include_all"])
@pytest.mark.parametrize("unit", ["position", "trader"])
def test_ranks_below_the_cut_go_on_as_the_settlement_would_have_ranked(ties: str, unit: str) -> None:
    open_fund(contribution="5000", selection_coverage="0.3", selection_ties=ties, allocation_unit=unit)
    cycle, told = open_cycle(), rows(23)
    lose("10")
    positions.add(cycle_id=cycle.pk, rows=told)
    positions.complete(cycle_id=cycle.pk, count=None, total=None, completed_at=cycle.ends_at)
    cycle = settle(cycle)
    assert cycle.rulebook
    book = rulebooks.load(cycle.rulebook)
    profits = [
        Profit(position=row.position, trader=row.trader, profit=row.profit, opened_at=row.opened_at) for row in told
    ]
    # With full coverage everything that earned is ranked.
    whole = allocate(Decimal(10), profits, rulebook=replace(book, selection_coverage=Decimal(1)), decimals=8)
    expected = {row.position: row.rank for row in whole.rows[cycle.participants :]}
    taken = [row.position for row in whole.rows[: cycle.participants]]

    found = [each for n in range(23) for each in below_cut(cycle, book, trader=f"t{n}", taken=taken)]

    assert len(expected) > 5
    assert {each.position: each.rank for each in found} == expected


def test_nothing_is_ranked_where_nothing_is_shared() -> None:
    cycle = Cycle(participants=0)

    assert below_cut(cycle, rulebook("shared_loss"), trader="t1", taken=[]) == []
