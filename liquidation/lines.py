"""What a fill books between clearing, engine and fees, and its notional."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from ledger import chart
from ledger.money import EXACT
from ledger.posting import Line
from liquidation.contracts import kind_of
from liquidation.models import Contract, Fill
from liquidation.rules import notional


def engine_lines(contract: Contract, change: Decimal) -> list[Line]:
    """Clearing → engine by a gain, engine → clearing by a loss."""
    if not change:
        return []
    currency = contract.margin_currency_id
    clearing, engine = chart.clearing(contract.symbol, currency), chart.engine(currency)
    if change > 0:
        return [Line(clearing, debit=change), Line(engine, credit=change)]
    lost = EXACT.minus(change)
    return [Line(engine, debit=lost), Line(clearing, credit=lost)]


def cost_lines(contract: Contract, fee: Decimal, *, payer: Callable[[str], str]) -> list[Line]:
    """Trading costs: whoever bears them → fees."""
    if not fee:
        return []
    currency = contract.margin_currency_id
    return [Line(payer(currency), debit=fee), Line(chart.fees(currency), credit=fee)]


def notional_of(fill: Fill) -> Fraction:
    """Closing notional of a fill in the margin currency; at the bankruptcy price where the venue named no price."""
    takeover = fill.takeover
    price = takeover.bankruptcy_price if fill.price is None else fill.price
    return notional(
        kind=kind_of(takeover.contract),
        quantity=fill.quantity,
        multiplier=takeover.contract.multiplier,
        price=price,
    )
