"""Auto-deleveraging: what nobody in the market takes is closed against counterparties, in the rulebook's order.

Counterparties realise their profit at the policy's price, clearing → trader. The loss that this averted is a memo.
Source: accounting.md, `adl`; rulebooks.md, ADL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fund import adl
from fund.rules import AdlFill
from ledger import accounts, chart
from ledger.events.recording import record
from ledger.money import EXACT, plain, total
from ledger.posting import Line
from ledger.transactions import Outdated, retried
from liquidation import errors, events, evidence
from liquidation.contracts import kind_of
from liquidation.engine import ZERO, Engine
from liquidation.evidence import Evidence
from liquidation.models import CounterpartyFill, Deleveraging, Fill, Takeover
from liquidation.rules import PositionSide, book_for_trader, profit_and_loss
from liquidation.values import check_name, check_positive, check_reference

# Counterparties of one entry: an entry has fewer than 10,000 lines.
_AT_ONCE = 4_000
_ENTRY_KIND = "adl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterparty:
    """One counterparty that was closed. `entry_price` None: as the answered queue has it, else its open position."""

    trader: str
    quantity: Decimal
    entry_price: Decimal | None = None
    position: str = ""


@dataclass(frozen=True, slots=True)
class Deleveraged:
    """`replayed`: the event was known with the same content."""

    deleveraging: Deleveraging
    replayed: bool

    @property
    def takeover(self) -> Takeover:
        return self.deleveraging.takeover


@retried
def report_adl(
    *,
    reference: str,
    takeover: str,
    fills: Sequence[Counterparty],
    occurred_at: datetime | None = None,
    mark_price: Decimal | None = None,
    recorded_at: datetime,
) -> Deleveraged:
    """Book an ADL event: its fills close as much of the takeover, whatever is left stays open.

    It goes by the queue that `report_unfilled` answered last, where there is one. `mark_price`: the event's own.
    Raises NotFound `takeover_unknown`; ReferenceReused; Refused `takeover_closed`, `takeover_reversed`,
    `adl_not_in_rulebook`, `adl_fills_missing`, `adl_entry_price_missing`, `adl_fill_not_listed`, `name_malformed`,
    `quantity_not_positive`, `price_not_positive`, `fill_exceeds_remaining`, `mark_price_missing`,
    `reference_malformed`; PostingRefused.
    """
    opened = _open_accounts(takeover, fills)
    engine = Engine([takeover], recorded_at=recorded_at)
    known = Deleveraging.objects.select_related("takeover", "answered").filter(reference=reference).first()
    if known is not None:
        _check_same(known, takeover, fills, occurred_at)
        known.takeover = engine.takeover(takeover)
        return Deleveraged(known, replayed=True)
    taken_over = engine.takeover(takeover)
    if not opened:
        # It was reported in between: its counterparties' accounts are opened at the next attempt.
        raise Outdated(errors.takeover_unknown(takeover))
    _check(reference, fills)
    engine.open_takeover(takeover)
    quantity = total(fill.quantity for fill in fills)
    if quantity > taken_over.remaining:
        raise errors.fill_exceeds_remaining(takeover, quantity=quantity, remaining=taken_over.remaining, field="fills")
    kept = evidence.of_event(
        reference,
        taken_over,
        engine.rulebook(taken_over),
        fills=[AdlFill(position=fill.position, trader=fill.trader, quantity=fill.quantity) for fill in fills],
        mark_price=mark_price,
    )
    if Fill.objects.filter(reference=reference).exists():
        raise errors.reference_reused(reference, "a fill")

    event = Deleveraging(
        reference=reference,
        takeover=taken_over,
        price=kept.price,
        quantity=quantity,
        answered=kept.answered,
        queue=kept.queue,
        occurred_at=occurred_at or recorded_at,
        recorded_at=recorded_at,
    )
    _book(engine, event, kept, _counterparties(event, fills))
    return Deleveraged(event, replayed=False)


def _open_accounts(takeover: str, fills: Sequence[Counterparty]) -> bool:
    """Before any lock; False where there is no such takeover. What is malformed is refused later, in its order."""
    currency = (
        Takeover.objects.filter(reference=takeover).values_list("contract__margin_currency_id", flat=True).first()
    )
    if currency is not None:
        names = sorted({fill.trader for fill in fills if chart.is_name(fill.trader)})
        accounts.open_missing([chart.trader(name, currency) for name in names], currency=currency)
    return currency is not None


def _check(reference: str, fills: Sequence[Counterparty]) -> None:
    check_reference(reference)
    if not fills:
        raise errors.adl_fills_missing(reference)
    for fill in fills:
        check_name("trader", fill.trader)
        check_positive("quantity", fill.quantity)
        if fill.entry_price is not None:
            check_positive("entry_price", fill.entry_price)


def _counterparties(event: Deleveraging, fills: Sequence[Counterparty]) -> list[CounterpartyFill]:
    """The fills with what each realises at the event's price, from its entry price as the answered queue had it."""
    takeover = event.takeover
    contract, side = takeover.contract, PositionSide(takeover.side).opposite
    open_now = adl.entry_prices(
        fund_id=contract.fund_id,
        contract=contract.symbol,
        side=side,
        traders=[fill.trader for fill in fills if fill.entry_price is None],
    )
    known = open_now | evidence.entry_prices(event.answered)
    closed = []
    for fill in fills:
        entry_price = fill.entry_price or known.get((fill.trader, fill.position))
        if entry_price is None:
            raise errors.adl_entry_price_missing(event.reference, fill.trader)
        exact = profit_and_loss(
            kind=kind_of(contract),
            side=side,
            quantity=fill.quantity,
            multiplier=contract.multiplier,
            entry_price=entry_price,
            exit_price=event.price,
        )
        closed.append(
            CounterpartyFill(
                trader=fill.trader,
                position=fill.position,
                quantity=fill.quantity,
                entry_price=entry_price,
                realised=book_for_trader(exact, kind=kind_of(contract), decimals=contract.margin_currency.decimals),
            )
        )
    return closed


def _book(engine: Engine, event: Deleveraging, kept: Evidence, closed: Sequence[CounterpartyFill]) -> None:
    takeover = event.takeover
    batches = [closed[start : start + _AT_ONCE] for start in range(0, len(closed), _AT_ONCE)]
    averted = _averted(engine, event, kept.mark_price)
    takeover.adl_averted = EXACT.add(takeover.adl_averted, averted)
    event.queue["averted"] = plain(averted)
    first = engine.close_part(
        takeover,
        reference=event.reference,
        kind=Fill.Kind.ADL,
        quantity=event.quantity,
        # A bankruptcy price of 0 is no price of a fill: closing there brings nothing.
        price=event.price or None,
        pnl=None if event.price else ZERO,
        fee=ZERO,
        filled_at=event.occurred_at,
        entry_kind=_ENTRY_KIND,
        beside=_lines(takeover, batches[0]),
    )
    entry_ids = [engine.entry_id_of(first)]
    for number, batch in enumerate(batches[1:], 2):
        entry_ids.append(engine.post_beside(first, _lines(takeover, batch), kind=_ENTRY_KIND, number=number))
    engine.book()
    event.save()
    for batch, entry_id in zip(batches, entry_ids, strict=True):
        for fill in batch:
            fill.deleveraging = event
            fill.entry_id = entry_id() if fill.realised else None
    CounterpartyFill.objects.bulk_create(closed)
    adl.close_positions(
        fund_id=takeover.contract.fund_id,
        contract=takeover.contract.symbol,
        side=PositionSide(takeover.side).opposite,
        closed=[(fill.trader, fill.position, fill.quantity) for fill in closed],
    )
    record([events.of_adl(event, counterparties=len(closed), averted=averted)])


def _averted(engine: Engine, event: Deleveraging, mark_price: Decimal | None) -> Decimal:
    """The loss that closing this quantity at mark would have made, less the one at the event's price."""
    if not mark_price:
        return ZERO
    at_mark = engine.result_at(event.takeover, quantity=event.quantity, price=mark_price)
    at_price = engine.result_at(event.takeover, quantity=event.quantity, price=event.price) if event.price else ZERO
    return max(EXACT.subtract(max(EXACT.minus(at_mark), ZERO), max(EXACT.minus(at_price), ZERO)), ZERO)


def _lines(takeover: Takeover, closed: Sequence[CounterpartyFill]) -> list[Line]:
    """Clearing → each counterparty by its profit, back where it is a loss; clearing once a side."""
    currency = takeover.contract.margin_currency_id
    clearing = chart.clearing(takeover.contract.symbol, currency)
    gained = total(fill.realised for fill in closed if fill.realised > 0)
    lost = total(EXACT.minus(fill.realised) for fill in closed if fill.realised < 0)
    lines = []
    if gained:
        lines.append(Line(clearing, debit=gained))
    if lost:
        lines.append(Line(clearing, credit=lost))
    for fill in closed:
        account = chart.trader(fill.trader, currency)
        if fill.realised > 0:
            lines.append(Line(account, credit=fill.realised))
        elif fill.realised < 0:
            lines.append(Line(account, debit=EXACT.minus(fill.realised)))
    return lines


def _check_same(
    known: Deleveraging, takeover: str, fills: Sequence[Counterparty], occurred_at: datetime | None
) -> None:
    kept = [(each.trader, each.position, each.quantity, each.entry_price) for each in known.fills.order_by("id")]
    told = [
        (fill.trader, fill.position, fill.quantity, fill.entry_price or (kept[place][3] if place < len(kept) else None))
        for place, fill in enumerate(fills)
    ]
    if (
        known.takeover.reference != takeover
        or told != kept
        or (occurred_at is not None and occurred_at != known.occurred_at)
    ):
        what = f"another ADL of {plain(known.quantity)}, takeover {takeover}"
        elsewhere = known.takeover.reference != takeover
        raise errors.reference_reused(known.reference, "an ADL of another takeover" if elsewhere else what)
