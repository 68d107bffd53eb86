"""Keys and repeated requests on a real server of two workers: dead at once, one write a minute, done once."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from config import serve
from config.scratch import DatabaseUrls
from ledger.models import Currency, Entry
from ledger.rest.keys import create_key, revoke_key
from ledger.rest.models import ApiKey, IdempotentAnswer, Role
from tests.builders import balance, open_accounts
from tests.config.test_serve import answers, free_port
from tests.config.users import wait_until
from tests.rest.test_entries import deposit


class Answer(NamedTuple):
    status: int
    document: Any
    headers: Mapping[str, str]

    @property
    def replayed(self) -> bool:
        return self.headers.get("Idempotent-Replayed") == "true"


class Caller:
    """Whoever has a key of the bookkeeper's and calls one server, each time on a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        _, self.secret = create_key(name="books", role=Role.BOOKKEEPER, created_at=timezone.now())

    def call(self, path: str, body: Any = None, **headers: str) -> Answer:
        made = HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json", **headers}
        made.request("GET" if body is None else "POST", f"/api/v1{path}", json.dumps(body) if body else None, sent)
        response = made.getresponse()
        answer = Answer(response.status, json.loads(response.read()), dict(response.getheaders()))
        made.close()
        return answer


@pytest.fixture
def caller(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    for name, value in committed_db.environment().items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with serve.running({"web": serve.web(port)}):
        wait_until(lambda: answers(port))
        yield Caller(port)


def waits_for_a_lock() -> bool:
    """Whether some connection to this database waits for another one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return cursor.fetchone() is not None


def test_revoked_key_is_dead_in_every_worker_at_once(caller: Caller) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status for answer in pool.map(caller.call, ["/entries/"] * 32)} == {200}

        revoke_key(name="books", revoked_at=timezone.now())

        after = list(pool.map(caller.call, ["/entries/"] * 32))
    assert {(answer.status, answer.document["code"]) for answer in after} == {(401, "key_revoked")}


def test_last_use_is_written_once_a_minute_however_many_requests_come(caller: Caller) -> None:
    def version() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT xmin::text, last_used_at FROM rest_apikey")
            return cursor.fetchone()

    with ThreadPoolExecutor(8) as pool:
        assert {answer.status for answer in pool.map(caller.call, ["/entries/"] * 16)} == {200}
        first = version()
        assert {answer.status for answer in pool.map(caller.call, ["/entries/"] * 16)} == {200}

    assert first[1] is not None
    assert version() == first


def test_last_use_stays_where_the_request_is_refused(caller: Caller) -> None:
    refused = caller.call("/entries/", deposit("d1", amount="-1"))

    assert refused.status == 422
    assert ApiKey.objects.get().last_used_at is not None


def test_second_request_with_a_key_is_told_that_the_first_is_in_flight(
    caller: Caller, committed_db: DatabaseUrls
) -> None:
    body, key = {"code": "USDT", "decimals": 6}, {"Idempotency-Key": "k1"}
    with ThreadPoolExecutor(1) as pool, psycopg.connect(committed_db.service) as other:
        # The first request waits for somebody who is adding the same currency.
        other.execute("INSERT INTO ledger_currency (code, decimals) VALUES ('USDT', 6)")
        first = pool.submit(caller.call, "/currencies/", body, **key)
        wait_until(waits_for_a_lock)

        second = caller.call("/currencies/", body, **key)
        assert (second.status, second.document["code"]) == (409, "request_in_flight")
        assert not IdempotentAnswer.objects.exists()

        other.rollback()
        assert (first.result().status, first.result().replayed) == (201, False)
    again = caller.call("/currencies/", body, **key)
    assert (again.status, again.replayed, again.document) == (200, True, first.result().document)
    assert Currency.objects.filter(code="USDT").count() == 1


def test_refusal_comes_again_as_a_refusal_that_says_it_is_a_replay(caller: Caller) -> None:
    first = caller.call("/currencies/", {"code": "?", "decimals": 6}, **{"Idempotency-Key": "k1"})
    again = caller.call("/currencies/", {"code": "?", "decimals": 6}, **{"Idempotency-Key": "k1"})

    assert (first.status, first.replayed) == (422, False)
    assert (again.status, again.replayed) == (422, True)
    assert again.document["code"] == first.document["code"]


def test_second_event_of_a_reference_waits_for_the_first_and_is_a_replay(
    caller: Caller, committed_db: DatabaseUrls
) -> None:
    open_accounts("custody:USDT", "trader:ann:USDT")
    with ThreadPoolExecutor(2) as pool, psycopg.connect(committed_db.owner) as other:
        # Both come while somebody holds the account that they are posted to.
        other.execute("SELECT 1 FROM ledger_account WHERE code = 'custody:USDT' FOR NO KEY UPDATE")
        both = [pool.submit(caller.call, "/entries/", deposit("d1")) for _ in range(2)]
        wait_until(waits_for_a_lock)
        other.rollback()
        booked = [each.result() for each in both]

    assert sorted((answer.status, answer.replayed) for answer in booked) == [(200, True), (201, False)]
    assert Entry.objects.get().recorded_by == "books"
    assert balance("trader:ann:USDT") == "10"
