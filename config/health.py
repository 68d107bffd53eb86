"""Probes: `/healthz` says that the process answers, `/readyz` that it can do its work."""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError

_SECONDS_TO_ANSWER = 2.0


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where every check is ok, else 503; each check names what it found."""
    found = {name: check() for name, check in CHECKS.items()}
    ready = all(state == "ok" for state in found.values())
    return JsonResponse({"status": "ok" if ready else "unready", "checks": found}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unknown"
    return f"{len(missing)} not applied" if missing else "ok"


def _broker() -> str:
    patience = {"socket_connect_timeout": _SECONDS_TO_ANSWER, "socket_timeout": _SECONDS_TO_ANSWER}
    try:
        with Redis.from_url(settings.CELERY_BROKER_URL, **patience) as broker:
            broker.ping()
    except RedisError:
        return "unreachable"
    return "ok"


CHECKS: Mapping[str, Callable[[], str]] = {"database": _database, "migrations": _migrations, "broker": _broker}
