"""Corrections: what was booked is mirrored, never edited, and the takeover stands as if it had not happened.

Reversing a fill or a close opens the takeover again; reversing the takeover ends it. Later events work as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fund import inventory, settlement
from fund.corrections import entries_of, lock_cycles, take_back
from fund.models import Cycle, InventoryMovement, Transfer
from ledger.errors import NotFound, Refused
from ledger.models import Entry
from ledger.money import EXACT, MAX_DECIMALS, round_half_even
from ledger.posting import Posted
from ledger.reversals import mirrored, reverse
from ledger.transactions import retried
from liquidation import errors
from liquidation.engine import FIGURES, SOURCE, ZERO, Engine
from liquidation.lines import notional_of
from liquidation.models import Correction, CounterpartyFill, Deleveraging, Fill, Takeover
from liquidation.rules import can_move
from liquidation.values import check_reference

# Entries of a close, and of a takeover's beginning.
_CLOSE = ("penalty", "fund_injection", "deficit_repaid", "fund_payout", "deficit_carried", "release")
_BEGINNING = ("takeover", "reserve")
_INVENTORY = "inventory"


@dataclass(frozen=True, slots=True)
class Corrected:
    """`entry_id`: the mirror of what was named; None where nothing had been posted for it."""

    correction: Correction
    replayed: bool

    @property
    def entry_id(self) -> int | None:
        return self.correction.entry_id


def reverse_reference(target: str, *, reference: str, effective_at: datetime, description: str = "") -> None:
    """Reverse what `target` names: an entry, a fill, a takeover, a disposal or a transfer.

    Raises NotFound `entry_unknown`; Refused `reference_ambiguous`, and as the function that it comes to.
    """
    entry = Entry.objects.filter(reference=target).first()
    if entry is not None:
        reverse_entry(entry, reference=reference, effective_at=effective_at, description=description)
        return
    fill = Fill.objects.filter(reference=target).first()
    takeover = Takeover.objects.filter(reference=target).first()
    disposal = InventoryMovement.objects.filter(kind=InventoryMovement.Kind.DISPOSED, reference=target).first()
    transfer = Transfer.objects.filter(reference=target).exclude(entry=None).select_related("entry").first()
    match [each for each in (fill, takeover, disposal, transfer) if each is not None]:
        case [Fill()]:
            reverse_fill(target, reference=reference, effective_at=effective_at, description=description)
        case [Takeover()]:
            reverse_takeover(target, reference=reference, effective_at=effective_at, description=description)
        case [InventoryMovement()]:
            reverse_disposal(target, reference=reference, effective_at=effective_at, description=description)
        case [Transfer(entry=Entry() as booked)]:
            reverse(booked.pk, reference=reference, effective_at=effective_at, description=description)
        case []:
            raise NotFound("entry_unknown", f"nothing that was booked has the reference {target}")
        case _:
            raise Refused("reference_ambiguous", f"{target} is the reference of several events: name the entry")


def reverse_entry(
    entry: Entry, *, reference: str, effective_at: datetime, effective_stated: bool = True, description: str = ""
) -> Posted:
    """Reverse what an entry belongs to, as a whole: a fill, a close, a takeover, a settlement; or the entry alone.

    Raises Refused `entry_is_reversal`, `entry_already_reversed`, `cycle_settled`, `inventory_moved_on`…;
    PostingRefused `account_floor` where the money has gone on since.
    """
    alone = entry.reverses_id is not None or entry.source_kind not in (SOURCE, _INVENTORY, "cycle")
    if alone:
        return reverse(
            entry.pk,
            reference=reference,
            effective_at=effective_at,
            effective_stated=effective_stated,
            description=description,
        )
    if entry.source_kind == "cycle":
        return _reverse_settlement(entry, reference=reference, effective_at=effective_at)
    again = Entry.objects.filter(reverses=entry).first()
    if again is not None:
        if again.reference != reference:
            raise errors.already_reversed("entry", entry.reference)
        return Posted(again.pk, replayed=True)
    named = {"reference": reference, "description": description}
    if entry.source_kind == _INVENTORY:
        movement = InventoryMovement.objects.get(reference=entry.source_id)
        if movement.kind == InventoryMovement.Kind.DISPOSED:
            return reverse_disposal(movement.reference, effective_at=effective_at, **named)
        corrected = reverse_fill(movement.reference, effective_at=effective_at, **named)
    elif entry.kind in _CLOSE:
        corrected = reverse_close(entry.source_id, effective_at=effective_at, **named)
    elif entry.kind in _BEGINNING:
        corrected = reverse_takeover(entry.source_id, effective_at=effective_at, **named)
    else:
        corrected = reverse_fill(_fill_of(entry), effective_at=effective_at, **named)
    return Posted(Entry.objects.get(reverses=entry).pk, corrected.replayed)


@retried
def reverse_fill(fill: str, *, reference: str, effective_at: datetime, description: str = "") -> Corrected:
    """Reverse a fill, a transfer to the inventory or an ADL event, by its reference; a closed takeover opens again.

    Raises NotFound `fill_unknown`; Refused `entry_already_reversed`, `cycle_settled`, `inventory_moved_on`.
    """
    found = Fill.objects.filter(reference=fill).select_related("takeover").first()
    if found is None:
        raise NotFound("fill_unknown", f"fill {fill} does not exist")
    work = _Work(found.takeover.reference, Correction.Kind.FILL, reference, effective_at, description, found)
    if work.known:
        return Corrected(work.known, replayed=True)
    # Read again: under the takeover's lock it stands still.
    standing = Fill.objects.select_related("entry").get(pk=found.pk)
    if standing.reversed_at is not None:
        raise errors.already_reversed("fill", fill)

    work.reopen()
    work.reverse_fills([standing])
    return work.book(Takeover.Status.OPEN, first=standing.entry)


@retried
def reverse_close(takeover: str, *, reference: str, effective_at: datetime, description: str = "") -> Corrected:
    """Reverse what became of a closed takeover's result; its fills stay, and `close_takeover` closes it again.

    Raises NotFound `takeover_unknown`; Refused `takeover_not_closed`, `cycle_settled`.
    """
    work = _Work(takeover, Correction.Kind.CLOSE, reference, effective_at, description)
    if work.known:
        return Corrected(work.known, replayed=True)
    if work.takeover.status != Takeover.Status.CLOSED:
        raise Refused("takeover_not_closed", f"takeover {takeover} is {work.takeover.status}", status=409)

    work.reopen()
    return work.book(Takeover.Status.OPEN)


@retried
def reverse_takeover(takeover: str, *, reference: str, effective_at: datetime, description: str = "") -> Corrected:
    """Reverse all that was booked for a takeover, to its margin. Nothing more can happen to it.

    Raises NotFound `takeover_unknown`; Refused `entry_already_reversed`, `cycle_settled`, `inventory_moved_on`.
    """
    work = _Work(takeover, Correction.Kind.TAKEOVER, reference, effective_at, description)
    if work.known:
        return Corrected(work.known, replayed=True)
    if work.takeover.status == Takeover.Status.REVERSED:
        raise errors.already_reversed("takeover", takeover)

    work.reopen()
    standing = Fill.objects.filter(takeover=work.takeover, reversed_at=None).select_related("entry")
    work.reverse_fills(list(standing.order_by("-id")))
    work.mirror(entries_of(source_kind=SOURCE, source_id=takeover, kinds=_BEGINNING))
    return work.book(Takeover.Status.REVERSED, first=work.takeover.entry)


@retried
def reverse_disposal(disposal: str, *, reference: str, effective_at: datetime, description: str = "") -> Posted:
    """Reverse the last disposal of a contract's inventory.

    Raises NotFound `disposal_unknown`; Refused `entry_already_reversed`, `inventory_moved_on`, `cycle_settled`.
    """
    movements = InventoryMovement.objects.filter(kind=InventoryMovement.Kind.DISPOSED, reference=disposal)
    movement = movements.select_related("fund").first()
    if movement is None:
        raise NotFound("disposal_unknown", f"disposal {disposal} does not exist")
    engine = Engine([], recorded_at=effective_at)
    lock_cycles(source_kind=_INVENTORY, source_ids=[disposal])
    engine.lock_funds([movement.fund_id])
    movement.refresh_from_db()
    entries = list(Entry.objects.filter(source_kind=_INVENTORY, source_id=disposal, reverses=None).order_by("-id"))
    if movement.reversed_at is not None:
        again = Entry.objects.filter(reference=reference, reverses__in=entries).first()
        if again is None:
            raise errors.already_reversed("disposal", disposal)
        return Posted(again.pk, replayed=True)

    inventory.restore(movement, reversed_at=effective_at)
    mirrors = _post_mirrors(engine, entries, reference, effective_at, description)
    take_back(fund=movement.fund, source_kind=_INVENTORY, source_id=disposal, mirrors=mirrors)
    return Posted(next(iter(mirrors.values())), replayed=False)


class _Work:
    """One correction of a takeover, under its lock: what is to be mirrored is gathered, then booked at once."""

    def __init__(
        self,
        takeover: str,
        kind: Correction.Kind,
        reference: str,
        effective_at: datetime,
        description: str,
        fill: Fill | None = None,
    ) -> None:
        """Lock the takeover. `known` is the same correction where it was made before. Raises ReferenceReused."""
        check_reference(reference)
        self.engine = Engine([takeover], recorded_at=effective_at)
        self.takeover = self.engine.takeover(takeover)
        self.correction = Correction(
            reference=reference,
            kind=kind,
            takeover=self.takeover,
            fill=fill,
            description=description,
            effective_at=effective_at,
            recorded_at=effective_at,
        )
        self.known = Correction.objects.filter(reference=reference).first()
        if self.known is not None:
            told = (kind, self.takeover.pk, fill.pk if fill else None)
            if (self.known.kind, self.known.takeover_id, self.known.fill_id) != told:
                raise errors.reference_reused(reference, f"another correction, of a {self.known.kind}")
        self._entries: list[Entry] = []
        self._reversed: list[Fill] = []
        self._acquired: list[InventoryMovement] = []

    def reopen(self) -> None:
        """Take back what became of the result, where the takeover is closed."""
        lock_cycles(source_kind=SOURCE, source_ids=[self.takeover.reference])
        self.mirror(entries_of(source_kind=SOURCE, source_id=self.takeover.reference, kinds=_CLOSE))
        for name in FIGURES:
            setattr(self.takeover, name, None)
        self.takeover.closed_at = None

    def mirror(self, entries: Sequence[Entry]) -> None:
        self._entries.extend(entries)

    def reverse_fills(self, fills: Sequence[Fill]) -> None:
        """Give the takeover back what these fills closed, newest first."""
        gross = self.engine.rulebook(self.takeover).cost_policy == "gross"
        for fill in fills:
            fill.takeover = self.takeover
            takeover = self.takeover
            takeover.remaining = EXACT.add(takeover.remaining, fill.quantity)
            takeover.running_result = EXACT.subtract(takeover.running_result, fill.result)
            if not gross:
                takeover.running_result = EXACT.add(takeover.running_result, fill.fee)
            takeover.costs = EXACT.subtract(takeover.costs, fill.fee)
            takeover.leftover = EXACT.add(takeover.leftover, fill.leftover)
            notional = round_half_even(notional_of(fill), MAX_DECIMALS)
            takeover.notional = EXACT.subtract(takeover.notional, notional)
            self._reversed.append(fill)
            if fill.kind == Fill.Kind.ADL:
                self._reverse_adl(fill)
            elif fill.kind == Fill.Kind.INVENTORY:
                self._reverse_transfer(fill)
            if fill.entry is not None:
                self.mirror([fill.entry])

    def book(self, status: Takeover.Status, *, first: Entry | None = None) -> Corrected:
        """Post the mirrors in one call, that of `first` under the correction's own reference, and save the rows."""
        correction, takeover = self.correction, self.takeover
        assert status == takeover.status or can_move(takeover.status, status), f"{takeover.status} to {status}"
        takeover.status = status
        self.engine.changed(takeover)
        self.engine.lock_funds([takeover.contract.fund_id])
        for movement in self._acquired:
            inventory.restore(movement, reversed_at=correction.effective_at)
        mirrors = _post_mirrors(
            self.engine,
            self._entries,
            correction.reference,
            correction.effective_at,
            correction.description,
            first=first,
        )
        fund = takeover.contract.fund
        take_back(fund=fund, source_kind=SOURCE, source_id=takeover.reference, mirrors=mirrors)
        for movement in self._acquired:
            take_back(fund=fund, source_kind=_INVENTORY, source_id=movement.reference, mirrors=mirrors)
        for fill in self._reversed:
            fill.reversed_at = correction.effective_at
            fill.reversed_by_id = mirrors.get(fill.entry_id) if fill.entry_id else None
            fill.save(update_fields=["reversed_at", "reversed_by"])
        main = first or (self._entries[0] if self._entries else None)
        correction.entry_id = mirrors[main.pk] if main else None
        correction.save()
        return Corrected(correction, replayed=False)

    def _reverse_adl(self, fill: Fill) -> None:
        """What the counterparties realised goes back; the averted loss is none any more."""
        beside = CounterpartyFill.objects.filter(deleveraging__reference=fill.reference).exclude(entry=fill.entry_id)
        entry_ids = beside.exclude(entry=None).values_list("entry_id", flat=True).distinct()
        self.mirror(list(Entry.objects.filter(pk__in=list(entry_ids)).order_by("-id")))
        evidence = Deleveraging.objects.get(reference=fill.reference).queue
        averted = Decimal(evidence.get("averted", "0"))
        self.takeover.adl_averted = max(EXACT.subtract(self.takeover.adl_averted, averted), ZERO)

    def _reverse_transfer(self, fill: Fill) -> None:
        """The fund gives the position back, and what it closed of one on the other side."""
        movement = InventoryMovement.objects.get(kind=InventoryMovement.Kind.ACQUIRED, reference=fill.reference)
        self._acquired.append(movement)
        lock_cycles(source_kind=_INVENTORY, source_ids=[fill.reference])
        self.mirror(entries_of(source_kind=_INVENTORY, source_id=fill.reference))


def _post_mirrors(
    engine: Engine,
    entries: Sequence[Entry],
    reference: str,
    effective_at: datetime,
    description: str,
    *,
    first: Entry | None = None,
) -> dict[int, int]:
    """Book the mirrors in the order of the entries; the id of each by its entry's."""
    main = first or (entries[0] if entries else None)
    others = [entry for entry in entries if main is None or entry.pk != main.pk]
    names = {entry.pk: f"reversal.{number}:{reference}" for number, entry in enumerate(others, 2)}
    references = {entry: names.get(entry.pk, reference) for entry in entries}
    planned = [
        engine.movements.add(mirror)
        for mirror in mirrored(references, effective_at=effective_at, description=description)
    ]
    engine.book()
    return {entry.pk: each.entry_id for entry, each in zip(entries, planned, strict=True)}


def _reverse_settlement(entry: Entry, *, reference: str, effective_at: datetime) -> Posted:
    fund_code, _, number = entry.source_id.rpartition(":")
    cycle = Cycle.objects.get(fund__code=fund_code, number=int(number))
    settlement.reverse_cycle(cycle_id=cycle.pk, reference=reference, effective_at=effective_at)
    return Posted(Entry.objects.get(reverses=entry).pk, replayed=False)


def _fill_of(entry: Entry) -> str:
    """Reference of the fill that an entry was posted for, also of a further entry of an ADL event."""
    fill = Fill.objects.filter(entry=entry).values_list("reference", flat=True).first()
    if fill is None:
        beside = CounterpartyFill.objects.filter(entry=entry).select_related("deleveraging").first()
        assert beside is not None, f"entry {entry.reference} of a takeover belongs to no fill"
        fill = beside.deleveraging.reference
    return str(fill)
