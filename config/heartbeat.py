"""Signs of life of the processes that nobody asks anything: the scheduler and the task workers leave them in Redis."""

import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from celery import bootsteps
from django.conf import settings
from django_celery_beat.schedulers import DatabaseScheduler
from redis import Redis
from redis.exceptions import RedisError

from ledger.broker import redis_at

BEAT, WORKER, COURIER = "beat", "worker", "courier"
# Whose sign a worker leaves goes by the queues that it takes tasks from.
OF_QUEUES = {"celery": WORKER, "webhooks": COURIER}
SECONDS_BETWEEN = 5.0
# Longer than anybody waits for the next sign, so that it can be said since when there is none.
_SECONDS_KEPT = 24 * 3600


def leave_sign(process: str, *, at: datetime) -> None:
    """Say that the process works at that moment. Without Redis nothing is said, and the process goes on."""
    with contextlib.suppress(RedisError):
        broker().set(_name(process), at.timestamp(), ex=_SECONDS_KEPT)


def last_sign(process: str) -> datetime | None:
    """When the process was last known to work; None where it never said so. Raises RedisError."""
    seconds = cast("bytes | None", broker().get(_name(process)))
    return None if seconds is None else datetime.fromtimestamp(float(seconds), UTC)


def broker() -> Redis:
    """The broker, for questions that are answered within two seconds or not at all."""
    return redis_at(settings.CELERY_BROKER_URL, seconds=2.0)


class BeatingScheduler(DatabaseScheduler):
    """The scheduler of the database's rows, which leaves a sign when it looks at them."""

    _next_sign = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Seconds until it wants to look again."""
        if time.monotonic() >= self._next_sign:
            self._next_sign = time.monotonic() + SECONDS_BETWEEN
            leave_sign(BEAT, at=datetime.now(UTC))
        return min(float(super().tick(*args, **kwargs)), SECONDS_BETWEEN)


class WorkerHeartbeat(bootsteps.StartStopStep):
    """The part of a worker that leaves a sign from the loop in which it takes its tasks."""

    requires = ("celery.worker.components:Timer",)
    _timer: Any = None
    _signs: Sequence[str] = ()

    def start(self, parent: Any) -> None:
        taken = parent.app.amqp.queues.consume_from
        self._signs = [sign for queue, sign in OF_QUEUES.items() if queue in taken]
        self._leave_sign()
        self._timer = parent.timer.call_repeatedly(SECONDS_BETWEEN, self._leave_sign)

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _leave_sign(self) -> None:
        for sign in self._signs:
            leave_sign(sign, at=datetime.now(UTC))


def _name(process: str) -> str:
    return f"bulwark:alive:{process}"
