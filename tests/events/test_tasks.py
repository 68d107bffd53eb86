"""Deliveries as they run: by a worker of their own, by several at once, and by one that is killed in the middle."""

import os
import signal
import subprocess
import sys
from functools import partial
from threading import Event as Signal
from threading import Lock
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from config import heartbeat, serve
from config.celery import app
from config.scratch import PROJECT, DatabaseUrls
from ledger.events import delivering, webhooks
from ledger.events.models import Attempt, Lane
from ledger.events.recording import record
from ledger.events.tasks import deliver_lane, deliver_waiting, forget_attempts
from tests.builders import moment
from tests.config.users import wait_until
from tests.events.receiver import Receiver
from tests.events.story import moved
from tests.events.test_order import in_thread

_DELIVER = "from ledger.events.tasks import deliver_lane; deliver_lane({})"


@pytest.fixture
def hook_of_ops(committed_db: DatabaseUrls, hook: Receiver) -> Receiver:
    webhooks.register(name="ops", url=hook.url, stream="", kinds=[], created_at=timezone.now())
    return hook


@pytest.fixture
def elsewhere(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes work on the test's database too, and may reach the receiver."""
    for name, value in {**committed_db.environment(), "BULWARK_WEBHOOKS_ALLOW_PRIVATE": "1"}.items():
        monkeypatch.setenv(name, value)
    with app.connection_for_write() as connection:
        for queue in ("celery", "webhooks"):
            connection.default_channel.queue_purge(queue)


def test_what_happens_is_delivered_by_the_schedule_and_its_workers(hook_of_ops: Receiver, elsewhere: None) -> None:
    record([moved(f"usdt{n}") for n in range(20)] + [moved(f"btc{n}", stream="btc") for n in range(20)])

    with serve.running({"worker": serve.worker(), "courier": serve.courier(), "beat": serve.beat()}):
        wait_until(lambda: len(hook_of_ops.received) >= 40, seconds=90)
        wait_until(lambda: Attempt.objects.filter(delivered=True).count() == 40)

    # It leaves a sign of its own: it does not stand for the worker that settles.
    assert heartbeat.last_sign(heartbeat.COURIER) is not None
    for fund in ("usdt", "btc"):
        assert [name for name in hook_of_ops.names if name.startswith(fund)] == [f"{fund}{n}" for n in range(20)]


def test_a_worker_that_is_killed_in_the_middle_has_its_event_sent_again(hook_of_ops: Receiver, elsewhere: None) -> None:
    record([moved("a"), moved("b")])
    (lane_id,) = delivering.waiting(now=timezone.now())
    killed = Signal()

    def hang(handler: Any) -> None:
        # The answer comes when there is nobody any more to hear it.
        killed.wait()
        handler.close_connection = True

    hook_of_ops.answer = hang
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", _DELIVER.format(lane_id)]
    worker = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, env=os.environ)
    try:
        wait_until(lambda: bool(hook_of_ops.received))
        # Meanwhile nobody else takes the lane.
        assert delivering.deliver_next(lane_id=lane_id, now=timezone.now(), draw=1.0) is None
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    finally:
        worker.kill()
        killed.set()
    hook_of_ops.answer = None
    assert Attempt.objects.count() == 0

    wait_until(lambda: deliver_lane(lane_id) > 0)

    assert hook_of_ops.names == ["a", "a", "b"]
    assert len({each.headers["webhook-id"] for each in hook_of_ops.received[:2]}) == 1
    assert list(Attempt.objects.order_by("id").values_list("delivered", flat=True)) == [True, True]


def test_of_many_senders_one_at_a_time_is_in_a_lane(hook_of_ops: Receiver) -> None:
    record([moved(str(n)) for n in range(30)])
    (lane_id,) = delivering.waiting(now=timezone.now())
    lock, inside, most = Lock(), [0], [0]

    def count(handler: Any) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        handler.send_response(204)
        with lock:
            inside[0] -= 1
        handler.end_headers()

    hook_of_ops.answer = count

    def send() -> None:
        while Lane.objects.get(pk=lane_id).after < 30:
            delivering.deliver_next(lane_id=lane_id, now=timezone.now(), draw=1.0)

    senders = [in_thread(partial(send)) for _ in range(4)]
    for sender in senders:
        sender.join()

    assert most == [1]
    assert hook_of_ops.names == [str(n) for n in range(30)]


def test_what_nobody_takes_from_the_queue_is_not_handed_out_again(hook_of_ops: Receiver, elsewhere: None) -> None:
    record([moved("usdt"), moved("btc", stream="btc")])

    first = deliver_waiting()
    again = [deliver_waiting() for _ in range(3)]

    assert (len(first), again) == (2, [[], [], []])
    with app.connection_for_write() as connection:
        assert connection.default_channel.queue_purge("webhooks") == 2
    # Taken by a courier that could not do it, they are handed out anew.
    assert deliver_waiting() == first
    with app.connection_for_write() as connection:
        connection.default_channel.queue_purge("webhooks")


def test_nothing_is_handed_out_where_nothing_waits(hook_of_ops: Receiver) -> None:
    assert deliver_waiting() == []


@pytest.mark.django_db
def test_old_attempts_are_forgotten(hook: Receiver, settings: Settings) -> None:
    webhook = webhooks.register(name="ops", url=hook.url, stream="", kinds=[], created_at=moment()).webhook
    record([moved("a")])
    for lane_id in delivering.waiting(now=moment()):
        delivering.deliver_next(lane_id=lane_id, now=moment(), draw=1.0)
    old = Attempt.objects.get()
    Attempt.objects.create(
        webhook=webhook, event=old.event, number=2, at=timezone.now(), milliseconds=1, delivered=True
    )

    assert forget_attempts() == 1
    assert Attempt.objects.get().number == 2
