"""What a reversal takes back of the fund's own rows: who bore a loss, who got a surplus, and the gross totals."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Sum

from fund import cycles, errors, events
from fund.models import Cycle, Fund, Shortfall, Surplus, Transfer
from fund.planning import RESULT_KINDS
from ledger import chart
from ledger.events.recording import record
from ledger.models import Entry, Posting
from ledger.money import EXACT, total


def lock_cycles(*, source_kind: str, source_ids: Collection[str]) -> None:
    """Lock the cycles that losses of these sources stand in; before the funds are locked.

    Raises Refused `cycle_settled`: what a settlement has shared among traders is taken back with the settlement first.
    """
    standing = Shortfall.objects.filter(source_kind=source_kind, source_id__in=source_ids, reversed_by=None)
    for cycle_id in standing.exclude(cycle=None).order_by("cycle_id").values_list("cycle_id", flat=True).distinct():
        cycle = cycles.lock(cycle_id)
        if cycle.status == Cycle.Status.SETTLED:
            raise errors.cycle_settled(str(cycle))


def take_back(
    *, fund: Fund, source_kind: str, source_id: str, mirrors: Mapping[int, int], effective_at: datetime
) -> None:
    """Mark the source's loss or surplus as reversed, and take it out of the fund's gross totals.

    `mirrors`: the reversal of each entry by the entry's id, posted already in this transaction.
    """
    injected, paid = Decimal(0), Decimal(0)
    told = []
    for surplus in Surplus.objects.filter(source_kind=source_kind, source_id=source_id, reversed_by=None):
        assert surplus.entry_id is not None, f"{surplus} was booked"
        surplus.reversed_by_id = mirrors[surplus.entry_id]
        surplus.save(update_fields=["reversed_by"])
        told.append(events.of_result_reversed(surplus, at=effective_at))
        injected = EXACT.add(injected, _received(fund, source_kind, source_id, mirrors))
    for shortfall in Shortfall.objects.filter(source_kind=source_kind, source_id=source_id, reversed_by=None):
        shortfall.reversed_by_id = mirrors[shortfall.entry_id]
        shortfall.save(update_fields=["reversed_by"])
        told.append(events.of_result_reversed(shortfall, at=effective_at))
        paid = total((paid, shortfall.fund_paid, shortfall.reserved_used))
    if injected or paid:
        Fund.objects.filter(pk=fund.pk).update(
            gross_injections=F("gross_injections") - injected, gross_payouts=F("gross_payouts") - paid
        )
    record(told)


def _received(fund: Fund, source_kind: str, source_id: str, entry_ids: Collection[int]) -> Decimal:
    """What those of the entries that the source caused brought to the fund as a result; a release brought nothing."""
    results = Entry.objects.filter(
        pk__in=entry_ids,
        source_kind=source_kind,
        source_id=source_id,
        kind__in=RESULT_KINDS,
    )
    postings = Posting.objects.filter(entry__in=results, account__code=chart.fund(fund.code))
    received: Decimal = postings.aggregate(received=Sum("credit"))["received"] or Decimal(0)
    return received


def tell_reversed(entry: Entry, *, reference: str, at: datetime) -> None:
    """Tell that an entry which moves a fund by itself was reversed, under `reference`; of others there is nothing."""
    if entry.source_kind == "transfer":
        code = Transfer.objects.values_list("fund__code", flat=True).get(reference=entry.source_id)
    elif entry.source_kind == "fund":
        code = entry.source_id
    else:
        return
    record([events.of_entry_reversed(entry, fund_code=code, reference=reference, at=at)])


def entries_of(*, source_kind: str, source_id: str, kinds: Collection[str] | None = None) -> list[Entry]:
    """The source's entries that stand, newest first: neither reversed nor reversals themselves."""
    entries = Entry.objects.filter(source_kind=source_kind, source_id=source_id, reverses=None, reversed_by=None)
    if kinds is not None:
        entries = entries.filter(kind__in=kinds)
    return list(entries.order_by("-id"))
