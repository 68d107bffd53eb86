"""The API beside an empty view of the same server, and its batches beside the posting door, in the same run.

The server is the one that `make run` starts: two processes of four threads, durable, every key counted. A takeover is
a margin from a trader's account to clearing; what the door posts beside it is just that entry.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

from benchmarks.api_client import CONTRACTS, ITEMS_PER_BATCH, TRADERS
from benchmarks.measure import Record, median, percentile
from config import serve

CONNECTIONS = 8
# As many as the server has processes.
BATCH_CONNECTIONS = 2


def measure(record: Record, *, seconds: float, rounds: int) -> None:
    """Rounds of an empty view, single takeovers, batches and the door, one after the other."""
    secret = _seed()
    empty: list[float] = []
    single: list[float] = []
    batch: list[float] = []
    door: list[float] = []
    single_times: list[float] = []
    batch_times: list[float] = []
    with _served() as port:
        for number in range(rounds + 1):
            warm = number == 0
            whole, times = _load(port, secret, "empty", CONNECTIONS, 1 if warm else seconds, f"e{number}")
            empty.append(len(times) / whole)
            whole, times = _load(port, secret, "single", CONNECTIONS, 1 if warm else seconds, f"s{number}")
            single.append(len(times) / whole)
            single_times.extend([] if warm else times)
            whole, times = _load(port, secret, "batch", BATCH_CONNECTIONS, 1 if warm else seconds, f"b{number}")
            batch.append(len(times) * ITEMS_PER_BATCH / whole)
            batch_times.extend([] if warm else times)
            door.append(_door(1 if warm else seconds, f"d{number}"))

    empty_rate, single_rate, batch_rate, door_rate = (median(rates[1:]) for rates in (empty, single, batch, door))
    record.add("api_empty_per_s", empty_rate, "requests/s of an empty view, 8 keep-alive connections")
    record.add("api_single_per_s", single_rate, "single takeovers/s, 8 keep-alive connections")
    record.add("api_single_p50_ms", percentile(single_times, 0.5) * 1000, "p50 of one takeover, ms")
    record.add("api_single_p99_ms", percentile(single_times, 0.99) * 1000, "p99 of one takeover, ms")
    record.add("api_single_vs_empty", single_rate / empty_rate, "single takeovers over the empty view", target="≥ 0.2")
    record.add("api_batch_items_per_s", batch_rate, "takeovers/s in batches of 1,000, 2 connections")
    record.add("api_batch_p50_ms", percentile(batch_times, 0.5) * 1000, "p50 of one batch, ms")
    record.add("api_batch_p99_ms", percentile(batch_times, 0.99) * 1000, "p99 of one batch, ms")
    record.add("api_door_entries_per_s", door_rate, "entries/s of the posting door, 1,000 a call, one client")
    record.add("api_batch_vs_door", batch_rate / door_rate, "takeovers in batches over the door", target="≥ 0.5")


def _seed() -> str:
    """A fund, its contracts and traders' accounts. Returns the secret of an engine's key."""
    from fund import funds
    from ledger import accounts
    from ledger.models import Currency
    from ledger.rest.keys import create_key
    from ledger.rest.models import Role
    from liquidation import contracts

    now = datetime(2025, 1, 1, tzinfo=UTC)
    Currency.objects.get_or_create(code="USDT", defaults={"decimals": 8})
    funds.open_fund(
        code="usdt",
        currency="USDT",
        preset="full_cover",
        fields={},
        cycle_seconds=None,
        opened_at=now,
        opened_by="benchmark",
    )
    for number in range(CONTRACTS):
        contracts.add_contract(
            symbol=f"X{number}-PERP",
            kind="linear",
            margin_currency="USDT",
            multiplier=Decimal(1),
            tick=None,
            fund_code="usdt",
            created_at=now,
        )
    accounts.open_missing([f"trader:t{number}:USDT" for number in range(TRADERS)], currency="USDT")
    return create_key(name="engine", role=Role.ENGINE, created_at=now)[1]


@contextmanager
def _served() -> Iterator[int]:
    """The web server at a free port, with the empty view."""
    with socket.socket() as probe:
        probe.bind((serve.HOST, 0))
        port = int(probe.getsockname()[1])
    before = os.environ["DJANGO_SETTINGS_MODULE"]
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.api_settings"
    try:
        with serve.running({"web": serve.web(port)}):
            _wait_until_it_answers(port)
            yield port
    finally:
        os.environ["DJANGO_SETTINGS_MODULE"] = before


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((serve.HOST, port), timeout=10) as made:
                made.sendall(b"GET /empty/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in made.recv(1 << 16):
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the web server did not start")


def _load(port: int, secret: str, kind: str, connections: int, seconds: float, name: str) -> tuple[float, list[float]]:
    arguments = [str(port), secret, kind, str(connections), str(seconds), name]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.api_client", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    whole, *times = map(float, done.stdout.split())
    return whole, times


def _door(seconds: float, name: str) -> float:
    """Entries a second of `post`, called with as many as a batch has."""
    from ledger.posting import Entry, Line, post

    at, margin, count = datetime(2026, 1, 1, tzinfo=UTC), Decimal("1000.25"), 0
    spent = 0.0
    while spent < seconds:
        entries = [
            Entry(
                reference=f"{name}:{count + place}",
                kind="takeover",
                lines=[
                    Line(f"trader:t{place % TRADERS}:USDT", debit=margin),
                    Line(f"clearing:X{place % CONTRACTS}-PERP:USDT", credit=margin),
                ],
                effective_at=at,
                source_kind="takeover",
                source_id=f"{name}:{count + place}",
            )
            for place in range(ITEMS_PER_BATCH)
        ]
        started = time.perf_counter()
        post(entries)
        spent += time.perf_counter() - started
        count += ITEMS_PER_BATCH
    return count / spent
