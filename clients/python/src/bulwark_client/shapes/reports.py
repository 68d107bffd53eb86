"""Receipts of takeovers, statements of traders, and what everybody may see."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bulwark_client.shapes.funds import RulebookName
from bulwark_client.shapes.takeovers import CounterpartyFill


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFill:
    reference: str
    kind: str
    price: Decimal | None
    quantity: Decimal
    fee: Decimal
    result: Decimal
    leftover: Decimal
    filled_at: datetime
    entry: int | None
    reversed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a receiver of the surplus got in all: amount = penalty + rest."""

    receiver: str
    penalty: Decimal
    rest: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Who bears the loss; the parts sum to it."""

    fund: Decimal
    traders: Decimal
    treasury: Decimal
    carried: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The settlement cycle of the traders' part, with all its losses."""

    cycle: int
    number: int
    status: str
    to_allocate: Decimal | None
    allocated: Decimal | None
    levy_surplus: Decimal | None
    residue: Decimal | None
    residue_paid: Decimal | None
    residue_carried: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Averted:
    """An ADL event; `averted` is the loss at mark that it averted, a memo."""

    reference: str
    price: Decimal
    quantity: Decimal
    averted: Decimal
    counterparties: list[CounterpartyFill]
    reversed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """What the fund took over itself; `realised` is its own, `carrying_before` an exact fraction or empty."""

    reference: str
    price: Decimal
    quantity: Decimal
    side_before: str
    quantity_before: Decimal
    carrying_before: str
    realised: Decimal
    reversed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptEntry:
    id: int
    reference: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A takeover from its fills to the last layer, with every number and rule that it follows from."""

    takeover: str
    contract: str
    contract_kind: str
    multiplier: Decimal
    tick: Decimal | None
    fund: str
    currency: str
    decimals: int
    trader: str
    side: str
    quantity: Decimal
    entry_price: Decimal | None
    bankruptcy_price: Decimal
    mark_price: Decimal | None
    margin: Decimal
    leftover: Decimal
    compensation: Decimal
    reserved_from: Decimal | None
    limit_price: Decimal | None
    status: str
    rulebook: int
    rules: dict[str, Any]
    fills: list[ReceiptFill]
    notional: Decimal
    trading_result: Decimal
    costs: Decimal
    costs_borne_by: str
    result: Decimal
    loss: Decimal
    fund_balance: Decimal | None
    spendable: Decimal | None
    parts: Parts
    layers: list[Layer]
    received: list[Received]
    released: Decimal
    deficit_before: Decimal | None
    deficit_repaid: Decimal
    shared: Shared | None
    adl: list[Averted]
    inventory: list[TakenOver]
    entries: list[ReceiptEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderLine:
    """A line of a trader's statement; a fee that its account did not pay itself has no account."""

    id: int
    type: str
    account: str | None
    currency: str
    debit: Decimal
    credit: Decimal
    balance_after: Decimal | None
    entry: int
    reference: str
    kind: str
    source_kind: str
    source_id: str
    description: str
    effective_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An open position in its ADL queue: 5 lights in the first fifth, 1 in the last, 0 where it is not queued."""

    position: str
    fund: str
    contract: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    queue: str | None
    rank: int | None
    length: int | None
    lights: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFund:
    fund: str
    currency: str
    balance: Decimal
    reserved: Decimal
    inventory: Decimal
    deficit: Decimal
    gross_injections: Decimal
    gross_payouts: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A fund's figures at a moment. None is what was not recorded then and the journal does not tell."""

    fund: str
    currency: str
    taken_at: datetime
    recorded: bool = True
    balance: Decimal
    reserved: Decimal
    inventory: Decimal | None
    deficit: Decimal
    gross_injections: Decimal | None
    gross_payouts: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A settled cycle: loss = fund_paid + treasury_paid + allocated − levy_surplus + carried."""

    fund: str
    currency: str
    number: int
    starts_at: datetime
    ends_at: datetime
    settled_at: datetime
    rulebook: RulebookName
    loss: Decimal
    fund_paid: Decimal
    treasury_paid: Decimal
    allocated: Decimal
    levy_surplus: Decimal
    residue: Decimal
    carried: Decimal
    participants: int
    profit_total: Decimal
    allocations_root: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A cycle that is not settled: `rate` is the share of a participant's profit that its losses would cost so far."""

    fund: str
    currency: str
    number: int
    starts_at: datetime
    ends_at: datetime
    status: str
    loss: Decimal
    to_allocate: Decimal
    profit_total: Decimal | None
    rate: Decimal | None
