"""A connection that the server has ended, by a restart or a failover, costs the request that meets it and no other."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import close_old_connections, connection
from django.utils import timezone
from rest_framework.test import APIClient

from config.scratch import DatabaseUrls
from ledger.posting import post
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from tests.builders import balance, move, open_accounts
from tests.rest.api import problem_of

Owner = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def end_connection(owner_connection: Owner) -> Callable[[], None]:
    def end() -> None:
        assert connection.connection is not None
        number = connection.connection.info.backend_pid
        owner_connection.execute("SELECT pg_terminate_backend(%s, 5000)", [number])

    return end


def test_request_after_the_one_that_lost_its_connection_is_answered(
    committed_db: DatabaseUrls, end_connection: Callable[[], None]
) -> None:
    _, secret = create_key(name="books", role=Role.BOOKKEEPER, created_at=timezone.now())
    # Not the client of the other tests, which makes each request in a transaction.
    bookkeeper = APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}")
    end_connection()
    problem_of(bookkeeper.get("/api/v1/entries/"), status=503, code="service_unavailable")

    # As the framework does between two requests.
    close_old_connections()
    response = bookkeeper.get("/api/v1/entries/")

    assert response.status_code == 200, response.content


def test_posting_after_the_one_that_lost_its_connection_is_done(
    committed_db: DatabaseUrls, end_connection: Callable[[], None]
) -> None:
    open_accounts("custody:USDT", "trader:ann:USDT")
    entry: Any = move("d1", "5", debited="custody:USDT", credited="trader:ann:USDT")
    end_connection()
    with pytest.raises(psycopg.OperationalError):
        post([entry])

    close_old_connections()
    post([entry])

    assert balance("trader:ann:USDT") == "5"
