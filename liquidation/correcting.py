"""One correction of a takeover, under its lock: what is to be mirrored is gathered, then booked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fund import inventory
from fund.corrections import entries_of, lock_cycles, take_back
from fund.models import Fund, InventoryMovement
from fund.planning import INVENTORY
from fund.rulebook import CostPolicy
from ledger.events.recording import record
from ledger.models import Entry
from ledger.money import EXACT, MAX_DECIMALS, round_half_even
from ledger.references import check_of_reversal
from ledger.reversals import mirrored
from liquidation import errors, events
from liquidation.engine import FIGURES, SOURCE, Engine
from liquidation.lines import notional_of
from liquidation.models import Correction, CounterpartyFill, Deleveraging, Fill, Takeover
from liquidation.rules import can_move
from liquidation.values import check_reference

# Entries of a close, and of a takeover's beginning.
CLOSE = ("penalty", "fund_injection", "deficit_repaid", "fund_payout", "deficit_carried", "release")
BEGINNING = ("takeover", "reserve")


@dataclass(frozen=True, slots=True)
class Corrected:
    """`entry_id`: the mirror of what was named; None where nothing had been posted for it."""

    correction: Correction
    replayed: bool

    @property
    def entry_id(self) -> int | None:
        return self.correction.entry_id


class Work:
    """Gather with `reopen`, `reverse_fills` and `mirror`, then `book` once."""

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
        check_of_reversal(reference)
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
        self.mirror(entries_of(source_kind=SOURCE, source_id=self.takeover.reference, kinds=CLOSE))
        for name in FIGURES:
            setattr(self.takeover, name, None)
        self.takeover.closed_at = None

    def mirror(self, entries: Sequence[Entry]) -> None:
        self._entries.extend(entries)

    def reverse_fills(self, fills: Sequence[Fill]) -> None:
        """Give the takeover back what these fills closed, newest first."""
        gross = self.engine.rulebook(self.takeover).cost_policy is CostPolicy.GROSS
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
        mirrors = post_mirrors(
            self.engine,
            self._entries,
            correction.reference,
            correction.effective_at,
            correction.description,
            first=first,
        )
        fund = takeover.contract.fund
        self._take_back(fund, SOURCE, takeover.reference, mirrors)
        for movement in self._acquired:
            self._take_back(fund, INVENTORY, movement.reference, mirrors)
        for fill in self._reversed:
            fill.reversed_at = correction.effective_at
            fill.reversed_by_id = mirrors.get(fill.entry_id) if fill.entry_id else None
            fill.save(update_fields=["reversed_at", "reversed_by"])
        main = first or (self._entries[0] if self._entries else None)
        correction.entry_id = mirrors[main.pk] if main else None
        correction.save()
        record([events.of_correction(correction)])
        return Corrected(correction, replayed=False)

    def _take_back(self, fund: Fund, kind: str, source_id: str, mirrors: dict[int, int]) -> None:
        at = self.correction.effective_at
        take_back(fund=fund, source_kind=kind, source_id=source_id, mirrors=mirrors, effective_at=at)

    def _reverse_adl(self, fill: Fill) -> None:
        """What the counterparties realised goes back; the averted loss is none any more."""
        beside = CounterpartyFill.objects.filter(deleveraging__reference=fill.reference).exclude(entry=fill.entry_id)
        entry_ids = beside.exclude(entry=None).values_list("entry_id", flat=True).distinct()
        self.mirror(list(Entry.objects.filter(pk__in=list(entry_ids)).order_by("-id")))
        evidence = Deleveraging.objects.get(reference=fill.reference).queue
        averted = Decimal(evidence.get("averted", "0"))
        self.takeover.adl_averted = EXACT.subtract(self.takeover.adl_averted, averted)

    def _reverse_transfer(self, fill: Fill) -> None:
        """The fund gives the position back, and what it closed of one on the other side."""
        movement = InventoryMovement.objects.get(kind=InventoryMovement.Kind.ACQUIRED, reference=fill.reference)
        self._acquired.append(movement)
        lock_cycles(source_kind=INVENTORY, source_ids=[fill.reference])
        self.mirror(entries_of(source_kind=INVENTORY, source_id=fill.reference))


def post_mirrors(
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
