"""The losses that a cycle settles, summed up from its shortfalls."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from fund.models import Cycle, Shortfall

_PARTS = ("loss", "fund_paid", "reserved_used", "to_allocate", "treasury_paid", "carried")


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Totals over the losses that stand; `loss` is the sum of the others. `fund_paid` is by the fund's free balance."""

    loss: Decimal
    fund_paid: Decimal
    reserved_used: Decimal
    to_allocate: Decimal
    treasury_paid: Decimal
    carried: Decimal


def of_cycle(cycle: Cycle) -> Losses:
    standing = Shortfall.objects.filter(cycle=cycle, reversed_by=None)
    sums = standing.aggregate(**{f"{part}_total": Sum(part) for part in _PARTS})
    return Losses(**{part: sums[f"{part}_total"] or Decimal(0) for part in _PARTS})
