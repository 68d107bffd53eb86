"""What a contract is worth, in fractions."""

from dataclasses import dataclass
from fractions import Fraction

from ledger import chart
from tests.properties.model.accounts import CURRENCY


@dataclass(frozen=True, kw_only=True)
class Contract:
    """`side` is 1 for a long, -1 for a short, wherever it is asked for."""

    symbol: str
    kind: str
    multiplier: Fraction

    @property
    def clearing(self) -> str:
        return chart.clearing(self.symbol, CURRENCY)

    def profit(self, side: int, quantity: Fraction, entry: Fraction, leave: Fraction) -> Fraction:
        moved = 1 / entry - 1 / leave if self.kind == "inverse" else leave - entry
        return side * quantity * self.multiplier * moved

    def notional(self, quantity: Fraction, price: Fraction) -> Fraction:
        size = quantity * self.multiplier
        return size / price if self.kind == "inverse" else size * price

    def mean(self, *parts: tuple[Fraction, Fraction]) -> Fraction:
        """Average price of `(quantity, price)`."""
        quantity = sum(each for each, _ in parts)
        weighted = sum(self.notional(*part) for part in parts) / self.multiplier
        return quantity / weighted if self.kind == "inverse" else weighted / quantity
