"""Contracts, takeovers, fills, and what becomes of what the market did not take."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bulwark_client.shapes.funds import RulebookName


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    symbol: str
    kind: str
    margin_currency: str
    multiplier: Decimal
    tick: Decimal | None
    close_fee_rate: Decimal
    fund: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTakeover:
    """A position that the engine took over at its bankruptcy price, with the margin that was left in it.

    Without `bankruptcy_price` the service works it out, from `entry_price`, margin and the contract's `close_fee_rate`.
    """

    reference: str
    contract: str
    trader: str
    side: str
    quantity: Decimal
    margin: Decimal
    bankruptcy_price: Decimal | None = None
    taken_over_at: datetime | None = None
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """What became of a result: result = penalty + injected + to_… − paid − treasury_paid − to_allocate − carried."""

    penalty: Decimal
    injected: Decimal
    to_vault: Decimal
    to_trader: Decimal
    to_fees: Decimal
    paid: Decimal
    treasury_paid: Decimal
    to_allocate: Decimal
    carried: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """A takeover as it stands; `result` and `waterfall` are None until it is closed."""

    reference: str
    contract: str
    fund: str
    trader: str
    side: str
    quantity: Decimal
    bankruptcy_price: Decimal
    margin: Decimal
    entry_price: Decimal | None
    mark_price: Decimal | None
    taken_over_at: datetime
    recorded_at: datetime
    rulebook: RulebookName
    status: str
    remaining: Decimal
    compensation: Decimal
    limit_price: Decimal | None
    running_result: Decimal
    notional: Decimal
    costs: Decimal
    closed_at: datetime | None
    result: Decimal | None
    waterfall: Waterfall | None
    entry: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFill:
    """A close of some quantity of a takeover at `price`; with `pnl` instead where the venue reports the result.

    `takeover` names the takeover in a batch over several; below one takeover's address it is left out.
    """

    reference: str
    quantity: Decimal
    price: Decimal | None = None
    pnl: Decimal | None = None
    fee: Decimal | None = None
    filled_at: datetime | None = None
    takeover: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A fill; `status`, `remaining` and `waterfall` are its takeover's as it stands."""

    reference: str
    takeover: str
    kind: str
    price: Decimal | None
    pnl: Decimal | None
    quantity: Decimal
    fee: Decimal
    result: Decimal
    filled_at: datetime
    recorded_at: datetime
    entry: int | None
    reversed_by: int | None
    status: str
    remaining: Decimal
    waterfall: Waterfall | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A place in the ADL queue; `closes` is what the takeover's quantity takes of it."""

    rank: int
    position: str
    trader: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin: Decimal | None
    wallet: Decimal | None
    profit: Decimal
    score: str | None
    closes: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What a queue is ranked by, the same for every place in it; `side` is that of the counterparties."""

    queue: str
    price_policy: str
    contract: str
    kind: str
    multiplier: Decimal
    side: str
    seed: str | None
    length: int
    left: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfilled:
    """What the rulebook does `next`: inventory, adl with the `queue`, or market."""

    takeover: str
    next: str
    quantity: Decimal
    status: str
    remaining: Decimal
    price: Decimal | None
    mark_price: Decimal | None
    ranking: Ranking | None
    queue: list[Queued] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterparty:
    """A counterparty that was closed; without `entry_price`, as its open position has it."""

    trader: str
    quantity: Decimal
    entry_price: Decimal | None = None
    position: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterpartyFill:
    """`realised` is the profit that the counterparty realised."""

    trader: str
    position: str
    quantity: Decimal
    entry_price: Decimal
    realised: Decimal
    entry: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQueue:
    """When `unfilled` answered a queue, for which quantity, and the mark price that held then."""

    answered_at: datetime
    recorded_at: datetime
    quantity: Decimal
    mark_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleveraging:
    """An ADL event, the `answered` queue that it goes by, and its takeover's `status` and `remaining` as it stands."""

    reference: str
    takeover: str
    price: Decimal
    quantity: Decimal
    occurred_at: datetime
    recorded_at: datetime
    fills: list[CounterpartyFill]
    answered: AnsweredQueue | None
    queue: Any
    status: str
    remaining: Decimal
