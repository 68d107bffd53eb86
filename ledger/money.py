"""Amounts: how they are read, rounded and written. The one module that quantises; the direction is in the name.

An amount is a Decimal of at most 38 integer digits and, by its currency, up to 18 decimals. The rules calculate with
`fractions.Fraction` or in whole units of the precision (`to_units`) and round once, at the line that is booked.
"""

import re
from collections.abc import Iterable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DefaultContext,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    getcontext,
)
from fractions import Fraction

from ledger.errors import Refused

MAX_INTEGER_DIGITS = 38
MAX_DECIMALS = 18

# 38 + 18 digits and four to spare for sums. What does not fit is an error, never a rounded number.
EXACT = Context(
    prec=60,
    rounding=ROUND_HALF_EVEN,
    traps=[DivisionByZero, FloatOperation, Inexact, InvalidOperation, Overflow],
)

# Signs and sums outside EXACT go by the context of their thread, which would cut them to 28 digits: no amount is longer
# than these, in this thread and in those to come.
getcontext().prec = DefaultContext.prec = EXACT.prec

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_SHOWN = 60


class MoneyError(Refused):
    """Text that is no amount, or a number that no amount can hold. `code` says which, `detail` has the value."""


def parse_amount(text: object, *, decimals: int) -> Decimal:
    """Read an amount of a currency with `decimals` digits after the point.

    Strict: ASCII digits, an optional leading minus, an optional fraction. Trailing zeros are fine.
    Raises MoneyError: amount_must_be_string, amount_malformed, amount_precision, amount_out_of_range.
    """
    if not isinstance(text, str):
        raise MoneyError("amount_must_be_string", f'{_shown(text)} must be a decimal string such as "12.5"')
    if not _PLAIN.fullmatch(text) or (text.startswith("-") and not text.strip("-0.")):
        raise MoneyError("amount_malformed", f'{_shown(text)} is not a plain decimal such as "12.5"')
    integer, _, fraction = text.lstrip("-").partition(".")
    if len(integer) > MAX_INTEGER_DIGITS:
        raise MoneyError(
            "amount_out_of_range", f"{_shown(text)} has {len(integer)} integer digits, at most {MAX_INTEGER_DIGITS} fit"
        )
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise MoneyError(
            "amount_precision", f"{_shown(text)} has {len(fraction)} decimals, at most {decimals} are kept"
        )
    sign = "-" if text.startswith("-") else ""
    return Decimal(f"{sign}{integer}.{fraction}" if fraction else f"{sign}{integer}")


def parse_number(text: object) -> Decimal:
    """Read a price, quantity or rate: as `parse_amount`, with up to 18 decimals and the same codes."""
    return parse_amount(text, decimals=MAX_DECIMALS)


def round_half_even(value: Fraction | Decimal, decimals: int) -> Decimal:
    """The nearest multiple of 10^-decimals, a half to the even neighbour. Raises MoneyError: amount_out_of_range."""
    numerator, denominator = _scaled(value, decimals)
    units, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and units % 2 == 1):
        units += 1
    return from_units(units, decimals)


def floor_to(value: Fraction | Decimal, decimals: int) -> Decimal:
    """The largest multiple of 10^-decimals that is not above `value`. Raises MoneyError: amount_out_of_range."""
    numerator, denominator = _scaled(value, decimals)
    return from_units(numerator // denominator, decimals)


def ceil_to(value: Fraction | Decimal, decimals: int) -> Decimal:
    """The smallest multiple of 10^-decimals that is not below `value`. Raises MoneyError: amount_out_of_range."""
    numerator, denominator = _scaled(value, decimals)
    return from_units(-(-numerator // denominator), decimals)


def to_units(value: Decimal, decimals: int) -> int:
    """`value` in units of 10^-decimals, for exact integer arithmetic. It must be a whole number of them."""
    numerator, denominator = _scaled(value, decimals)
    units, rest = divmod(numerator, denominator)
    assert rest == 0, f"{value} is not a multiple of 10^-{decimals}"
    return units


def from_units(units: int, decimals: int) -> Decimal:
    """The amount of `units` times 10^-decimals. Raises MoneyError: amount_out_of_range."""
    if abs(units) >= 10 ** (MAX_INTEGER_DIGITS + decimals):
        raise MoneyError("amount_out_of_range", f"a result has more than {MAX_INTEGER_DIGITS} integer digits")
    return EXACT.scaleb(Decimal(units), -decimals)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum; Python's `sum` would round to the 28 digits of the default context."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def plain(value: Decimal) -> str:
    """As JSON carries it: no exponent, no trailing zeros, "0" and never "-0"."""
    assert value.is_finite(), f"{value} is not an amount"
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _scaled(value: Fraction | Decimal, decimals: int) -> tuple[int, int]:
    numerator, denominator = value.as_integer_ratio()
    return numerator * 10**decimals, denominator


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
