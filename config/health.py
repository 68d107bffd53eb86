"""Probes: `/healthz` says that the process answers, `/readyz` that the service can do its work."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError

from config import heartbeat
from config.errors import answer_problem
from config.problem_views import read_only
from fund import cycles


class Check(NamedTuple):
    """What was found, and whether the service can work with it."""

    ok: bool
    detail: str


@read_only
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@read_only
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 where every check is ok, else 503. `?check=database&check=broker` asks for these alone."""
    names = request.GET.getlist("check") or list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        detail = f"{', '.join(unknown)[:200]}: the checks are {', '.join(CHECKS)}"
        return answer_problem(400, "check_unknown", detail)
    now = timezone.now()
    found = {name: CHECKS[name](now) for name in names}
    ready = all(check.ok for check in found.values())
    document = {
        "status": "ok" if ready else "unready",
        "checks": {name: check._asdict() for name, check in found.items()},
    }
    return JsonResponse(document, status=200 if ready else 503)


def _database(now: datetime) -> Check:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return Check(False, "unreachable")
    return Check(True, "answers")


def _migrations(now: datetime) -> Check:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return Check(False, "unknown: the database is unreachable")
    if missing:
        first = missing[0][0]
        return Check(False, f"{len(missing)} not applied, first {first.app_label}.{first.name}")
    return Check(True, "all applied")


def _broker(now: datetime) -> Check:
    try:
        heartbeat.broker().ping()
    except RedisError:
        return Check(False, "unreachable")
    return Check(True, "answers")


def _beat(now: datetime) -> Check:
    return _alive(heartbeat.BEAT, now)


def _worker(now: datetime) -> Check:
    return _alive(heartbeat.WORKER, now)


def _alive(process: str, now: datetime) -> Check:
    try:
        last = heartbeat.last_sign(process)
    except RedisError:
        return Check(False, "unknown: the broker is unreachable")
    if last is None:
        return Check(False, "no sign of life")
    ago = (now - last).total_seconds()
    return Check(ago <= settings.HEARTBEAT_LATE_SECONDS, f"last sign of life {max(ago, 0):.0f} s ago")


def _settlement(now: datetime) -> Check:
    try:
        late = cycles.unsettled(now - timedelta(seconds=settings.SETTLEMENT_LATE_SECONDS)).first()
    except DatabaseError:
        return Check(False, "unknown: the database is unreachable")
    if late is not None:
        return Check(False, f"{late}: ended at {late.ends_at.isoformat()} and is not settled")
    return Check(True, "no cycle is late")


CHECKS: Mapping[str, Callable[[datetime], Check]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "beat": _beat,
    "worker": _worker,
    "settlement": _settlement,
}
