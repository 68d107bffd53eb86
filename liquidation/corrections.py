"""Corrections: what was booked is mirrored, never edited, and the takeover stands as if it had not happened.

Reversing a fill or a close opens the takeover again; reversing the takeover ends it. Later events work as before.
"""

from datetime import datetime

from fund import inventory, settlement
from fund.corrections import entries_of, lock_cycles, take_back, tell_reversed
from fund.models import Cycle, InventoryMovement, Transfer
from fund.planning import CYCLE, INVENTORY
from ledger.errors import NotFound, Refused
from ledger.models import Entry
from ledger.posting import Posted
from ledger.references import check_of_reversal
from ledger.reversals import reverse
from ledger.transactions import retried
from liquidation import errors
from liquidation.correcting import BEGINNING, CLOSE, Corrected, Work, post_mirrors
from liquidation.engine import SOURCE, Engine
from liquidation.models import Correction, CounterpartyFill, Fill, Takeover


def reverse_reference(
    target: str, *, reference: str, effective_at: datetime, effective_stated: bool = True, description: str = ""
) -> None:
    """Reverse what `target` names: an entry, a fill, a takeover, a disposal or a transfer.

    Raises NotFound `entry_unknown`; Refused `reference_ambiguous`, and as the function that it comes to.
    """
    entry = Entry.objects.filter(reference=target).first()
    if entry is not None:
        reverse_entry(
            entry,
            reference=reference,
            effective_at=effective_at,
            effective_stated=effective_stated,
            description=description,
        )
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
            _reverse_alone(
                booked,
                reference=reference,
                effective_at=effective_at,
                effective_stated=effective_stated,
                description=description,
            )
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
    alone = entry.reverses_id is not None or entry.source_kind not in (SOURCE, INVENTORY, CYCLE)
    if alone:
        return _reverse_alone(
            entry,
            reference=reference,
            effective_at=effective_at,
            effective_stated=effective_stated,
            description=description,
        )
    if entry.source_kind == CYCLE:
        return _reverse_settlement(entry, reference=reference, effective_at=effective_at, description=description)
    again = Entry.objects.filter(reverses=entry).first()
    if again is not None:
        if again.reference != reference:
            raise errors.already_reversed("entry", entry.reference)
        return Posted(again.pk, replayed=True)
    named = {"reference": reference, "description": description}
    if entry.source_kind == INVENTORY:
        movement = InventoryMovement.objects.get(reference=entry.source_id)
        if movement.kind == InventoryMovement.Kind.DISPOSED:
            posted = reverse_disposal(movement.reference, effective_at=effective_at, **named)
            assert posted is not None, f"disposal {movement.reference} booked {entry.reference}"
            return posted
        corrected = reverse_fill(movement.reference, effective_at=effective_at, **named)
    elif entry.kind in CLOSE:
        corrected = reverse_close(entry.source_id, effective_at=effective_at, **named)
    elif entry.kind in BEGINNING:
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
    work = Work(found.takeover.reference, Correction.Kind.FILL, reference, effective_at, description, found)
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
    work = Work(takeover, Correction.Kind.CLOSE, reference, effective_at, description)
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
    work = Work(takeover, Correction.Kind.TAKEOVER, reference, effective_at, description)
    if work.known:
        return Corrected(work.known, replayed=True)
    if work.takeover.status == Takeover.Status.REVERSED:
        raise errors.already_reversed("takeover", takeover)

    work.reopen()
    standing = Fill.objects.filter(takeover=work.takeover, reversed_at=None).select_related("entry")
    work.reverse_fills(list(standing.order_by("-id")))
    work.mirror(entries_of(source_kind=SOURCE, source_id=takeover, kinds=BEGINNING))
    return work.book(Takeover.Status.REVERSED, first=work.takeover.entry)


@retried
def reverse_disposal(disposal: str, *, reference: str, effective_at: datetime, description: str = "") -> Posted | None:
    """Reverse the last disposal of a contract's inventory. None where it booked nothing: there is nothing to mirror.

    Raises NotFound `disposal_unknown`; Refused `entry_already_reversed`, `inventory_moved_on`, `cycle_settled`.
    """
    movements = InventoryMovement.objects.filter(kind=InventoryMovement.Kind.DISPOSED, reference=disposal)
    movement = movements.select_related("fund").first()
    if movement is None:
        raise NotFound("disposal_unknown", f"disposal {disposal} does not exist")
    check_of_reversal(reference)
    engine = Engine([], recorded_at=effective_at)
    lock_cycles(source_kind=INVENTORY, source_ids=[disposal])
    engine.lock_funds([movement.fund_id])
    movement.refresh_from_db()
    entries = list(Entry.objects.filter(source_kind=INVENTORY, source_id=disposal, reverses=None).order_by("-id"))
    if movement.reversed_at is not None:
        if not entries:
            return None
        again = Entry.objects.filter(reference=reference, reverses__in=entries).first()
        if again is None:
            raise errors.already_reversed("disposal", disposal)
        return Posted(again.pk, replayed=True)

    inventory.restore(movement, reversed_at=effective_at)
    mirrors = post_mirrors(engine, entries, reference, effective_at, description)
    take_back(fund=movement.fund, source_kind=INVENTORY, source_id=disposal, mirrors=mirrors, effective_at=effective_at)
    return Posted(next(iter(mirrors.values())), replayed=False) if mirrors else None


@retried
def _reverse_alone(
    entry: Entry, *, reference: str, effective_at: datetime, effective_stated: bool, description: str
) -> Posted:
    posted = reverse(
        entry.pk,
        reference=reference,
        effective_at=effective_at,
        effective_stated=effective_stated,
        description=description,
    )
    if not posted.replayed:
        tell_reversed(entry, reference=reference, at=effective_at)
    return posted


def _reverse_settlement(entry: Entry, *, reference: str, effective_at: datetime, description: str) -> Posted:
    again = Entry.objects.filter(reverses=entry).first()
    if again is not None:
        # One of the settlement's entries has the reference itself, the others name it.
        if again.reference != reference and not again.reference.endswith(f":{reference}"):
            raise errors.already_reversed("entry", entry.reference)
        return Posted(again.pk, replayed=True)
    fund_code, _, number = entry.source_id.rpartition(":")
    cycle = Cycle.objects.get(fund__code=fund_code, number=int(number))
    settlement.reverse_cycle(cycle_id=cycle.pk, reference=reference, effective_at=effective_at, description=description)
    return Posted(Entry.objects.get(reverses=entry).pk, replayed=False)


def _fill_of(entry: Entry) -> str:
    """Reference of the fill that an entry was posted for, also of a further entry of an ADL event."""
    fill = Fill.objects.filter(entry=entry).values_list("reference", flat=True).first()
    if fill is None:
        beside = CounterpartyFill.objects.filter(entry=entry).select_related("deleveraging").first()
        assert beside is not None, f"entry {entry.reference} of a takeover belongs to no fill"
        fill = beside.deleveraging.reference
    return str(fill)
