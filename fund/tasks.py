"""Tasks of the funds. A task carries an id at most, claims its row, and may run twice or be killed anywhere."""

from celery import shared_task
from django.utils import timezone

from fund import cycles, inclusion, settlement, snapshots
from fund.models import Fund
from ledger.actor import recorded_by

SECONDS_TO_BEGIN = 60


@shared_task(name="fund.settle_due_cycles")
def settle_due_cycles() -> list[int]:
    """End the cycles whose time is over, and hand each that can be settled, or has been, to a task of its own."""
    now = timezone.now()
    cycles.end_due(now=now)
    due = [cycle.pk for cycle in settlement.ready()]
    for cycle_id in due:
        # Asked for again every minute until it is settled: what has not begun by then need not begin twice.
        settle_cycle.apply_async([cycle_id], expires=SECONDS_TO_BEGIN)
    for cycle in inclusion.ungrown():
        grow_allocation_tree.apply_async([cycle.pk], expires=SECONDS_TO_BEGIN)
    return due


@shared_task(name="fund.settle_cycle")
def settle_cycle(cycle_id: int) -> str:
    """Settle one cycle. One that is settled already stays as it is."""
    with recorded_by("task fund.settle_cycle"):
        cycle = settlement.settle_cycle(cycle_id=cycle_id, settled_at=timezone.now())
    return f"{cycle}: {cycle.status}"


@shared_task(name="fund.grow_allocation_tree")
def grow_allocation_tree(cycle_id: int) -> str | None:
    """Make the root that is published of a settled cycle's allocations. One that is there stays as it is."""
    return inclusion.root_of(cycles.find(cycle_id))


@shared_task(name="fund.open_next_cycles")
def open_next_cycles() -> list[str]:
    """Open the running and the next cycle of every fund whose cycles follow each other."""
    now = timezone.now()
    codes = Fund.objects.filter(cycle_seconds__isnull=False).values_list("code", flat=True)
    with recorded_by("task fund.open_next_cycles"):
        return [str(cycle) for code in codes for cycle in cycles.open_next(fund_code=code, now=now)]


@shared_task(name="fund.snapshot_funds")
def snapshot_funds() -> int:
    """Keep every fund's figures of this moment, for its history."""
    return snapshots.take(taken_at=timezone.now())
