"""What every task does beside its own work: a line in the log, a count, the time that it took."""

import logging
import time
from typing import Any

import structlog
from celery import Task
from prometheus_client import Counter, Histogram

from ledger.rest.request_ids import request_id

TASKS = Counter("bulwark_tasks", "Tasks that ended, by how.", ["task", "state"])
SECONDS = Histogram(
    "bulwark_task_seconds",
    "Time that a task took in its worker.",
    ["task"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
_CAUSE = "bulwark_request"

logger: structlog.stdlib.BoundLogger = structlog.get_logger("bulwark.tasks")


class ObservedTask(Task):
    """A task whose lines in the log carry its id and name, and the id of the request that sent it."""

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        if request_id():
            kwargs["headers"] = {**(kwargs.get("headers") or {}), _CAUSE: request_id()}
        return super().apply_async(*args, **kwargs)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(task_id=task_id, task=self.name)
        cause = self.request.get(_CAUSE)
        if cause:
            structlog.contextvars.bind_contextvars(request_id=cause)
        self.request.bulwark_started = time.perf_counter()

    def after_return(self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        seconds = time.perf_counter() - self.request.get("bulwark_started", time.perf_counter())
        TASKS.labels(self.name, status).inc()
        SECONDS.labels(self.name).observe(seconds)
        if status == "FAILURE":
            logger.error("task", state=status, seconds=round(seconds, 6), error=repr(retval))
        else:
            # What runs every few seconds and keeps no results has a line where it found something to do.
            level = logging.DEBUG if self.ignore_result and not retval else logging.INFO
            logger.log(level, "task", state=status, seconds=round(seconds, 6))
        structlog.contextvars.clear_contextvars()
