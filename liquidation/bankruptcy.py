"""The bankruptcy price of a takeover of which the venue tells none."""

from decimal import Decimal

from liquidation import errors
from liquidation.contracts import kind_of
from liquidation.models import Contract
from liquidation.rules import PositionSide, bankruptcy_price, round_to_better
from liquidation.values import check_positive


def work_out_price(
    contract: Contract,
    *,
    takeover: str,
    side: PositionSide,
    quantity: Decimal,
    entry_price: Decimal | None,
    margin: Decimal,
) -> Decimal:
    """Price at which the loss and the fee of the close exhaust the margin, exact, then rounded once, to the better.

    A long's is rounded up, a short's down, and the margin still covers what is lost at it. The other way, the engine's
    result would have a part that no margin brought, which a rulebook may even refund to the trader. The limit price is
    rounded so, and Bybit's published one. Source: accounting.md, one rounding, never in a trader's favour.

    Raises Refused `bankruptcy_price_missing`, `margin_never_exhausted`, `price_not_positive`, `amount_out_of_range`.
    """
    if entry_price is None:
        raise errors.bankruptcy_price_missing(takeover)
    exact = bankruptcy_price(
        kind=kind_of(contract),
        side=side,
        quantity=quantity,
        multiplier=contract.multiplier,
        entry_price=entry_price,
        margin=margin,
        fee_rate=contract.close_fee_rate,
    )
    if exact is None:
        raise errors.margin_never_exhausted(takeover, margin=margin, quantity=quantity, entry_price=entry_price)
    price = round_to_better(exact, side=side, tick=contract.tick)
    if exact:
        # A short's may lie below the first tick. Only a long whose margin covers its whole value is bankrupt at 0.
        check_positive("bankruptcy_price", price)
    return price
