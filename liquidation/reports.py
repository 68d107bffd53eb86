"""Receipts of takeovers and statements of traders: reads across fills, entries and what the fund made of a result."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from django.db import connection

from fund.models import Cycle, Shortfall, Surplus
from ledger.models import Entry
from ledger.money import EXACT, total
from liquidation import errors
from liquidation.engine import SOURCE, ZERO
from liquidation.models import CounterpartyFill, Deleveraging, Fill, Takeover


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One bearer of a loss, or one receiver of a surplus, with its part in the margin currency."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Averted:
    """One ADL event: the loss at mark that it averted is a memo, no money; counterparties realised their profit."""

    reference: str
    price: Decimal
    quantity: Decimal
    averted: Decimal
    counterparties: tuple[CounterpartyFill, ...]
    reversed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The settlement cycle that the traders' part went to, with all losses of the cycle: what became of `to_allocate`.

    `to_allocate = allocated − levy_surplus + residue`; the residue came from the fund or was carried. None of it is
    known before the cycle is settled.
    """

    cycle: Cycle
    to_allocate: Decimal | None
    allocated: Decimal | None
    levy_surplus: Decimal | None
    residue: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A takeover from its fills to the last layer, in its margin currency.

    result = trading_result − costs, where costs come off it; `layers` sum to the loss, or to the surplus. While it is
    open, `result` is the one so far, and there are no layers. Reversed fills are shown and count for nothing.
    """

    takeover: Takeover
    fills: tuple[Fill, ...]
    trading_result: Decimal
    costs: Decimal
    result: Decimal
    loss: Decimal
    layers: tuple[Layer, ...]
    deficit_repaid: Decimal
    shared: Shared | None
    adl: tuple[Averted, ...]
    entries: tuple[Entry, ...]


class StatementType(StrEnum):
    """What a line of a trader's statement is. Source: api.md, trader's statement."""

    TAKEOVER = "TAKEOVER"
    LIQUIDATION_FEE = "LIQUIDATION_FEE"
    ALLOCATION = "ALLOCATION"
    ADL = "ADL"
    SETTLEMENT = "SETTLEMENT"
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    REVERSAL = "REVERSAL"


# What is none of these is a settlement: residual margin that comes back, and what the venue books by hand.
_TYPE_OF: Mapping[str, StatementType] = {
    "takeover": StatementType.TAKEOVER,
    "penalty": StatementType.LIQUIDATION_FEE,
    "allocation": StatementType.ALLOCATION,
    "adl": StatementType.ADL,
    "deposit": StatementType.DEPOSIT,
    "withdrawal": StatementType.WITHDRAWAL,
    "reversal": StatementType.REVERSAL,
}

# A penalty is taken out of what the takeover left, not from the trader's account: its line stands beside the account's.
_STATEMENT = """
WITH lines AS (
    (SELECT p.id, a.code, a.currency_id, e.kind, p.debit, p.credit, p.balance_after
       FROM ledger_account a
       JOIN ledger_posting p ON p.account_id = a.id
       JOIN ledger_entry e ON e.id = p.entry_id
      WHERE a.kind = 'trader' AND a.owner = %(trader)s AND p.id > %(after)s
        AND (%(kinds)s::text[] IS NULL OR (e.kind = ANY (%(kinds)s)) = %(wanted)s)
      ORDER BY p.id LIMIT %(limit)s)
    UNION ALL
    (SELECT p.id, NULL, a.currency_id, e.kind, p.debit, p.credit, NULL
       FROM liquidation_takeover t
       JOIN ledger_entry e ON e.source_kind = 'takeover' AND e.source_id = t.reference AND e.kind = 'penalty'
       JOIN ledger_posting p ON p.id = e.id * 10000 + 1
       JOIN ledger_account a ON a.id = p.account_id
      WHERE t.trader = %(trader)s AND p.id > %(after)s
        AND (%(kinds)s::text[] IS NULL OR (e.kind = ANY (%(kinds)s)) = %(wanted)s)
      ORDER BY p.id LIMIT %(limit)s))
SELECT l.id, l.code, l.currency_id, l.kind, l.debit, l.credit, l.balance_after, e.id, e.reference, e.source_kind,
       e.source_id, e.description, e.effective_at, e.created_at
  FROM lines l JOIN ledger_entry e ON e.id = l.id / 10000
 ORDER BY l.id LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderLine:
    """One line. `account` and `balance_after` are None for a fee that the account did not pay: see LIQUIDATION_FEE."""

    id: int
    type: StatementType
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
class TraderStatement:
    """A page in book order. `next` is the `after` of the next page, None on the last."""

    lines: tuple[TraderLine, ...]
    next: int | None


def trader_statement(
    trader: str, *, types: Collection[StatementType] | None = None, after: int = 0, limit: int
) -> TraderStatement:
    """A trader's lines in all currencies after the line `after`, at most `limit`; of all types or of these."""
    kinds, wanted = _kinds_of(types)
    with connection.cursor() as cursor:
        cursor.execute(
            _STATEMENT, {"trader": trader, "after": after, "kinds": kinds, "wanted": wanted, "limit": limit + 1}
        )
        rows = cursor.fetchall()
    lines = tuple(
        TraderLine(
            id=line,
            type=_TYPE_OF.get(kind, StatementType.SETTLEMENT),
            account=account,
            currency=currency,
            debit=debit,
            credit=credit,
            balance_after=balance,
            entry=entry,
            reference=reference,
            kind=kind,
            source_kind=source_kind,
            source_id=source_id,
            description=description,
            effective_at=effective_at,
            created_at=created_at,
        )
        for (
            line,
            account,
            currency,
            kind,
            debit,
            credit,
            balance,
            entry,
            reference,
            source_kind,
            source_id,
            description,
            effective_at,
            created_at,
        ) in rows[:limit]
    )
    return TraderStatement(lines=lines, next=lines[-1].id if len(rows) > limit else None)


def receipt(reference: str) -> Receipt:
    """What became of a takeover. Raises NotFound `takeover_unknown`."""
    takeover = Takeover.objects.select_related("contract__fund", "rulebook").filter(reference=reference).first()
    if takeover is None:
        raise errors.takeover_unknown(reference)
    fills = tuple(takeover.fills.select_related("entry", "reversed_by").order_by("id"))
    standing = [fill for fill in fills if fill.reversed_at is None]
    trading_result = total(fill.result for fill in standing)
    costs = total(fill.fee for fill in standing)
    result: Decimal = takeover.running_result if takeover.result is None else takeover.result
    surplus = Surplus.objects.filter(source_kind=SOURCE, source_id=reference, reversed_by=None).first()
    shortfall = (
        Shortfall.objects.select_related("cycle")
        .filter(source_kind=SOURCE, source_id=reference, reversed_by=None)
        .first()
    )
    return Receipt(
        takeover=takeover,
        fills=fills,
        trading_result=trading_result,
        costs=costs,
        result=result,
        loss=max(-result, ZERO) if takeover.result is not None else ZERO,
        layers=tuple(_layers(takeover, surplus, shortfall)),
        deficit_repaid=surplus.repaid if surplus else ZERO,
        shared=_shared(shortfall),
        adl=_averted(takeover, fills),
        entries=tuple(Entry.objects.filter(source_kind=SOURCE, source_id=reference).order_by("id")),
    )


def _layers(takeover: Takeover, surplus: Surplus | None, shortfall: Shortfall | None) -> list[Layer]:
    """Every layer of the side that the result is on, also those that took nothing; they sum to it."""
    if shortfall is not None:
        names = ("reserved_used", "fund_paid", "to_allocate", "treasury_paid", "carried")
        layers = [Layer(name=name, amount=getattr(shortfall, name)) for name in names]
    elif surplus is not None:
        names = ("penalty", "injected", "to_vault", "to_trader", "to_fees")
        layers = [Layer(name=name, amount=getattr(surplus, name)) for name in names]
    else:
        return []
    result = takeover.result
    assert result is not None, f"{takeover.reference} is not closed, and its result is shared"
    assert total(layer.amount for layer in layers) == abs(result), f"{layers} do not sum to {result}"
    return layers


def _shared(shortfall: Shortfall | None) -> Shared | None:
    if shortfall is None or shortfall.cycle is None:
        return None
    cycle = shortfall.cycle
    return Shared(
        cycle=cycle,
        to_allocate=cycle.to_allocate,
        allocated=cycle.allocated,
        levy_surplus=cycle.levy_surplus,
        residue=cycle.residue,
    )


def _averted(takeover: Takeover, fills: Collection[Fill]) -> tuple[Averted, ...]:
    by_reference = {fill.reference: fill for fill in fills if fill.kind == Fill.Kind.ADL}
    if not by_reference:
        return ()
    events = Deleveraging.objects.filter(takeover=takeover).prefetch_related("fills").order_by("id")
    return tuple(
        Averted(
            reference=event.reference,
            price=event.price,
            quantity=event.quantity,
            averted=EXACT.create_decimal(event.queue.get("averted", "0")),
            counterparties=tuple(event.fills.all()),
            reversed_at=by_reference[event.reference].reversed_at,
        )
        for event in events
    )


def _kinds_of(types: Collection[StatementType] | None) -> tuple[list[str] | None, bool]:
    """The entries' kinds that are meant, or, with False, the kinds that are not: settlements are all the others."""
    if types is None:
        return None, True
    named = [kind for kind, of in _TYPE_OF.items() if of in types]
    if StatementType.SETTLEMENT not in types:
        return named, True
    return [kind for kind in _TYPE_OF if kind not in named], False
