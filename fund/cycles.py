"""Settlement cycles: opened, found for a loss, ended. Settling them is `settlement`'s."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Max, QuerySet

from fund import errors, events, funds
from fund.models import Cycle, Fund, Shortfall
from ledger.events.recording import record

# Of a number that somebody chooses: those that follow by themselves have room after it.
MOST_NUMBER = 10**9

_LOCK_TAKEN_BACK = """
SELECT * FROM fund_cycle WHERE fund_id = ANY(%s) AND status = %s AND run > 0 ORDER BY id FOR SHARE SKIP LOCKED"""


def open_cycle(
    *, fund_code: str, number: int | None = None, starts_at: datetime, ends_at: datetime, opened_at: datetime
) -> Cycle:
    """Open a cycle of the fund for what happens from `starts_at` until before `ends_at`.

    It takes over the losses that found no cycle. The same number with the same span again is the same cycle.
    Raises NotFound `fund_unknown`; Refused `cycle_ends_before_start`, `cycle_number_taken`, `cycle_overlaps`.
    """
    fund = funds.find(fund_code)
    with transaction.atomic():
        # One at a time: overlaps and numbers are those of all cycles of the fund.
        Fund.objects.select_for_update(no_key=True).get(pk=fund.pk)
        cycles = Cycle.objects.filter(fund=fund)
        known = cycles.filter(number=number).first() if number is not None else None
        if known and (known.starts_at, known.ends_at) == (starts_at, ends_at):
            return known
        if ends_at <= starts_at:
            raise errors.cycle_ends_before_start(starts_at=starts_at, ends_at=ends_at)
        if known:
            raise errors.cycle_number_taken(fund_code, known.number, starts_at=known.starts_at, ends_at=known.ends_at)
        other = cycles.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).order_by("starts_at").first()
        if other:
            raise errors.cycle_overlaps(fund_code, other.number, starts_at=other.starts_at, ends_at=other.ends_at)

        if number is None:
            number = (cycles.aggregate(most=Max("number"))["most"] or 0) + 1
        cycle = Cycle.objects.create(
            fund=fund, number=number, starts_at=starts_at, ends_at=ends_at, opened_at=opened_at
        )
        take_waiting(cycle)
        record([events.of_cycle(events.CYCLE_OPENED, cycle, at=opened_at)])
    return cycle


def open_next(*, fund_code: str, now: datetime) -> list[Cycle]:
    """Open what is missing of the cycle that holds `now` and of the one after it; nothing without `cycle_seconds`.

    Spans lie on a grid: counted from the end of the newest cycle, for the first one from 1970, so that eight hours
    begin at 0, 8 and 16 o'clock UTC. What passed while nothing ran is skipped: its losses come to the next open cycle.
    """
    with transaction.atomic():
        fund = Fund.objects.select_for_update(no_key=True).filter(code=fund_code).first()
        if fund is None:
            raise errors.fund_unknown(fund_code)
        if fund.cycle_seconds is None:
            return []
        length = timedelta(seconds=fund.cycle_seconds)
        newest = Cycle.objects.filter(fund=fund).order_by("-ends_at").first()
        start = newest.ends_at if newest else datetime(1970, 1, 1, tzinfo=UTC)
        start += max((now - start) // length, 0) * length
        opened = []
        while start <= now + length:
            opened.append(open_cycle(fund_code=fund_code, starts_at=start, ends_at=start + length, opened_at=now))
            start += length
    return opened


def find(cycle_id: int) -> Cycle:
    """The cycle with its fund and rulebook. Raises NotFound `cycle_unknown`."""
    cycle = Cycle.objects.select_related("fund__currency", "rulebook").filter(pk=cycle_id).first()
    if cycle is None:
        raise errors.cycle_unknown(cycle_id)
    return cycle


def unsettled(ended_before: datetime) -> QuerySet[Cycle]:
    """Cycles that were over by then and are not settled, the longest over first; with their funds."""
    over = Cycle.objects.filter(ends_at__lt=ended_before).exclude(status=Cycle.Status.SETTLED)
    return over.select_related("fund").order_by("ends_at", "id")


def lock_for_losses(fund_ids: Collection[int]) -> list[Cycle]:
    """The cycles of these funds that may get a loss, locked: none ends or is settled before the transaction does.

    The open ones, and those whose settlement was taken back: what is corrected then belongs to them. Of these none that
    is being settled just now, since no loss waits for a settlement. Call it before the funds are locked.
    """
    open_ones = Cycle.objects.filter(fund_id__in=fund_ids, status=Cycle.Status.OPEN)
    taken_back = Cycle.objects.raw(_LOCK_TAKEN_BACK, [list(fund_ids), Cycle.Status.ENDED])
    return [*open_ones.select_for_update(no_key=True).order_by("id"), *taken_back]


def choose(cycles: Iterable[Cycle], *, fund_id: int, at: datetime) -> Cycle | None:
    """Of the fund's cycles that may get a loss the one that holds `at`, else the next to start, else None.

    A loss without a cycle is taken over by the next one that is opened, or by the one it happened in when that ends or
    is settled.
    """
    candidates = [cycle for cycle in cycles if cycle.fund_id == fund_id and at < cycle.ends_at]
    return min(candidates, key=lambda cycle: cycle.starts_at, default=None)


def end(*, cycle_id: int) -> Cycle:
    """End an open cycle by hand, also before its time. An ended or settled one stays as it is.

    Raises NotFound `cycle_unknown`.
    """
    with transaction.atomic():
        cycle = lock(cycle_id)
        if cycle.status == Cycle.Status.OPEN:
            _end([cycle])
    return cycle


def end_due(*, now: datetime) -> list[Cycle]:
    """End every open cycle whose time is over, and return them."""
    with transaction.atomic():
        due = list(
            Cycle.objects.filter(status=Cycle.Status.OPEN, ends_at__lte=now)
            .select_for_update(no_key=True, of=("self",))
            .select_related("fund")
            .order_by("id")
        )
        _end(due)
    return due


def lock(cycle_id: int) -> Cycle:
    """The cycle with its fund, its row locked until the transaction ends. Raises NotFound `cycle_unknown`."""
    cycles = Cycle.objects.select_related("fund__currency").select_for_update(no_key=True, of=("self",))
    cycle = cycles.filter(pk=cycle_id).first()
    if cycle is None:
        raise errors.cycle_unknown(cycle_id)
    return cycle


def _end(due: Sequence[Cycle]) -> None:
    for cycle in due:
        # A loss that was booked while the cycle was being opened may have seen none.
        take_waiting(cycle)
        cycle.status = Cycle.Status.ENDED
        cycle.save(update_fields=["status"])
    record([events.of_cycle(events.CYCLE_ENDED, cycle, at=cycle.ends_at) for cycle in due])


def take_waiting(cycle: Cycle) -> None:
    """Give the cycle, which is locked, the losses that happened before its end and belong to no cycle yet."""
    waiting = Shortfall.objects.filter(fund_id=cycle.fund_id, cycle=None, reversed_by=None)
    waiting.filter(effective_at__lt=cycle.ends_at).update(cycle=cycle)
