"""What the model keeps of each thing: of what was booked, of a cycle, a takeover and its fills."""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from fund.rulebook import Rulebook
from fund.rules import Profit
from tests.properties.model.contracts import Contract

Entry = dict[str, Fraction]
ZERO = Fraction(0)


@dataclass(frozen=True, kw_only=True)
class Held:
    """Of the fund's own: `side` 0 where it holds nothing; `price` the average at which it was taken over."""

    side: int = 0
    quantity: Fraction = ZERO
    price: Fraction = ZERO


@dataclass
class Booked:
    """What one event booked, so that it can be taken back: its entries, what it counted, what the fund held before."""

    entries: list[Entry] = field(default_factory=list)
    counted: dict[str, Fraction] = field(default_factory=dict)
    parts: dict[str, Fraction] = field(default_factory=dict)
    held: tuple[str, Held] | None = None
    # Of a loss: when it happened and the number of the cycle that it belongs to.
    at: datetime | None = None
    cycle: int | None = None


@dataclass(kw_only=True)
class Cycle:
    number: int
    id: int
    starts_at: datetime
    ends_at: datetime
    status: str = "open"
    profits: dict[str, Profit] = field(default_factory=dict)
    complete: bool = False
    settlement: Booked = field(default_factory=Booked)
    run: int = 0


@dataclass(kw_only=True)
class Fill:
    at: datetime
    quantity: Fraction
    result: Fraction
    fee: Fraction
    leftover: Fraction
    notional: Fraction
    booked: Booked
    # Of the inventory's own position on the other side, where this part went there.
    own: Booked | None = None


@dataclass(kw_only=True)
class Takeover:
    reference: str
    contract: Contract
    trader: str
    side: int
    quantity: Fraction
    price: Fraction
    margin: Fraction
    mark: Fraction
    rulebook: Rulebook
    leftover: Fraction = ZERO
    reserved: Fraction = ZERO
    status: str = "open"
    beginning: Booked = field(default_factory=Booked)
    # Those that stand, by their reference.
    fills: dict[str, Fill] = field(default_factory=dict)
    closing: Booked = field(default_factory=Booked)

    @property
    def remaining(self) -> Fraction:
        return self.quantity - sum(fill.quantity for fill in self.fills.values())

    @property
    def result(self) -> Fraction:
        net = self.rulebook.cost_policy == "net"
        return sum((fill.result - (fill.fee if net else 0) for fill in self.fills.values()), ZERO)

    @property
    def notional(self) -> Fraction:
        return sum((fill.notional for fill in self.fills.values()), ZERO)

    def take_part(self, quantity: Fraction) -> Fraction:
        """Leftover margin, not rounded, of a part that is closed next."""
        left = self.leftover - sum(fill.leftover for fill in self.fills.values())
        return left * quantity / self.remaining
