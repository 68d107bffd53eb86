"""A settlement is taken back: every entry mirrored, the cycle ended again, to be settled anew."""

from datetime import datetime

from django.db.models import F

from fund import cycles, errors, events
from fund.models import Cycle, Fund
from fund.planning import CYCLE
from fund.settlement import booking
from fund.settlement.losses import of_cycle
from fund.settlement.settling import source_id
from ledger.actor import recorder
from ledger.events.recording import record
from ledger.models import Entry
from ledger.money import EXACT, total
from ledger.references import check_of_reversal
from ledger.transactions import retried

_REVERSE = "SELECT fund_reverse_entries_v1(%(entries)s::bigint[], %(reference)s, %(description)s, %(at)s, %(by)s)"
# What settling found, and what is not known again until it is found anew.
_FOUND = (
    *("rulebook", "loss", "fund_paid", "treasury_paid", "to_allocate", "allocated", "levy_surplus", "residue"),
    *("carried", "participants", "profit_total", "participants_total", "base", "cut_profit", "settled_at"),
)


@retried
def reverse_cycle(*, cycle_id: int, reference: str, effective_at: datetime, description: str = "") -> Cycle:
    """Reverse the settlement of a cycle. Its allocations stay as they were; settling it again is another run.

    The last entry's reversal has the `reference`; the same one again changes nothing.
    Raises NotFound `cycle_unknown`; Refused `reference_reserved`, `cycle_not_settled`; ReferenceReused; PostingRefused
    `account_floor`, where the deficit has been repaid since, or the fund has spent a levy's surplus.
    """
    check_of_reversal(reference)
    cycle = cycles.lock(cycle_id)
    known = Entry.objects.filter(reference=reference).first()
    if known:
        if known.reverses_id and (known.source_kind, known.source_id) == (CYCLE, source_id(cycle)):
            return cycle
        raise errors.reference_reused(reference, f"another entry, a {known.kind}")
    if cycle.status != Cycle.Status.SETTLED:
        raise errors.cycle_not_settled(str(cycle), cycle.status)

    fund = Fund.objects.select_for_update(no_key=True).get(pk=cycle.fund_id)
    _mirror(_entries(cycle), reference, effective_at, description)
    _take_out_of_totals(fund, cycle)
    cycle.status = Cycle.Status.ENDED
    for name in _FOUND:
        setattr(cycle, name, None)
    cycle.save()
    cycles.take_waiting(cycle)
    record([events.of_cycle(events.CYCLE_REVERSED, cycle, at=effective_at, run=cycle.run, reference=reference)])
    return cycle


def _entries(cycle: Cycle) -> list[int]:
    standing = Entry.objects.filter(
        source_kind=CYCLE, source_id=source_id(cycle), reverses=None, reversed_by__isnull=True
    )
    # Last first: an account then passes through the balances that it had, and none of them was below its floor.
    return list(standing.order_by("-id").values_list("id", flat=True))


def _mirror(entry_ids: list[int], reference: str, effective_at: datetime, description: str) -> None:
    """Post the mirrors inside the database: a settlement has more lines than memory is to be taken for."""
    if entry_ids:
        named = {"reference": reference, "description": description}
        booking.call(_REVERSE, {"entries": entry_ids, **named, "at": effective_at, "by": recorder()})
        booking.count(Entry.objects.filter(reverses__in=entry_ids))


def _take_out_of_totals(fund: Fund, cycle: Cycle) -> None:
    losses = of_cycle(cycle)
    assert cycle.fund_paid is not None, "a settled cycle has its figures"
    assert cycle.levy_surplus is not None, "a settled cycle has its figures"
    at_settlement = EXACT.subtract(cycle.fund_paid, total((losses.fund_paid, losses.reserved_used)))
    Fund.objects.filter(pk=fund.pk).update(
        gross_injections=F("gross_injections") - cycle.levy_surplus,
        gross_payouts=F("gross_payouts") - at_settlement,
    )
