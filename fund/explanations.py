"""Why a trader bears what it bears of a settlement: the formula with the numbers in it, to be worked out again by hand.

Source: rulebooks.md, the allocation of 003, as `fund.rules.allocate` has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from fund import cycles, errors, inclusion, rulebooks
from fund.inclusion import Proof
from fund.models import Allocation, Cycle, CyclePosition
from fund.ranking import Ranked, below_cut
from fund.rulebook import AllocationUnit, Rulebook
from ledger.money import EXACT, MAX_DECIMALS, floor_to, plain, round_half_even, total


class Part(StrEnum):
    """Whether a position takes part in the settlement, and why not."""

    PARTICIPANT = "participant"
    NETTED = "netted"
    BELOW_CUT = "below_cut"
    NO_PROFIT = "no_profit"
    NOTHING_SHARED = "nothing_shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Borne:
    """One position's part, in the fund's currency. A participant's has the steps of its amount, and its proof.

    `rank`: its place by profit, also of those below the cut; None where nothing is shared, or nothing was earned.

    `exact` = `rate` · profit; `most`: the cap's share of the profit; `floored`: the smaller of the two, cut off to the
    currency's precision; `amount` = `floored` + `rounding`, the unit that the largest remainders get.
    """

    position: str
    profit: Decimal
    part: Part
    amount: Decimal = Decimal(0)
    rank: int | None = None
    exact: Fraction | None = None
    most: Decimal | None = None
    floored: Decimal | None = None
    rounding: Decimal | None = None
    formula: str = ""
    entry_id: int | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A trader's part of a settled cycle; `amount` is the sum of its positions' amounts.

    `rate`: loss that a unit of profit bears, before the cap; None where nothing is shared.
    """

    cycle: Cycle
    trader: str
    rulebook: Rulebook
    rate: Fraction | None
    amount: Decimal
    positions: tuple[Borne, ...]


def explain(*, cycle_id: int, trader: str) -> Explanation:
    """What the trader bears of the settlement that stands. Raises NotFound `cycle_unknown`, `settlement_unknown`."""
    cycle = cycles.find(cycle_id)
    if cycle.status != Cycle.Status.SETTLED or cycle.rulebook is None:
        raise errors.settlement_unknown(str(cycle), cycle.status)
    rulebook = rulebooks.load(cycle.rulebook)
    rate = _rate(cycle, rulebook)
    rows = Allocation.objects.filter(cycle=cycle, run=cycle.run, trader=trader).order_by("rank")
    shares = {row.position: row for row in rows}
    own = list(CyclePosition.objects.filter(cycle=cycle, trader=trader).order_by("-profit", "position"))
    proofs = inclusion.proofs(cycle, shares.values())
    borne = (
        []
        if rate is None
        else [_participant(row, cycle, rulebook, rate, proofs.get(row.rank)) for row in shares.values()]
    )
    ranked = {each.position: each for each in below_cut(cycle, rulebook, trader=trader, taken=list(shares))}
    if rulebook.allocation_unit is AllocationUnit.TRADER:
        if own and not borne:
            borne = [_outside(trader, total(each.profit for each in own), ranked)]
        borne += [Borne(position=each.position, profit=each.profit, part=Part.NETTED) for each in own]
    else:
        borne += [_outside(each.position, each.profit, ranked) for each in own if each.position not in shares]
    amount = total(each.amount for each in borne)
    return Explanation(cycle=cycle, trader=trader, rulebook=rulebook, rate=rate, amount=amount, positions=tuple(borne))


def _rate(cycle: Cycle, rulebook: Rulebook) -> Fraction | None:
    """L / base, or the minimum levy where that is more."""
    if not cycle.base or not cycle.to_allocate:
        return None
    rate = Fraction(cycle.to_allocate) / Fraction(cycle.base)
    return rate if rulebook.min_levy_rate is None else max(rate, Fraction(rulebook.min_levy_rate))


def _outside(position: str, profit: Decimal, ranked: Mapping[str, Ranked]) -> Borne:
    """A position, or a netted trader, that takes no part. What was earned has a place wherever anything is shared."""
    if position in ranked:
        return Borne(position=position, profit=profit, part=Part.BELOW_CUT, rank=ranked[position].rank)
    return Borne(position=position, profit=profit, part=Part.NO_PROFIT if profit <= 0 else Part.NOTHING_SHARED)


def _participant(row: Allocation, cycle: Cycle, rulebook: Rulebook, rate: Fraction, proof: Proof | None) -> Borne:
    decimals = cycle.fund.currency.decimals
    exact = rate * Fraction(row.profit)
    most = floor_to(Fraction(row.profit) * Fraction(rulebook.allocation_cap), decimals)
    floored = min(floor_to(exact, decimals), most)
    return Borne(
        position=row.position,
        profit=row.profit,
        part=Part.PARTICIPANT,
        amount=row.amount,
        rank=row.rank,
        exact=exact,
        most=most,
        floored=floored,
        rounding=EXACT.subtract(row.amount, floored),
        formula=_formula(row, cycle, rulebook, rate, exact),
        entry_id=row.entry_id,
        proof=proof,
    )


def _formula(row: Allocation, cycle: Cycle, rulebook: Rulebook, rate: Fraction, exact: Fraction) -> str:
    assert cycle.to_allocate is not None, "a settled cycle has its figures"
    assert cycle.base is not None, "a settled cycle has its figures"
    rounded = round_half_even(exact, MAX_DECIMALS)
    equals = "=" if Fraction(rounded) == exact else "≈"
    levied = rulebook.min_levy_rate is not None and rate > Fraction(cycle.to_allocate) / Fraction(cycle.base)
    if levied:
        assert rulebook.min_levy_rate is not None
        return f"{plain(row.profit)} · {plain(rulebook.min_levy_rate)} {equals} {plain(rounded)}"
    return f"{plain(cycle.to_allocate)} · {plain(row.profit)} / {plain(cycle.base)} {equals} {plain(rounded)}"
