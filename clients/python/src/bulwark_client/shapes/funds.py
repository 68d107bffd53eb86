"""Funds, their rulebooks and transfers, inventory."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bulwark_client.wire import REST


@dataclass(frozen=True, slots=True, kw_only=True)
class RulebookName:
    """Which version of the fund's rulebook."""

    version: int
    preset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """A version of a fund's rulebook; `fields` has every one, resolved, as JSON: rates are strings."""

    fund: str
    version: int
    preset: str
    effective_from: datetime
    published_at: datetime
    published_by: str
    reference: str | None
    fields: dict[str, Any] = field(metadata={REST: True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fund:
    """A fund as it stands now, in its currency; `rulebook` is the version in force."""

    code: str
    currency: str
    cycle_seconds: int | None
    rulebook: RulebookName
    balance: Decimal
    reserved: Decimal
    inventory: Decimal
    inventory_unrealised: Decimal | None
    to_allocate: Decimal
    deficit: Decimal
    gross_injections: Decimal
    gross_payouts: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A contribution, or a withdrawal with who asked for it and who decided."""

    reference: str
    fund: str
    direction: str
    source: str
    amount: Decimal
    status: str
    requested_by: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime | None
    entry: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorption:
    """A part of a deficit that the house bears."""

    reference: str
    fund: str
    amount: Decimal
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a fund holds of a contract; `unrealised`: what disposing of it at mark brings."""

    contract: str
    side: str
    quantity: Decimal
    carrying_price: Decimal | None
    mark_price: Decimal | None
    marked_at: datetime | None
    exposure: Decimal
    unrealised: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One change of what a fund holds; `realised` is against the carrying price, before costs."""

    reference: str
    kind: str
    contract: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    realised: Decimal
    effective_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """A position that is open at the venue, for the ADL queue; `margin` and `wallet` where the queue needs them."""

    position: str
    trader: str
    contract: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin: Decimal | None = None
    wallet: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Number of open positions that stand now."""

    count: int
