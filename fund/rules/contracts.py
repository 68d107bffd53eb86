"""Profit, notional and average entry of a position, exact, in the margin currency; what is booked of a profit.

Source: accounting.md, profit and loss; inverse: BitMEX, contracts · multiplier · (1/entry − 1/exit). Quantities count
contracts, prices are quote per unit.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from ledger.money import ceil_to, floor_to, round_half_even


class ContractKind(StrEnum):
    """How a contract pays. A quanto pays the price difference in another currency, at a fixed multiplier."""

    LINEAR = "linear"
    INVERSE = "inverse"
    QUANTO = "quanto"


class PositionSide(StrEnum):
    LONG = "long"
    SHORT = "short"

    @property
    def opposite(self) -> "PositionSide":
        return PositionSide.SHORT if self is PositionSide.LONG else PositionSide.LONG


def profit_and_loss(
    *,
    kind: ContractKind,
    side: PositionSide,
    quantity: Decimal,
    multiplier: Decimal,
    entry_price: Decimal | Fraction,
    exit_price: Decimal | Fraction,
) -> Fraction:
    """What the position earns from `entry_price` to `exit_price`, both above 0; negative for a loss."""
    size = Fraction(quantity) * Fraction(multiplier)
    if kind is ContractKind.INVERSE:
        of_long = size * (1 / Fraction(entry_price) - 1 / Fraction(exit_price))
    else:
        of_long = size * (Fraction(exit_price) - Fraction(entry_price))
    return of_long if side is PositionSide.LONG else -of_long


def notional(*, kind: ContractKind, quantity: Decimal, multiplier: Decimal, price: Decimal | Fraction) -> Fraction:
    """The position's value at `price`, above 0, in the margin currency."""
    size = Fraction(quantity) * Fraction(multiplier)
    return size / Fraction(price) if kind is ContractKind.INVERSE else size * Fraction(price)


def average_entry(*, kind: ContractKind, fills: Iterable[tuple[Decimal, Decimal | Fraction]]) -> Fraction:
    """Average price of at least one `(quantity, price)`: harmonic for inverse contracts, else arithmetic."""
    quantity, weighted = Fraction(0), Fraction(0)
    for filled, price in fills:
        quantity += Fraction(filled)
        weighted += (
            Fraction(filled) / Fraction(price) if kind is ContractKind.INVERSE else Fraction(filled) * Fraction(price)
        )
    assert quantity > 0, "no fill, no average"
    return quantity / weighted if kind is ContractKind.INVERSE else weighted / quantity


def book_for_engine(value: Fraction, *, kind: ContractKind, decimals: int) -> Decimal:
    """The house's result as it is booked, the engine's or the fund's: half-even; of an inverse contract rounded up.

    The other side of the line is clearing, the traders': rounding up never favours them. Source: accounting.md.
    """
    return ceil_to(value, decimals) if kind is ContractKind.INVERSE else round_half_even(value, decimals)


def book_for_trader(value: Fraction, *, kind: ContractKind, decimals: int) -> Decimal:
    """A trader's realised profit as it is booked: half-even; of an inverse contract rounded down. Source: as above."""
    return floor_to(value, decimals) if kind is ContractKind.INVERSE else round_half_even(value, decimals)
