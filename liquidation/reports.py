"""Receipts of takeovers: reads across fills, entries and what the fund made of a result."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fund import rulebooks
from fund.models import Cycle, InventoryMovement, Shortfall, Surplus
from fund.planning import INVENTORY
from fund.rulebook import SHARE_NAMES, CostPolicy
from fund.rules import spendable
from fund.settlement.losses import of_cycle
from ledger import chart
from ledger.models import Entry, Posting
from ledger.money import EXACT, total
from liquidation import errors
from liquidation.engine import SOURCE, ZERO
from liquidation.models import GAIN_PARTS, CounterpartyFill, Deleveraging, Fill, Takeover


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One bearer of a loss, or one receiver of a surplus, with its part in the margin currency."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one receiver got of a surplus: its part of the penalty, and of what the penalty left."""

    receiver: str
    penalty: Decimal
    rest: Decimal

    @property
    def amount(self) -> Decimal:
        return EXACT.add(self.penalty, self.rest)


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

    `to_allocate = allocated − levy_surplus + residue` and `residue = residue_paid + residue_carried`: what the traders
    did not bear was paid by the fund, or is borne by nobody yet. None of it is known before the cycle is settled.
    """

    cycle: Cycle
    to_allocate: Decimal | None
    allocated: Decimal | None
    levy_surplus: Decimal | None
    residue: Decimal | None
    residue_paid: Decimal | None
    residue_carried: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A takeover from its fills to the last layer, in its margin currency: with the rules, all to work it out again.

    result = trading_result − costs, where `costs_borne_by` is the result; `layers` sum to the loss, or to the surplus,
    `received` to the surplus. While it is open, `result` is the one so far, and there are no layers. Reversed fills are
    shown and count for nothing.

    `leftover`: of a takeover at mark, the part of the margin that the engine got; once closed its fills' parts sum to
    it. `reserved_from`: what the fund had free before it set the compensation aside; `fund_balance`: when its part of
    the loss was decided, and `spendable` what of that was above its floor. `deficit_before`: carried when an injection
    repaid of it. They are None where nothing was set aside, lost or repaid. `inventory`: what the fund took over, and
    what that realised, which is its own and no part of the result.
    """

    takeover: Takeover
    leftover: Decimal
    reserved_from: Decimal | None
    fills: tuple[Fill, ...]
    trading_result: Decimal
    costs: Decimal
    costs_borne_by: str
    result: Decimal
    loss: Decimal
    fund_balance: Decimal | None
    spendable: Decimal | None
    layers: tuple[Layer, ...]
    received: tuple[Received, ...]
    released: Decimal
    deficit_before: Decimal | None
    deficit_repaid: Decimal
    shared: Shared | None
    adl: tuple[Averted, ...]
    inventory: tuple[InventoryMovement, ...]
    entries: tuple[Entry, ...]


def receipt(reference: str) -> Receipt:
    """What became of a takeover. Raises NotFound `takeover_unknown`."""
    related = ("contract__fund", "contract__margin_currency", "rulebook")
    takeover = Takeover.objects.select_related(*related).filter(reference=reference).first()
    if takeover is None:
        raise errors.takeover_unknown(reference)
    rulebook = rulebooks.load(takeover.rulebook)
    fills = tuple(takeover.fills.select_related("entry", "reversed_by").order_by("id"))
    standing = [fill for fill in fills if fill.reversed_at is None]
    result: Decimal = takeover.running_result if takeover.result is None else takeover.result
    surplus = Surplus.objects.filter(source_kind=SOURCE, source_id=reference, reversed_by=None).first()
    shortfall = (
        Shortfall.objects.select_related("cycle")
        .filter(source_kind=SOURCE, source_id=reference, reversed_by=None)
        .first()
    )
    had = shortfall.fund_balance if shortfall else None
    entries = tuple(Entry.objects.filter(source_kind=SOURCE, source_id=reference).order_by("id"))
    lines, fund, taken = _lines(entries), takeover.contract.fund.code, _taken_over(fills)
    return Receipt(
        takeover=takeover,
        leftover=total((takeover.leftover, *(fill.leftover for fill in standing))),
        reserved_from=_before(lines, "reserve", chart.fund(fund)),
        fills=fills,
        trading_result=total(fill.result for fill in standing),
        costs=total(fill.fee for fill in standing),
        costs_borne_by="result" if rulebook.cost_policy is CostPolicy.NET else "treasury",
        result=result,
        loss=max(EXACT.minus(result), ZERO) if takeover.result is not None else ZERO,
        fund_balance=had,
        spendable=None if had is None else spendable(fund_balance=had, rulebook=rulebook),
        layers=tuple(_layers(takeover, surplus, shortfall)),
        received=tuple(_received(surplus, lines)) if surplus else (),
        released=_released(takeover, shortfall),
        # Of a close that was taken back the line is still there.
        deficit_before=(_before(lines, "deficit_repaid", chart.deficit(fund)) if surplus and surplus.repaid else None),
        deficit_repaid=surplus.repaid if surplus else ZERO,
        shared=_shared(shortfall),
        adl=_averted(takeover, fills),
        inventory=taken,
        entries=(*entries, *_entries_of(taken)),
    )


def _layers(takeover: Takeover, surplus: Surplus | None, shortfall: Shortfall | None) -> list[Layer]:
    """Every layer of the side that the result is on, also those that took nothing; they sum to it."""
    if shortfall is not None:
        names = ("reserved_used", "fund_paid", "to_allocate", "treasury_paid", "carried")
        layers = [Layer(name=name, amount=getattr(shortfall, name)) for name in names]
    elif surplus is not None:
        layers = [Layer(name=name, amount=getattr(surplus, name)) for name in GAIN_PARTS]
    else:
        return []
    result = takeover.result
    assert result is not None, f"{takeover.reference} is not closed, and its result is shared"
    assert total(layer.amount for layer in layers) == result.copy_abs(), f"{layers} do not sum to {result}"
    return layers


def _lines(entries: Collection[Entry]) -> dict[str, list[Posting]]:
    """Of each kind of entry the lines of the newest one: what a correction took back was booked again after it."""
    newest = {entry.kind: entry.pk for entry in entries}
    told = {newest[kind]: kind for kind in ("reserve", "penalty", "deficit_repaid") if kind in newest}
    found: dict[str, list[Posting]] = {}
    if told:
        for line in Posting.objects.select_related("account").filter(entry_id__in=told):
            found.setdefault(told[line.entry_id], []).append(line)
    return found


def _before(lines: Mapping[str, Collection[Posting]], kind: str, account: str) -> Decimal | None:
    """What stood on the account before an entry of this kind took from it, by the line of that; None without one."""
    taken = (line for line in lines.get(kind, ()) if line.account.code == account)
    return next((total((line.balance_after, line.debit, line.credit)) for line in taken), None)


def _received(surplus: Surplus, lines: Mapping[str, Collection[Posting]]) -> Iterator[Received]:
    """All four receivers; of the penalty by the lines of its entry, where there was one."""
    charged = lines["penalty"] if surplus.penalty else ()
    penalty = {line.account.kind: line.credit for line in charged}
    rest = dict(zip(SHARE_NAMES, (getattr(surplus, name) for name in GAIN_PARTS[1:]), strict=True))
    for name in SHARE_NAMES:
        yield Received(receiver=name, penalty=penalty.get(name, ZERO), rest=rest[name])


def _released(takeover: Takeover, shortfall: Shortfall | None) -> Decimal:
    if takeover.status != Takeover.Status.CLOSED:
        return ZERO
    used = shortfall.reserved_used if shortfall else ZERO
    return EXACT.subtract(takeover.compensation, used)


def _shared(shortfall: Shortfall | None) -> Shared | None:
    if shortfall is None or shortfall.cycle is None:
        return None
    cycle = shortfall.cycle
    paid = carried = None
    if cycle.residue is not None and cycle.carried is not None:
        # The cycle's own figure has what was carried at the closes too.
        carried = EXACT.subtract(cycle.carried, of_cycle(cycle).carried)
        paid = EXACT.subtract(cycle.residue, carried)
    return Shared(
        cycle=cycle,
        to_allocate=cycle.to_allocate,
        allocated=cycle.allocated,
        levy_surplus=cycle.levy_surplus,
        residue=cycle.residue,
        residue_paid=paid,
        residue_carried=carried,
    )


def _taken_over(fills: Collection[Fill]) -> tuple[InventoryMovement, ...]:
    references = [fill.reference for fill in fills if fill.kind == Fill.Kind.INVENTORY]
    taken = InventoryMovement.objects.filter(kind=InventoryMovement.Kind.ACQUIRED, reference__in=references)
    return tuple(taken.order_by("id"))


def _entries_of(taken: Collection[InventoryMovement]) -> tuple[Entry, ...]:
    references = [movement.reference for movement in taken]
    return tuple(Entry.objects.filter(source_kind=INVENTORY, source_id__in=references).order_by("id"))


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
