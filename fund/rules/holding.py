"""What is held at an average price: some comes in, some goes out. Source: accounting.md, inventory."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fund.rules.contracts import ContractKind, PositionSide, average_entry, profit_and_loss
from ledger.money import EXACT


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """`quantity` of one side, above 0, at its exact average price, in quote per unit. Nothing held is None."""

    side: PositionSide
    quantity: Decimal
    price: Fraction


@dataclass(frozen=True, slots=True)
class Change:
    """What is held after it, and the exact result of what it closed, against the average price."""

    holding: Holding | None
    realised: Fraction


def take_in(
    holding: Holding | None,
    *,
    kind: ContractKind,
    multiplier: Decimal,
    side: PositionSide,
    quantity: Decimal,
    price: Decimal,
) -> Change:
    """`quantity` of `side` comes in at `price`; it closes what is held of the other side first."""
    if holding is None:
        return Change(Holding(side=side, quantity=quantity, price=Fraction(price)), Fraction(0))
    if holding.side is side:
        mean = average_entry(kind=kind, fills=((holding.quantity, holding.price), (quantity, Fraction(price))))
        return Change(Holding(side=side, quantity=EXACT.add(holding.quantity, quantity), price=mean), Fraction(0))
    closed = min(holding.quantity, quantity)
    change = give_out(holding, kind=kind, multiplier=multiplier, quantity=closed, price=price)
    rest = EXACT.subtract(quantity, closed)
    if not rest:
        return change
    return Change(Holding(side=side, quantity=rest, price=Fraction(price)), change.realised)


def give_out(holding: Holding, *, kind: ContractKind, multiplier: Decimal, quantity: Decimal, price: Decimal) -> Change:
    """`quantity`, at most what is held, goes out at `price`; the average stays."""
    assert 0 < quantity <= holding.quantity, f"{quantity} of {holding.quantity}"
    realised = profit_and_loss(
        kind=kind,
        side=holding.side,
        quantity=quantity,
        multiplier=multiplier,
        entry_price=holding.price,
        exit_price=price,
    )
    left = EXACT.subtract(holding.quantity, quantity)
    return Change(Holding(side=holding.side, quantity=left, price=holding.price) if left else None, realised)
