"""Receipts of takeovers: reads across fills, entries and what the fund made of a result."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fund.models import Cycle, Shortfall, Surplus
from fund.settlement.losses import of_cycle
from ledger.models import Entry
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
        loss=max(EXACT.minus(result), ZERO) if takeover.result is not None else ZERO,
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
        layers = [Layer(name=name, amount=getattr(surplus, name)) for name in GAIN_PARTS]
    else:
        return []
    result = takeover.result
    assert result is not None, f"{takeover.reference} is not closed, and its result is shared"
    assert total(layer.amount for layer in layers) == result.copy_abs(), f"{layers} do not sum to {result}"
    return layers


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
