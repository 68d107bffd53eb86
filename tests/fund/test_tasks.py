"""The tasks as they run: sent through the broker to a worker process, on a database where commits are real."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from celery import current_app
from django.db import close_old_connections
from django_celery_beat.models import PeriodicTask
from django_celery_results.models import TaskResult

from config.celery import app
from config.scratch import DatabaseUrls
from fund import cycles, positions, settlement
from fund.models import Allocation, AllocationTree, Cycle, FundSnapshot
from fund.positions import PositionProfit
from liquidation.contracts import add_contract
from liquidation.fills import FillReport, report_fills
from liquidation.takeovers import TakeoverReport, report_takeovers
from tests.builders import moment
from tests.fund.builders import open_cycle, open_fund

PATIENCE = 90.0


def until(what: Callable[[], bool], *, worker: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait for the condition, not for a time."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, f"the condition did not come true: {_results()}"
        assert worker is None or worker.poll() is None, "the worker has ended"
        time.sleep(0.05)
        close_old_connections()


def _results() -> list[tuple[str, str, str]]:
    return list(TaskResult.objects.values_list("task_name", "status", "result"))


@pytest.fixture
def worker(committed_db: DatabaseUrls) -> Iterator["subprocess.Popen[bytes]"]:
    """A task worker on the test's database and broker."""
    app.control.purge()
    command = [sys.executable, "-m", "celery", "--quiet", "--app", "config.celery", "worker", "--concurrency", "2"]
    process = subprocess.Popen(
        [*command, "--loglevel", "WARNING", "--without-gossip", "--without-mingle"],
        env={**os.environ, **committed_db.environment()},
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


@pytest.fixture
def due_cycle(committed_db: object) -> Cycle:
    """A cycle whose time is over, with a loss of 1,000 and complete positions of profit 1,000."""
    open_fund("shared_loss", contribution="5000")
    add_contract(
        symbol="BTC-PERP",
        kind="linear",
        margin_currency="USDT",
        multiplier=Decimal(1),
        fund_code="usdt",
        created_at=moment(),
    )
    cycle = open_cycle(1)
    takeover = TakeoverReport(
        reference="t1",
        contract="BTC-PERP",
        trader="ann",
        side="long",
        quantity=Decimal(10),
        bankruptcy_price=Decimal(1000),
        margin=Decimal(0),
        taken_over_at=moment(),
    )
    report_takeovers([takeover], recorded_at=moment())
    fill = FillReport(reference="f1", takeover="t1", quantity=Decimal(10), price=Decimal(900), filled_at=moment(1))
    report_fills([fill], recorded_at=moment(1))
    profits = {"bob": "500", "cid": "300", "dee": "150", "eve": "50"}
    positions.add(
        cycle_id=cycle.pk,
        rows=[PositionProfit(position=f"p-{name}", trader=name, profit=Decimal(of)) for name, of in profits.items()],
    )
    positions.complete(cycle_id=cycle.pk, count=4, total=Decimal(1000), completed_at=moment(2))
    return cycle


def settled_to(cycle: Cycle) -> dict[str, Decimal]:
    return {row.trader: row.amount for row in Allocation.objects.filter(cycle=cycle)}


def test_a_due_cycle_is_settled_once_however_often_its_tasks_run(
    due_cycle: Cycle, worker: "subprocess.Popen[bytes]"
) -> None:
    app.send_task("fund.settle_due_cycles")
    until(lambda: Cycle.objects.get(pk=due_cycle.pk).status == Cycle.Status.SETTLED, worker=worker)
    shares = settled_to(due_cycle)

    again = [app.send_task("fund.settle_cycle", args=[due_cycle.pk]).id for _ in range(4)]
    until(lambda: TaskResult.objects.filter(task_id__in=again, status="SUCCESS").count() == 4, worker=worker)

    assert shares == {"bob": Decimal(400), "cid": Decimal(240), "dee": Decimal(120)}
    assert settled_to(due_cycle) == shares
    assert Cycle.objects.get(pk=due_cycle.pk).run == 1


def test_a_settled_cycles_root_is_made_by_the_next_run(due_cycle: Cycle, worker: "subprocess.Popen[bytes]") -> None:
    settlement.settle_cycle(cycle_id=due_cycle.pk, settled_at=due_cycle.ends_at)
    assert not AllocationTree.objects.exists()

    app.send_task("fund.settle_due_cycles")
    until(lambda: AllocationTree.objects.filter(cycle=due_cycle, run=1, size=3).exists(), worker=worker)
    again = app.send_task("fund.grow_allocation_tree", args=[due_cycle.pk]).id
    until(lambda: TaskResult.objects.filter(task_id=again, status="SUCCESS").exists(), worker=worker)

    assert AllocationTree.objects.count() == 1


def test_two_tasks_that_settle_one_cycle_at_once_settle_it_once(
    due_cycle: Cycle, worker: "subprocess.Popen[bytes]"
) -> None:
    cycles.end_due(now=due_cycle.ends_at)
    sent = [app.send_task("fund.settle_cycle", args=[due_cycle.pk]).id for _ in range(2)]

    until(lambda: TaskResult.objects.filter(task_id__in=sent, status="SUCCESS").count() == 2, worker=worker)

    assert sum(settled_to(due_cycle).values()) == Decimal(760)
    assert Cycle.objects.get(pk=due_cycle.pk).run == 1


def test_a_worker_that_is_killed_leaves_the_task_for_the_next_run(
    due_cycle: Cycle, worker: "subprocess.Popen[bytes]", committed_db: DatabaseUrls
) -> None:
    app.send_task("fund.settle_due_cycles")
    worker.kill()
    worker.wait()
    assert Cycle.objects.get(pk=due_cycle.pk).status in {"open", "ended", "settled"}

    # What the schedule does a minute later, in a process of its own.
    run = "from fund.tasks import settle_due_cycles, settle_cycle; [settle_cycle(pk) for pk in settle_due_cycles()]"
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", run],
        env={**os.environ, **committed_db.environment()},
        check=True,
    )

    assert settled_to(due_cycle) == {"bob": Decimal(400), "cid": Decimal(240), "dee": Decimal(120)}


def test_cycles_are_opened_and_funds_snapshotted_and_the_books_verified(
    committed_db: object, worker: "subprocess.Popen[bytes]"
) -> None:
    fund = open_fund("full_cover", contribution="700", cycle_seconds=3600)

    sent = [app.send_task(name).id for name in ("fund.open_next_cycles", "fund.snapshot_funds", "ledger.verify_books")]
    until(lambda: TaskResult.objects.filter(task_id__in=sent, status="SUCCESS").count() == 3, worker=worker)

    assert Cycle.objects.filter(fund=fund, status=Cycle.Status.OPEN).count() >= 1
    assert FundSnapshot.objects.get(fund=fund).balance == Decimal(700)
    verified = TaskResult.objects.get(task_name="ledger.verify_books")
    assert '"entries": 2' in verified.result


def test_books_that_do_not_hold_fail_the_nightly_task_by_name(
    committed_db: object, owner_connection: object, worker: "subprocess.Popen[bytes]"
) -> None:
    open_fund("full_cover", contribution="700")
    # Guards off, as only the owner can.
    owner_connection.execute("SET session_replication_role = replica")  # type: ignore[attr-defined]
    owner_connection.execute("ALTER TABLE ledger_account DISABLE TRIGGER ALL")  # type: ignore[attr-defined]
    owner_connection.execute("UPDATE ledger_account SET debits = debits + 1 WHERE code = 'treasury:USDT'")  # type: ignore[attr-defined]
    owner_connection.commit()  # type: ignore[attr-defined]

    sent = app.send_task("ledger.verify_books").id
    until(lambda: TaskResult.objects.filter(task_id=sent, status="FAILURE").exists(), worker=worker)

    assert "treasury:USDT" in TaskResult.objects.get(task_id=sent).result


@pytest.mark.django_db
def test_every_schedule_names_a_task_that_exists() -> None:
    current_app.loader.import_default_modules()
    scheduled = set(
        PeriodicTask.objects.filter(enabled=True).exclude(task__startswith="celery.").values_list("task", flat=True)
    )

    assert scheduled == {
        "fund.settle_due_cycles",
        "fund.open_next_cycles",
        "fund.snapshot_funds",
        "ledger.verify_books",
        "events.deliver_waiting",
        "events.forget_attempts",
    }
    assert scheduled <= set(app.tasks)
