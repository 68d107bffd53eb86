"""What the settlement of a running cycle would take, as far as can be told before it: for the public, cheap to ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.core.cache import cache
from django.db.models import QuerySet, Sum

from fund import rulebooks
from fund.models import Cycle, CyclePosition, RulebookVersion, Shortfall
from fund.rulebook import AllocationBase, Rulebook
from ledger.money import floor_to

# Profits come in by the million and are asked for by anybody: summed up at most once in so many seconds.
_SECONDS_KEPT = 30
RATE_DECIMALS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The losses of a cycle so far, in the fund's currency, and the share of profit that they would cost.

    `rate`: of each participant's profit, cut off to 8 decimals; None where no profit is known yet.
    """

    cycle: Cycle
    loss: Decimal
    to_allocate: Decimal
    profit_total: Decimal | None
    rate: Decimal | None


def unsettled() -> QuerySet[Cycle]:
    """Cycles that are not settled, with their funds."""
    return Cycle.objects.exclude(status=Cycle.Status.SETTLED).select_related("fund")


def estimates(cycles: Sequence[Cycle]) -> list[Estimate]:
    """One estimate a cycle, in their order; a few queries, whatever their number."""
    losses, profits, rulebooks_ = _losses(cycles), _profit_totals(cycles), _rulebooks(cycles)
    made = []
    for cycle in cycles:
        loss, to_allocate = losses.get(cycle.pk, (Decimal(0), Decimal(0)))
        profit_total = profits.get(cycle.pk)
        rate = estimated_rate(to_allocate=to_allocate, profit_total=profit_total, rulebook=rulebooks_[cycle.pk])
        made.append(Estimate(cycle=cycle, loss=loss, to_allocate=to_allocate, profit_total=profit_total, rate=rate))
    return made


def estimated_rate(*, to_allocate: Decimal, profit_total: Decimal | None, rulebook: Rulebook) -> Decimal | None:
    """L / base, at most the cap. Who takes part is known at the settlement alone: a participating base counts as
    coverage · P. Source: rulebooks.md, the allocation of 003.
    """
    if not profit_total:
        return None
    base = Fraction(profit_total)
    if rulebook.allocation_base is AllocationBase.PARTICIPATING:
        base *= Fraction(rulebook.selection_coverage)
    if not base:
        return None
    return floor_to(min(Fraction(to_allocate) / base, Fraction(rulebook.allocation_cap)), RATE_DECIMALS)


def _losses(cycles: Sequence[Cycle]) -> Mapping[int, tuple[Decimal, Decimal]]:
    """Loss and traders' part by cycle."""
    standing = Shortfall.objects.filter(cycle__in=cycles, reversed_by=None)
    rows = standing.values("cycle_id").annotate(lost=Sum("loss"), shared=Sum("to_allocate")).order_by()
    return {row["cycle_id"]: (row["lost"], row["shared"]) for row in rows}


def _rulebooks(cycles: Sequence[Cycle]) -> Mapping[int, Rulebook]:
    """The rulebook that holds in the last instant of each cycle, by the cycle: the settlement's."""
    rows = RulebookVersion.objects.filter(fund__in={cycle.fund_id for cycle in cycles})
    # In the order in which rulebooks.in_force chooses.
    versions = list(rows.order_by("-effective_from", "-version"))
    return {
        cycle.pk: rulebooks.load(
            next(each for each in versions if each.fund_id == cycle.fund_id and each.effective_from < cycle.ends_at)
        )
        for cycle in cycles
    }


def _profit_totals(cycles: Sequence[Cycle]) -> Mapping[int, Decimal]:
    """P so far by cycle: the total of the positive profits; cycles without any are left out."""
    keys = {cycle.pk: f"fund:profits:{cycle.pk}:{cycle.opened_at.timestamp()}" for cycle in cycles}
    kept: dict[str, str] = cache.get_many(keys.values())
    asked = [pk for pk, key in keys.items() if key not in kept]
    if asked:
        positive = CyclePosition.objects.filter(cycle__in=asked, profit__gt=0).values("cycle_id")
        found = {row["cycle_id"]: str(row["total"]) for row in positive.annotate(total=Sum("profit")).order_by()}
        new = {keys[pk]: found.get(pk, "0") for pk in asked}
        cache.set_many(new, _SECONDS_KEPT)
        kept.update(new)
    return {pk: total for pk, key in keys.items() if (total := Decimal(kept[key]))}
