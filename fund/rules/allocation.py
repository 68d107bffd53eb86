"""The traders' part of a cycle's loss, shared by profitable positions. Source: rulebooks.md, "The allocation of 003".

This is the readable reference of `allocate_cycle.sql`. All arithmetic is in integers: profits in units of their finest
precision, amounts in units of the currency's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from fund.rulebook import (
    AllocationBase,
    AllocationResidue,
    AllocationUnit,
    Rulebook,
    SelectionCrossing,
    SelectionTies,
)
from fund.rules.shares import share_units
from ledger.money import from_units, to_units


@dataclass(frozen=True, kw_only=True, slots=True)
class Profit:
    """One position's profit in the cycle, negative for a loss. `opened_at` carries an offset, or is unknown."""

    position: str
    trader: str
    profit: Decimal
    opened_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What one participant bears. `rank` counts from 1; netted per trader, `position` is the trader."""

    position: str
    trader: str
    rank: int
    profit: Decimal
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """A shared loss: `allocated − levy_surplus + residue` is the loss.

    `rows` are the participants in rank order, also those whose share rounds to 0. `cut_profit` is the profit of the
    last one taken, None without participants. `base` is the formula's denominator, 0 where nothing is shared.
    """

    rows: tuple[Share, ...]
    allocated: Decimal
    levy_surplus: Decimal
    residue: Decimal
    participants: int
    cut_profit: Decimal | None
    base: Decimal
    participants_total: Decimal
    profit_total: Decimal


# Stands in for an unknown age, which sorts last whatever stands here.
_NO_MATTER = datetime(1970, 1, 1, tzinfo=UTC)


class _Ranked(NamedTuple):
    profit: int
    position: str
    trader: str
    opened_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Formula:
    """The rulebook's formula with a cycle's numbers in it: `loss` in units of `decimals`, profits of `scale`."""

    rulebook: Rulebook
    decimals: int
    scale: int
    loss: int
    profit_total: int

    def base(self, participants_total: int) -> int:
        everyone = self.rulebook.allocation_base is AllocationBase.ALL_PROFITABLE
        return self.profit_total if everyone else participants_total

    def rate(self, participants_total: int) -> Fraction:
        """Units of loss that a unit of profit bears, before the cap: L / base, or the minimum levy."""
        rate = Fraction(self.loss, self.base(participants_total))
        if self.rulebook.min_levy_rate is None:
            return rate
        return max(rate, Fraction(self.rulebook.min_levy_rate) * self.units_per_unit)

    def most(self, rows: Iterable[_Ranked]) -> list[int]:
        """What may be taken of each profit: the cap's share of it, floored to the currency's precision."""
        taken, of = (Fraction(self.rulebook.allocation_cap) * self.units_per_unit).as_integer_ratio()
        return [row.profit * taken // of for row in rows]

    def shared(self, participants_total: int, most_in_all: int) -> int:
        """Units that the participants bear in all. One ratio holds for all, so the cap binds for all or for none."""
        return min(round(self.rate(participants_total) * participants_total), most_in_all)

    @property
    def units_per_unit(self) -> Fraction:
        return Fraction(10) ** (self.decimals - self.scale)


def allocate(loss: Decimal, profits: Sequence[Profit], *, rulebook: Rulebook, decimals: int) -> Allocation:
    """Share `loss` ≥ 0, the traders' part of a cycle, among the cycle's positions in any order.

    A cycle without loss or without a profitable position has no rows. Exact for any size, O(n log n).
    """
    assert loss >= 0, f"{loss} is no loss"
    loss_units = to_units(loss, decimals)
    scale = max([decimals, *(_digits(row.profit) for row in profits)])
    ranked = _ranked(profits, scale, rulebook)
    formula = _Formula(
        rulebook=rulebook,
        decimals=decimals,
        scale=scale,
        loss=loss_units,
        profit_total=sum(row.profit for row in ranked),
    )
    taken, most = _selected(ranked, formula) if loss_units else ([], [])
    amounts: list[int] = []
    participants_total = sum(row.profit for row in taken)
    if taken:
        rate = formula.rate(participants_total)
        amounts = share_units(
            formula.shared(participants_total, sum(most)),
            weights=[row.profit for row in taken],
            numerator=rate.numerator,
            denominator=rate.denominator,
            most=most,
        )
    allocated = sum(amounts)
    assert all(0 <= amount <= limit for amount, limit in zip(amounts, most, strict=True))
    return Allocation(
        rows=tuple(
            Share(
                position=row.position,
                trader=row.trader,
                rank=rank,
                profit=from_units(row.profit, scale),
                amount=from_units(amount, decimals),
            )
            for rank, (row, amount) in enumerate(zip(taken, amounts, strict=True), start=1)
        ),
        allocated=from_units(allocated, decimals),
        levy_surplus=from_units(max(allocated - loss_units, 0), decimals),
        residue=from_units(max(loss_units - allocated, 0), decimals),
        participants=len(taken),
        cut_profit=from_units(taken[-1].profit, scale) if taken else None,
        base=from_units(formula.base(participants_total) if taken else 0, scale),
        participants_total=from_units(participants_total, scale),
        profit_total=from_units(formula.profit_total, scale),
    )


def _digits(amount: Decimal) -> int:
    """Digits after the point that are written; trailing zeros do no harm."""
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int), f"{amount} is not an amount"
    return max(-exponent, 0)


def _ranked(profits: Iterable[Profit], scale: int, rulebook: Rulebook) -> list[_Ranked]:
    """Profitable positions or traders, the most profitable first; equal ones by age if so ruled, then by code point."""
    rows = [_Ranked(to_units(row.profit, scale), row.position, row.trader, row.opened_at) for row in profits]
    if rulebook.allocation_unit is AllocationUnit.TRADER:
        rows = _netted(rows)
    rows = [row for row in rows if row.profit > 0]
    rows.sort(key=lambda row: row.position)
    if rulebook.selection_ties is SelectionTies.BY_AGE:
        rows.sort(key=lambda row: (row.opened_at is None, row.opened_at or _NO_MATTER))
    rows.sort(key=lambda row: row.profit, reverse=True)
    return rows


def _netted(rows: Iterable[_Ranked]) -> list[_Ranked]:
    """One row per trader: the sum of all its profits and losses, as old as the oldest position."""
    by_trader: dict[str, _Ranked] = {}
    for row in rows:
        known = by_trader.get(row.trader)
        if known is None:
            by_trader[row.trader] = row._replace(position=row.trader)
            continue
        ages = [age for age in (known.opened_at, row.opened_at) if age is not None]
        by_trader[row.trader] = known._replace(profit=known.profit + row.profit, opened_at=min(ages, default=None))
    return list(by_trader.values())


def _selected(ranked: list[_Ranked], formula: _Formula) -> tuple[list[_Ranked], list[int]]:
    """The participants and the most that may be taken of each."""
    rulebook = formula.rulebook
    count = _with_ties(ranked, _coverage_cut(ranked, formula), rulebook)
    most = formula.most(ranked[:count])
    if rulebook.allocation_residue is not AllocationResidue.EXTEND_SELECTION:
        return ranked[:count], most
    # The amount shared never falls as the selection grows, so the first selection that bears all is the smallest.
    participants_total, most_in_all = sum(row.profit for row in ranked[:count]), sum(most)
    while count < len(ranked) and not (count and formula.shared(participants_total, most_in_all) >= formula.loss):
        grown = _with_ties(ranked, count + 1, rulebook)
        added = formula.most(ranked[count:grown])
        participants_total += sum(row.profit for row in ranked[count:grown])
        most_in_all += sum(added)
        most += added
        count = grown
    return ranked[:count], most


def _coverage_cut(ranked: list[_Ranked], formula: _Formula) -> int:
    """How many are taken until the coverage is reached, before ties."""
    covered, whole = formula.rulebook.selection_coverage.as_integer_ratio()
    target = covered * formula.profit_total
    left_out = formula.rulebook.selection_crossing is SelectionCrossing.EXCLUDE
    taken = before = 0
    while taken < len(ranked) and before * whole < target:
        before += ranked[taken].profit
        taken += 1
    # The last one taken is where the coverage is reached.
    return taken - (left_out and taken > 0)


def _with_ties(ranked: list[_Ranked], count: int, rulebook: Rulebook) -> int:
    """`count`, with every further position that has the profit of the last one taken, where the rulebook says so."""
    if rulebook.selection_ties is SelectionTies.INCLUDE_ALL and count:
        while count < len(ranked) and ranked[count].profit == ranked[count - 1].profit:
            count += 1
    return count
