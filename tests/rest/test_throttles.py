"""Rates by role: exact under concurrency, said in headers, and no reason for the books to stop."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils import timezone
from prometheus_client import REGISTRY
from redis import Redis

from config import serve
from config.scratch import DatabaseUrls
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from ledger.rest.throttles import PUBLIC, Counter, Rate
from tests.broker import broker
from tests.builders import balance, open_accounts
from tests.config.test_serve import answers, free_port
from tests.config.users import PROJECT, wait_until
from tests.rest.api import client, client_with, get, post, problem_of, refused_get, refused_post, stranger
from tests.rest.test_entries import deposit
from tests.rest.test_live_keys import Caller


def rates(**by_role: str) -> override_settings:
    """These rates; the other roles are not counted."""
    return override_settings(THROTTLES={**dict.fromkeys([*Role.values, "public"], "off"), **by_role})


@pytest.mark.django_db
def test_request_over_the_rate_is_refused_with_when_to_come_again_and_moves_nothing() -> None:
    open_accounts("custody:USDT")
    bookkeeper = client(Role.BOOKKEEPER)
    with rates(bookkeeper="2/hour"):
        post(bookkeeper, "/entries/", deposit("d1"))
        second = bookkeeper.get("/api/v1/entries/")
        refused = refused_post(bookkeeper, "/entries/", deposit("d2"), status=429, code="rate_exceeded")
        response = bookkeeper.get("/api/v1/entries/")

    assert second.headers["RateLimit-Policy"] == '"bookkeeper";q=2;w=3600'
    assert second.headers["RateLimit"].startswith('"bookkeeper";r=0;t=')
    assert "Retry-After" not in second.headers
    assert "2 requests in 3600 s" in refused["detail"]
    problem_of(response, status=429, code="rate_exceeded")
    assert 0 < int(response.headers["Retry-After"]) <= 1800
    post(bookkeeper, "/entries/", deposit("d2"))


@pytest.mark.django_db
def test_allowance_comes_back_share_by_share() -> None:
    auditor = client(Role.AUDITOR)
    with rates(auditor="20/second"):
        for _ in range(20):
            auditor.get("/api/v1/entries/")
        # The whole rate would take a second to come back, one request's share a twentieth of it.
        wait_until(lambda: auditor.get("/api/v1/entries/").status_code == 200, seconds=10)


def test_high_rate_is_taken_several_at_a_time_and_lets_no_more_through() -> None:
    with broker() as url, Redis.from_url(url) as redis:
        # As two processes that share a rate.
        one, other, rate = Counter(url), Counter(url), Rate(30_000, 86_400)
        started = time.monotonic()
        asked_before = calls_of_scripts(redis)
        taken = [counter.take("engine", "x", rate) for _ in range(14_000) for counter in (one, other)]
        asked = calls_of_scripts(redis) - asked_before

        assert all(each is not None and each.allowed for each in taken)
        assert asked < len(taken) / 2
        passed = len(taken)
        while (last := one.take("engine", "x", rate)) is not None and last.allowed:
            passed += 1
        # What the other process had taken is the other's to use.
        while (last := other.take("engine", "x", rate)) is not None and last.allowed:
            passed += 1
        come_back = (time.monotonic() - started) * 30_000 / 86_400
    assert 30_000 <= passed <= 30_000 + come_back + 1


def calls_of_scripts(redis: Any) -> int:
    statistics = redis.info("commandstats")
    return int(statistics.get("cmdstat_evalsha", {}).get("calls", 0))


@pytest.mark.django_db
def test_keys_of_one_role_do_not_share_a_rate() -> None:
    with rates(auditor="1/hour"):
        one, other = client(Role.AUDITOR), client(Role.AUDITOR)
        get(one, "/entries/")
        get(other, "/entries/")

        assert one.get("/api/v1/entries/").status_code == 429


@pytest.mark.django_db
def test_public_figures_are_counted_by_the_clients_address() -> None:
    with rates(public="1/hour"):
        here, there = stranger(), stranger()
        path = "/api/v1/public/insurance-fund/"
        address = {"REMOTE_ADDR": "192.0.2.7"}
        # What a client says of where it comes from changes nothing without a proxy that is known.
        claim = {**address, "HTTP_X_FORWARDED_FOR": "198.51.100.9"}

        assert here.get(path, **address).status_code == 200  # type: ignore[arg-type]
        problem_of(here.get(path, **claim), status=429, code="rate_exceeded")  # type: ignore[arg-type]
        assert there.get(path, REMOTE_ADDR="192.0.2.8").status_code == 200


@pytest.mark.django_db
def test_whoever_tries_keys_is_counted_by_address() -> None:
    with rates(public="2/hour"):
        for guess in ("bwk_one", "bwk_two"):
            refused_get(client_with(guess), "/entries/", status=401, code="key_unknown")
        refused_get(client_with("bwk_three"), "/entries/", status=429, code="rate_exceeded")
        get(client(Role.AUDITOR), "/entries/")


@pytest.mark.django_db
def test_without_the_broker_requests_pass_and_are_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    def uncounted() -> float:
        return REGISTRY.get_sample_value("bulwark_uncounted_total") or 0

    open_accounts("custody:USDT")
    bookkeeper, before = client(Role.BOOKKEEPER), uncounted()
    with broker() as url, rates(bookkeeper="1/hour"), override_settings(REDIS_URL=url):
        post(bookkeeper, "/entries/", deposit("d1"))
        assert bookkeeper.get("/api/v1/entries/").status_code == 429
        broker_is_gone = override_settings(REDIS_URL=url)
    with rates(bookkeeper="1/hour"), broker_is_gone, caplog.at_level(logging.WARNING):
        for number in range(2, 12):
            post(bookkeeper, "/entries/", deposit(f"d{number}"))

    assert balance("trader:ann:USDT") == "110"
    assert uncounted() - before == 10
    assert [record.name for record in caplog.records].count("bulwark.throttles") == 1


@pytest.mark.django_db
def test_whoever_is_refused_is_counted_too() -> None:
    ann = client(Role.TRADER, trader="ann")
    with rates(public="2/minute", trader="3/minute"):
        anywhere = stranger()
        address: Any = {"REMOTE_ADDR": "192.0.2.77"}
        without_key = [anywhere.get("/api/v1/entries/", **address).status_code for _ in range(4)]
        not_allowed = [ann.get("/api/v1/entries/").status_code for _ in range(5)]

    assert without_key == [401, 401, 429, 429]
    assert not_allowed == [403, 403, 403, 429, 429]


def test_of_an_address_nothing_is_kept_in_the_process_however_high_the_rate(redis_url: str) -> None:
    one, other, rate = Counter(redis_url), Counter(redis_url), Rate(30_000, 86_400)

    taken = [counter.take(PUBLIC, "2001:db8::1", rate) for counter in (one, other, one)]

    # Each process counts every request of it: addresses come without end, and none of them need come again.
    assert [rate.requests - each.remaining for each in taken if each] == [1, 2, 3]


@pytest.mark.parametrize("text", ["", "10", "10/fortnight", "0/minute", "-1/minute", "ten/minute"])
def test_rate_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="is no rate"):
        Rate.read(text)


def test_service_does_not_start_with_a_rate_that_is_none() -> None:
    environment = {**os.environ, "BULWARK_THROTTLE_ENGINE": "fast"}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "'fast' is no rate: write 600/minute" in done.stderr


@pytest.fixture
def caller(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    """A server of two workers that lets a bookkeeper's key through 20 times in an hour."""
    settings = {**committed_db.environment(), "BULWARK_THROTTLE_BOOKKEEPER": "20/hour"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with serve.running({"web": serve.web(port)}):
        wait_until(lambda: answers(port))
        yield Caller(port)


def test_of_many_connections_at_once_exactly_the_rate_passes(caller: Caller) -> None:
    _, other = create_key(name="others", role=Role.BOOKKEEPER, created_at=timezone.now())
    with ThreadPoolExecutor(32) as pool:
        statuses = [answer.status for answer in pool.map(caller.call, ["/entries/"] * 128)]
    assert (statuses.count(200), statuses.count(429)) == (20, 108)

    caller.secret = other
    assert caller.call("/entries/").status == 200
