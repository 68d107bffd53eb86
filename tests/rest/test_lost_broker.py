"""Redis counts and remembers; where it cannot be reached, what needs it says so and everything else goes on."""

import pytest
from pytest_django import Settings

from ledger.rest.models import Role
from tests.config.test_serve import free_port
from tests.fund.builders import lose, open_cycle, open_fund
from tests.rest.api import client, get, problem_of, stranger

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_redis(settings: Settings) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    settings.REDIS_URL = nowhere
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": nowhere}}


def test_estimate_that_needs_redis_is_to_be_asked_for_again(no_redis: None) -> None:
    open_fund("shared_loss", contribution="100")
    open_cycle()
    lose("50")

    response = stranger().get("/api/v1/public/estimated-allocation/")

    problem_of(response, status=503, code="service_unavailable")
    assert response.headers["Retry-After"] == "1"


def test_books_are_read_without_redis(no_redis: None) -> None:
    open_fund("shared_loss", contribution="100")

    assert get(client(Role.AUDITOR), "/funds/usdt/")["balance"] == "100"
    assert get(stranger(), "/public/insurance-fund/")["results"][0]["balance"] == "100"
