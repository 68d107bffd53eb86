"""What happened to a fund in a cycle, apart from what its rulebook made of it. Plain values."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from fund.holdings import Terms
from fund.rules import Holding, PositionSide, notional, profit_and_loss


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsold:
    """What nobody in the market took. Prices in quote per unit; without a mark price the bankruptcy price stands."""

    terms: Terms
    side: PositionSide
    quantity: Decimal
    bankruptcy_price: Decimal
    mark_price: Decimal | None

    def profit_at(self, price: Decimal) -> Fraction:
        """Against the bankruptcy price, before it is booked."""
        return profit_and_loss(
            kind=self.terms.kind,
            side=self.side,
            quantity=self.quantity,
            multiplier=self.terms.multiplier,
            entry_price=self.bankruptcy_price,
            exit_price=price,
        )

    def notional_at(self, price: Decimal) -> Fraction:
        return notional(kind=self.terms.kind, quantity=self.quantity, multiplier=self.terms.multiplier, price=price)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one takeover met in the market. `source` names it as its loss or surplus does.

    `sold`: the result of what the market took, against the bankruptcy price, before `costs`; `notional` the value of
    that. `adl_notional`: what of the rest was closed against counterparties as it was. `own`: references under which
    the fund's inventory took a part over. It began at `opened_at`, at the place `opened` among the entries, and was
    settled at `at` with the entry, or at the place, `closed`; 0 where nothing was posted and no place is known.
    """

    source: tuple[str, str]
    opened_at: datetime
    at: datetime
    opened: int
    closed: int
    sold: Decimal
    costs: Decimal = Decimal(0)
    notional: Fraction = Fraction(0)
    unsold: Unsold | None = None
    adl_notional: Fraction = Fraction(0)
    own: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Disposal:
    """A part of the fund's own position that the market took."""

    order: int
    at: datetime
    terms: Terms
    quantity: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """Anything else that moved the fund or its deficit: it would have moved them all the same."""

    order: int
    at: datetime
    fund: Decimal
    reserved: Decimal
    deficit: Decimal
    by_result: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Owned:
    """A position of the fund's own; without a mark price its average stands."""

    terms: Terms
    holding: Holding
    mark_price: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A cycle's events in the order in which the book took them, from what the fund held before the first of them.

    `owned`: its own positions then; `opening_reserved`: what it had set aside. The cycle's settlement is none of them.
    """

    decimals: int
    opening_balance: Decimal
    opening_reserved: Decimal
    opening_deficit: Decimal
    owned: tuple[Owned, ...]
    steps: tuple[Outcome | Disposal | Moved, ...]

    @property
    def adl_notional(self) -> Fraction:
        """What was closed against counterparties as it was."""
        outcomes = (step.adl_notional for step in self.steps if isinstance(step, Outcome))
        return sum(outcomes, Fraction(0))
