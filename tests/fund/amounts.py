"""Amounts and shares for tests of rules: as they are written, and any."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from ledger.money import from_units

AMOUNTS = st.integers(0, 10**38).map(lambda units: from_units(units, 8))
SHARES = st.integers(0, 10**6).map(lambda millionths: Fraction(millionths, 10**6))


def D(text: str) -> Decimal:
    return Decimal(text)


def amounts(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)
