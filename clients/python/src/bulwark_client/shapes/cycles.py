"""Settlement cycles, the profits that they are settled on, and what participants bear."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bulwark_client.shapes.funds import RulebookName


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A settlement cycle. What settling finds is None until then; its parts sum to the loss."""

    id: int
    fund: str
    number: int
    starts_at: datetime
    ends_at: datetime
    status: str
    opened_at: datetime
    positions_count: int | None
    positions_profit: Decimal | None
    positions_complete_at: datetime | None
    rulebook: RulebookName | None
    run: int
    loss: Decimal | None
    fund_paid: Decimal | None
    treasury_paid: Decimal | None
    to_allocate: Decimal | None
    allocated: Decimal | None
    levy_surplus: Decimal | None
    residue: Decimal | None
    carried: Decimal | None
    participants: int | None
    profit_total: Decimal | None
    participants_total: Decimal | None
    base: Decimal | None
    cut_profit: Decimal | None
    allocations_root: str | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position's profit in a cycle: realised + change of unrealised + funding − fees."""

    position: str
    trader: str
    profit: Decimal
    contract: str | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of the rows of one call: new ones, and ones that were known with the same content."""

    added: int
    replayed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """All that went up: number of positions and sum of their profits, to complete the cycle with."""

    count: int
    total: Decimal
    added: int
    replayed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """Number of positions that were thrown away."""

    discarded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one participant would bear."""

    position: str
    trader: str
    rank: int
    profit: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Retold:
    """What another rulebook makes of the cycle before it is settled."""

    injected: Decimal
    adl_notional: Decimal
    inventory: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What settling a cycle would do; nothing of it is booked."""

    cycle: int
    fund: str
    number: int
    rulebook: str
    positions_complete: bool
    loss: Decimal
    fund_paid: Decimal
    treasury_paid: Decimal
    to_allocate: Decimal
    allocated: Decimal
    levy_surplus: Decimal
    residue: Decimal
    carried: Decimal
    participants: int
    profit_total: Decimal
    participants_total: Decimal
    base: Decimal
    cut_profit: Decimal | None
    traders_charged: int
    largest_haircut: Decimal | None
    fund_after: Decimal
    deficit_after: Decimal
    largest: list[Share]
    retold: Retold | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What a participant of a settlement bears."""

    position: str
    trader: str
    rank: int
    profit: Decimal
    amount: Decimal
    run: int
    entry: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutLine:
    """Where the selection of participants ends."""

    coverage: Decimal
    crossing: str
    ties: str
    participants: int
    cut_profit: Decimal | None
    participants_total: Decimal
    profit_total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That an allocation is in the tree of the cycle's `allocations_root`; `hashes` lead from its leaf to the root."""

    leaf_index: int
    tree_size: int
    leaf: str
    hashes: list[str]
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Borne:
    """One position's part: amount = floored + rounding; `exact` is a fraction, as text."""

    position: str
    profit: Decimal
    part: str
    amount: Decimal
    rank: int | None
    formula: str
    exact: str | None
    most: Decimal | None
    floored: Decimal | None
    rounding: Decimal | None
    entry: int | None
    proof: Proof | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a trader bears of a settled cycle, and every number that it follows from."""

    cycle: int
    fund: str
    currency: str
    decimals: int
    number: int
    run: int
    trader: str
    amount: Decimal
    rulebook: RulebookName
    rules: dict[str, Any]
    loss: Decimal
    to_allocate: Decimal
    base: Decimal
    base_rule: str
    unit: str
    cap: Decimal
    min_levy_rate: Decimal | None
    rate: Decimal | None
    allocated: Decimal
    levy_surplus: Decimal
    residue: Decimal
    cut_line: CutLine
    positions: list[Borne]
