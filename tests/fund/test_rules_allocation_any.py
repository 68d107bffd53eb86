"""Any allocation, against rulebooks.md written out literally: position by position, in fractions, nothing clever."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fund.rulebook import Rulebook
from fund.rules import Profit, allocate
from ledger.money import round_half_even, total
from tests.fund.rulebooks import rulebook

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Case:
    loss: Decimal
    rows: list[Profit]
    book: Rulebook
    decimals: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    decimals = draw(st.integers(0, 8))
    scale = draw(st.sampled_from([decimals, decimals, decimals + 2]))
    # Few distinct values, so that ties and caps are frequent; now and then some of thirty digits.
    size = draw(st.sampled_from([5, 100, 10**6, 10**30]))
    units = draw(st.lists(st.integers(-size // 2, size), max_size=12))
    rows = [
        Profit(
            position=f"{draw(st.sampled_from('abcXYZé'))}{place}",
            trader=draw(st.sampled_from(["ann", "bob", "cid", "dee"])),
            profit=Decimal(f"{unit}e-{scale}"),
            opened_at=draw(st.none() | st.integers(0, 3).map(lambda hours: EPOCH + timedelta(hours=hours))),
        )
        for place, unit in enumerate(units)
    ]
    book = rulebook(
        "shared_loss",
        selection_coverage=draw(st.sampled_from(["0.1", "0.5", "0.75", "0.9", "1"])),
        selection_crossing=draw(st.sampled_from(["include", "exclude"])),
        selection_ties=draw(st.sampled_from(["include_all", "by_age", "by_reference"])),
        allocation_base=draw(st.sampled_from(["all_profitable", "participating"])),
        allocation_residue=draw(st.sampled_from(["fund_then_carry", "carry", "extend_selection"])),
        allocation_unit=draw(st.sampled_from(["position", "trader"])),
        allocation_cap=draw(st.sampled_from(["0.333", "0.5", "1"])),
        min_levy_rate=draw(st.sampled_from([None, None, "0.01", "0.2"])),
    )
    loss = draw(st.integers(0, size * 4) | st.integers(0, 30))
    return Case(loss=Decimal(f"{loss}e-{decimals}"), rows=rows, book=book, decimals=decimals)


def candidates_of(case: Case) -> list[Profit]:
    """Profitable positions, or traders with all they have netted, in rank order."""
    rows = case.rows
    if case.book.allocation_unit == "trader":
        rows = [netted(trader, case.rows) for trader in sorted({row.trader for row in case.rows})]

    def place(row: Profit) -> tuple[Fraction, bool, datetime, bytes]:
        by_age = case.book.selection_ties == "by_age"
        opened_at = row.opened_at if by_age else None
        return -Fraction(row.profit), by_age and opened_at is None, opened_at or EPOCH, row.position.encode()

    return sorted((row for row in rows if row.profit > 0), key=place)


def netted(trader: str, rows: list[Profit]) -> Profit:
    own = [row for row in rows if row.trader == trader]
    ages = [row.opened_at for row in own if row.opened_at is not None]
    return Profit(
        position=trader,
        trader=trader,
        profit=total(row.profit for row in own),
        opened_at=min(ages) if ages else None,
    )


def first_selection(ranked: list[Profit], book: Rulebook) -> list[Profit]:
    everything = sum(Fraction(row.profit) for row in ranked)
    taken: list[Profit] = []
    for row in ranked:
        before = sum(Fraction(earlier.profit) for earlier in taken)
        if book.selection_crossing == "include" and before >= Fraction(book.selection_coverage) * everything:
            break
        including = before + Fraction(row.profit)
        if book.selection_crossing == "exclude" and including >= Fraction(book.selection_coverage) * everything:
            break
        taken.append(row)
    return with_ties(taken, ranked, book)


def with_ties(taken: list[Profit], ranked: list[Profit], book: Rulebook) -> list[Profit]:
    if book.selection_ties != "include_all" or not taken:
        return taken
    return [row for row in ranked if row.profit >= taken[-1].profit]


def borne_by(taken: list[Profit], ranked: list[Profit], case: Case) -> list[Decimal]:
    """What each of the taken bears, by the text's steps 2 and 3."""
    if not taken:
        return []
    profits = [Fraction(row.profit) for row in taken]
    everything = sum(Fraction(row.profit) for row in ranked)
    base = everything if case.book.allocation_base == "all_profitable" else sum(profits, Fraction(0))
    rate = Fraction(case.loss) / base
    if case.book.min_levy_rate is not None and rate < case.book.min_levy_rate:
        rate = Fraction(case.book.min_levy_rate)
    caps = [Fraction(case.book.allocation_cap) * profit for profit in profits]
    exact = spread([rate * profit for profit in profits], profits, caps)
    unit = Fraction(1, 10**case.decimals)
    floors = [share // unit for share in exact]
    most = [cap // unit for cap in caps]
    in_all = min(int(Fraction(round_half_even(rate * sum(profits), case.decimals)) / unit), sum(most))
    by_remainder = sorted(range(len(taken)), key=lambda place: (-(exact[place] / unit - floors[place]), place))
    units = list(floors)
    while sum(units) < in_all:
        for place in by_remainder:
            if units[place] < most[place] and sum(units) < in_all:
                units[place] += 1
    return [Decimal(f"{share}e-{case.decimals}") for share in units]


def spread(wanted: list[Fraction], profits: list[Fraction], caps: list[Fraction]) -> list[Fraction]:
    """What a cap cuts off is spread over those below theirs, pro rata, until nothing is left or all are at theirs."""
    shares = [min(want, cap) for want, cap in zip(wanted, caps, strict=True)]
    while (cut_off := sum(wanted) - sum(shares)) > 0:
        below = [place for place, cap in enumerate(caps) if shares[place] < cap]
        if not below:
            break
        weight = sum(profits[place] for place in below)
        for place in below:
            shares[place] = min(shares[place] + cut_off * profits[place] / weight, caps[place])
    return shares


def literally(case: Case) -> dict[str, Decimal]:
    ranked = candidates_of(case)
    if not case.loss or not ranked:
        return {}
    taken = first_selection(ranked, case.book)
    shares = borne_by(taken, ranked, case)
    while case.book.allocation_residue == "extend_selection" and len(taken) < len(ranked) and total(shares) < case.loss:
        taken = with_ties(ranked[: len(taken) + 1], ranked, case.book)
        shares = borne_by(taken, ranked, case)
    return {row.position: share for row, share in zip(taken, shares, strict=True)}


@given(cases())
def test_any_allocation_is_what_the_text_says(case: Case) -> None:
    allocation = allocate(case.loss, case.rows, rulebook=case.book, decimals=case.decimals)
    assert {row.position: row.amount for row in allocation.rows} == literally(case)


@given(cases())
def test_no_unit_is_lost_and_no_profit_taken_beyond_its_cap(case: Case) -> None:
    allocation = allocate(case.loss, case.rows, rulebook=case.book, decimals=case.decimals)
    assert total(row.amount for row in allocation.rows) == allocation.allocated
    borne = total((allocation.allocated, allocation.residue))
    assert borne == total((case.loss, allocation.levy_surplus))
    assert allocation.levy_surplus == 0 or case.book.min_levy_rate is not None
    for row in allocation.rows:
        assert 0 <= Fraction(row.amount) <= Fraction(case.book.allocation_cap) * Fraction(row.profit)


@given(cases())
def test_a_larger_profit_never_bears_less_than_a_unit_below_a_smaller_one(case: Case) -> None:
    """Where a small one cannot be taken from at all, left-over units may pile up on a larger one; never the reverse."""
    allocation = allocate(case.loss, case.rows, rulebook=case.book, decimals=case.decimals)
    unit = Decimal(f"1e-{case.decimals}")
    for larger, smaller in pairwise(allocation.rows):
        assert larger.rank < smaller.rank
        assert larger.profit >= smaller.profit
        assert total((larger.amount, unit)) >= smaller.amount


@given(cases(), st.integers(0, 10**6))
def test_a_larger_loss_takes_at_least_as_much_in_all(case: Case, more: int) -> None:
    larger = total((case.loss, Decimal(f"{more}e-{case.decimals}")))
    before = allocate(case.loss, case.rows, rulebook=case.book, decimals=case.decimals)
    after = allocate(larger, case.rows, rulebook=case.book, decimals=case.decimals)
    assert after.allocated >= before.allocated
    assert after.participants >= before.participants


@given(cases(), st.randoms())
def test_the_order_in_which_positions_came_in_does_not_matter(case: Case, shuffled: random.Random) -> None:
    expected = allocate(case.loss, case.rows, rulebook=case.book, decimals=case.decimals)
    rows = list(case.rows)
    shuffled.shuffle(rows)
    assert allocate(case.loss, rows, rulebook=case.book, decimals=case.decimals) == expected
