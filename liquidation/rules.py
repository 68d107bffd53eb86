"""Rules of a takeover: bankruptcy and limit price, the states. Pure; prices are exact.

Profit, notional and what is booked of them are the fund's (`fund.rules`), which ranks and holds
positions by them.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from fund.rules import (
    ContractKind,
    PositionSide,
    adl_is_due,
    book_for_engine,
    book_for_trader,
    notional,
    profit_and_loss,
)
from ledger.money import MAX_DECIMALS, ceil_to, floor_to, round_half_even

__all__ = [
    "TAKEOVER_TRANSITIONS",
    "ContractKind",
    "PositionSide",
    "adl_is_due",
    "bankruptcy_price",
    "book_for_engine",
    "book_for_trader",
    "can_move",
    "limit_price",
    "notional",
    "profit_and_loss",
    "round_to_better",
]

# A correction opens a closed takeover again, or reverses the whole of it, which is the end.
TAKEOVER_TRANSITIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"open": ("closed", "reversed"), "closed": ("open", "reversed"), "reversed": ()}
)


def can_move(from_status: str, to_status: str) -> bool:
    """Whether a takeover may go from one status to the other. A trigger in the database holds the same table."""
    return to_status in TAKEOVER_TRANSITIONS[from_status]


def bankruptcy_price(
    *,
    kind: ContractKind,
    side: PositionSide,
    quantity: Decimal,
    multiplier: Decimal,
    entry_price: Decimal | Fraction,
    margin: Decimal,
    fee_rate: Decimal,
) -> Fraction | None:
    """Price at which the margin is exhausted by the loss and the fee of the close, in quote per unit.

    It solves profit(entry → B) − fee_rate · notional(B) + margin = 0 with size s = quantity · multiplier:
    linear and quanto: long (s·e − m) / (s·(1 − φ)), at least 0; short (s·e + m) / (s·(1 + φ));
    inverse: long s·(1 + φ) / (s/e + m); short s·(1 − φ) / (s/e − m), None where s/e ≤ m: no price exhausts it.
    `fee_rate` is below 1. Source: accounting.md, profit and loss.
    """
    size, margin_exact, fee = Fraction(quantity) * Fraction(multiplier), Fraction(margin), Fraction(fee_rate)
    at_entry = notional(kind=kind, quantity=quantity, multiplier=multiplier, price=entry_price)
    sign = 1 if side is PositionSide.LONG else -1
    if kind is ContractKind.INVERSE:
        value_at_bankruptcy = at_entry + sign * margin_exact
        return size * (1 + sign * fee) / value_at_bankruptcy if value_at_bankruptcy > 0 else None
    return max((at_entry - sign * margin_exact) / (size * (1 - sign * fee)), Fraction(0))


def limit_price(
    *,
    kind: ContractKind,
    side: PositionSide,
    bankruptcy_price: Decimal,
    quantity: Decimal,
    multiplier: Decimal,
    budget: Decimal,
    tick: Decimal | None,
) -> Decimal | None:
    """Worst price at which closing the whole position loses at most `budget`, trading costs aside.

    B ∓ C / size, for inverse contracts 1 / (1/B ± C / size), rounded to the better price, towards the bankruptcy
    price, so that no fill within the limit can spend more. None where the budget covers any price.
    Source: accounting.md, pre-close compensation.
    """
    per_unit = Fraction(budget) / (Fraction(quantity) * Fraction(multiplier))
    sign = 1 if side is PositionSide.LONG else -1
    if kind is ContractKind.INVERSE:
        reciprocal = 1 / Fraction(bankruptcy_price) + sign * per_unit
        exact = 1 / reciprocal if reciprocal > 0 else Fraction(0)
    else:
        exact = Fraction(bankruptcy_price) - sign * per_unit
    if exact <= 0:
        return None
    return round_to_better(exact, side=side, tick=tick)


def round_to_better(price: Fraction, *, side: PositionSide, tick: Decimal | None) -> Decimal:
    """The nearest price at which closing loses no more than at the exact one: a long's rounded up, a short's down.

    To the contract's `tick`, or to 18 decimals where it has none.
    """
    better = ceil_to if side is PositionSide.LONG else floor_to
    if tick is None:
        return better(price, MAX_DECIMALS)
    steps = Fraction(better(price / Fraction(tick), 0))
    return round_half_even(steps * Fraction(tick), MAX_DECIMALS)
