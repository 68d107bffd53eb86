"""Probes: alive, and ready to work, each part of it broken in turn."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from config import heartbeat, serve
from config.scratch import DatabaseUrls
from fund.cycles import open_cycle
from fund.settlement import settle_cycle
from tests.broker import broker
from tests.config.users import wait_until
from tests.fund.builders import open_fund
from tests.rest.api import problem_of, stranger


def readiness(*checks: str) -> tuple[int, Any]:
    response = stranger().get("/readyz", {"check": checks} if checks else {})
    return response.status_code, response.json()["checks"]


def detail_of(check: str) -> str:
    """What is wrong with the part; it must be."""
    status, checks = readiness(check)
    assert (status, checks[check]["ok"]) == (503, False), checks
    return str(checks[check]["detail"])


@pytest.fixture
def alive() -> Iterator[None]:
    """A broker of its own, in which scheduler and worker have just left their signs."""
    with broker() as url, override_settings(CELERY_BROKER_URL=url):
        for process in (heartbeat.BEAT, heartbeat.WORKER):
            heartbeat.leave_sign(process, at=timezone.now())
        yield


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/healthz/"])
def test_process_that_answers_is_alive(path: str) -> None:
    # Without a database: the test asks for none. `stranger` would open a transaction.
    response = APIClient().get(path)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/readyz", "/api/v1/readyz"])
def test_service_whose_parts_all_work_is_ready(alive: None, path: str) -> None:
    response = stranger().get(path)

    assert response.status_code == 200, response.json()
    checks = response.json()["checks"]
    assert list(checks) == ["database", "migrations", "broker", "beat", "worker", "settlement"]
    assert all(check["ok"] for check in checks.values())
    assert "no-cache" in response.headers["Cache-Control"]


@pytest.mark.django_db
def test_broker_that_was_stopped_is_named_and_so_is_what_it_would_know() -> None:
    with broker() as url:
        stopped = override_settings(CELERY_BROKER_URL=url)
    with stopped:
        status, checks = readiness()

    assert status == 503
    assert checks["broker"] == {"ok": False, "detail": "unreachable"}
    assert checks["beat"]["detail"] == checks["worker"]["detail"] == "unknown: the broker is unreachable"
    assert checks["database"]["ok"]


def test_database_that_is_gone_is_named_and_so_is_what_it_would_know(alive: None, committed_db: DatabaseUrls) -> None:
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "nowhere"
    try:
        response = APIClient().get("/readyz")
    finally:
        connection.settings_dict["NAME"] = name
        connection.close()

    assert response.status_code == 503
    checks = response.json()["checks"]
    assert checks["database"] == {"ok": False, "detail": "unreachable"}
    assert not checks["migrations"]["ok"]
    assert not checks["settlement"]["ok"]
    assert checks["broker"]["ok"]


def test_migration_that_is_not_applied_is_named(
    committed_db: DatabaseUrls, owner_connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    assert readiness("migrations")[0] == 200

    owner_connection.execute("DELETE FROM django_migrations WHERE app = 'rest' AND name LIKE '0002%'")

    assert "1 not applied, first rest.0002" in detail_of("migrations")


@pytest.mark.django_db
def test_process_that_was_never_there_is_missed() -> None:
    with broker() as url, override_settings(CELERY_BROKER_URL=url):
        assert detail_of("beat") == "no sign of life"
        assert detail_of("worker") == "no sign of life"


@pytest.mark.django_db
@pytest.mark.parametrize("process", [heartbeat.BEAT, heartbeat.WORKER])
def test_process_that_is_silent_for_long_is_missed(alive: None, process: str) -> None:
    heartbeat.leave_sign(process, at=timezone.now() - timedelta(seconds=61))

    assert detail_of(process) == "last sign of life 61 s ago"
    with override_settings(HEARTBEAT_LATE_SECONDS=120):
        assert readiness(process)[0] == 200


@pytest.mark.django_db
def test_cycle_that_is_late_is_named_until_it_is_settled() -> None:
    open_fund("full_cover", contribution="1000")
    now = timezone.now()
    begun, over = now - timedelta(hours=2), now - timedelta(seconds=901)
    cycle = open_cycle(fund_code="usdt", starts_at=begun, ends_at=over, opened_at=now)

    assert detail_of("settlement").startswith("usdt")
    with override_settings(SETTLEMENT_LATE_SECONDS=3600):
        assert readiness("settlement")[0] == 200
    settle_cycle(cycle_id=cycle.pk, settled_at=now)
    assert readiness("settlement")[0] == 200


@pytest.mark.django_db
def test_check_that_does_not_exist_is_refused_by_name() -> None:
    problem = problem_of(stranger().get("/readyz?check=weather"), status=400, code="check_unknown")

    assert "weather: the checks are database" in problem["detail"]


def test_running_scheduler_and_worker_leave_signs_of_life(
    committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker() as url, override_settings(CELERY_BROKER_URL=url):
        for name, value in {**committed_db.environment(), "REDIS_URL": url}.items():
            monkeypatch.setenv(name, value)
        assert readiness("beat", "worker")[0] == 503

        with serve.running({"worker": serve.worker(), "beat": serve.beat()}):
            wait_until(lambda: readiness("beat", "worker")[0] == 200, seconds=60)

        # They have ended, and nobody said so: their silence does.
        with override_settings(HEARTBEAT_LATE_SECONDS=1):
            wait_until(lambda: readiness("beat")[0] == readiness("worker")[0] == 503)
