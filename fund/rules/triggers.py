"""When counterparties are closed. Source: rulebooks.md, ADL triggers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from fund.rulebook import Adl, AdlTrigger

# The span in which a fund's peak is looked for. Source: rulebooks.md, trigger `drawdown`.
PEAK_WITHIN = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """How far a fund has fallen from its 8-hour peak, as shares of the peak: in all, and by results alone."""

    in_all: Fraction
    by_results: Fraction

    @classmethod
    def of(cls, held: Decimal, *, fall: Decimal, fall_by_results: Decimal) -> "Drawdown":
        """Of a fund that has `held` now, set aside or free, and had more by these. Nothing of a peak of 0."""
        peak = Fraction(held) + Fraction(fall)
        return cls(Fraction(fall) / peak, Fraction(fall_by_results) / peak) if peak else cls(Fraction(0), Fraction(0))


def adl_is_due(adl: Adl, *, fund_insufficient: bool, fallen: Callable[[], Drawdown]) -> bool:
    """Whether counterparties are closed for what nobody in the market takes. Source: rulebooks.md, ADL triggers.

    `fund_insufficient`: the fund falls short of the loss to be expected (`falls_short`), or the rulebook has it take
    positions over and it cannot take this one. `fallen` is asked where the trigger is a drawdown.
    """
    match adl.trigger:
        case AdlTrigger.UNFILLED:
            return True
        case AdlTrigger.FUND_INSUFFICIENT:
            return fund_insufficient
        case AdlTrigger.DRAWDOWN | AdlTrigger.PNL_DRAWDOWN:
            assert adl.threshold is not None, f"the trigger {adl.trigger} comes with a threshold"
            told = fallen()
            share = told.in_all if adl.trigger is AdlTrigger.DRAWDOWN else told.by_results
            return share >= Fraction(adl.threshold)
