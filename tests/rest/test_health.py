"""Probes: alive, and ready to work."""

import pytest
from django.test import override_settings

from tests.rest.api import stranger

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/healthz/"])
def test_process_that_answers_is_alive(path: str) -> None:
    response = stranger().get(path)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/readyz", "/api/v1/readyz"])
def test_service_with_database_and_broker_is_ready(path: str) -> None:
    response = stranger().get(path)

    assert response.status_code == 200, response.json()
    assert response.json()["checks"] == {"database": "ok", "migrations": "ok", "broker": "ok"}


def test_service_without_its_broker_says_so() -> None:
    with override_settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0"):
        response = stranger().get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["broker"] == "unreachable"
