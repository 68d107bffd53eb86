"""When counterparties are closed. Source: rulebooks.md, ADL triggers."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from fund.rulebook import Adl, AdlTrigger

# The span in which a fund's peak is looked for. Source: rulebooks.md, trigger `drawdown`.
PEAK_WITHIN = timedelta(hours=8)


def adl_is_due(
    adl: Adl,
    *,
    expected_loss: Fraction,
    spendable: Decimal,
    inventory_refused: bool,
    drawdown: Fraction,
    drawdown_by_results: Fraction,
) -> bool:
    """Whether counterparties are closed for what nobody in the market takes. Source: rulebooks.md, ADL triggers.

    `expected_loss`: of closing the rest at mark, 0 for none. `inventory_refused`: the rulebook has the fund take
    positions over, and it cannot take this one: that is its being insufficient. The drawdowns are shares of the peak.
    """
    match adl.trigger:
        case AdlTrigger.UNFILLED:
            return True
        case AdlTrigger.FUND_INSUFFICIENT:
            return inventory_refused or spendable <= 0 or expected_loss > Fraction(spendable)
        case AdlTrigger.DRAWDOWN | AdlTrigger.PNL_DRAWDOWN:
            assert adl.threshold is not None, f"the trigger {adl.trigger} comes with a threshold"
            fallen = drawdown if adl.trigger is AdlTrigger.DRAWDOWN else drawdown_by_results
            return fallen >= Fraction(adl.threshold)
