"""When counterparties are closed. Source: rulebooks.md, ADL triggers."""

from datetime import timedelta
from fractions import Fraction

from fund.rulebook import Adl, AdlTrigger

# The span in which a fund's peak is looked for. Source: rulebooks.md, trigger `drawdown`.
PEAK_WITHIN = timedelta(hours=8)


def adl_is_due(
    adl: Adl,
    *,
    fund_insufficient: bool,
    drawdown: Fraction,
    drawdown_by_results: Fraction,
) -> bool:
    """Whether counterparties are closed for what nobody in the market takes. Source: rulebooks.md, ADL triggers.

    `fund_insufficient`: the fund falls short of the loss to be expected (`falls_short`), or the rulebook has it take
    positions over and it cannot take this one. The drawdowns are shares of the peak.
    """
    match adl.trigger:
        case AdlTrigger.UNFILLED:
            return True
        case AdlTrigger.FUND_INSUFFICIENT:
            return fund_insufficient
        case AdlTrigger.DRAWDOWN | AdlTrigger.PNL_DRAWDOWN:
            assert adl.threshold is not None, f"the trigger {adl.trigger} comes with a threshold"
            fallen = drawdown if adl.trigger is AdlTrigger.DRAWDOWN else drawdown_by_results
            return fallen >= Fraction(adl.threshold)
