"""A day that a bad network tells twice and in disorder ends in the same books as one that is told once.

REPLAYED_DAY: takeovers of the day, 200 without it; REPLAYED_SEED: another day.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from config import serve
from config.scratch import connected_to, scratch_database, urls_of_environment
from fund.models import Allocation, Cycle, CyclePosition, Transfer
from ledger.balances import trial_balance
from ledger.integrity import verify
from ledger.models import Account, Entry
from ledger.money import plain
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from liquidation.models import CounterpartyFill, Fill, Takeover
from tests.config.test_serve import answers, free_port
from tests.config.users import wait_until
from tests.rest.day import SECOND_TREASURER, SECONDS, START, Day, day_of
from tests.rest.network import Cut, Network, Sent

TAKEOVERS = int(os.environ.get("REPLAYED_DAY", "200"))
SEED = int(os.environ.get("REPLAYED_SEED", "20260101"))
CLEAN = Network()
BAD = Network(connections=16, copies=2, cut_share=1 / 3, seed=SEED)
FIGURES = (
    *("status", "remaining", "running_result", "notional", "costs", "compensation", "closed_at", "result", "penalty"),
    *("injected", "to_vault", "to_trader", "to_fees", "paid", "treasury_paid", "to_allocate", "carried", "closes"),
)


@dataclass(frozen=True)
class Played:
    """The books at the end of a day, and how its requests were answered."""

    books: dict[str, Any]
    sent: list[Sent]


@pytest.fixture
def play(django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plays a day on a database of its own, through a server of two workers."""

    @contextmanager
    def server() -> Iterator[int]:
        with (
            scratch_database(urls_of_environment()) as urls,
            django_db_blocker.unblock(),
            connected_to(urls.service),
            monkeypatch.context() as environment,
        ):
            for name, value in urls.environment().items():
                environment.setenv(name, value)
            port = free_port()
            with serve.running({"web": serve.web(port)}):
                wait_until(lambda: answers(port))
                yield port

    def played(day: Day, network: Network) -> Played:
        with server() as port:
            secrets = {role.value: _key(role.value, role) for role in Role if role is not Role.TRADER}
            secrets[SECOND_TREASURER] = _key(SECOND_TREASURER, Role.TREASURY)
            parts = [*([group] for group in day.opening), day.groups, [day.completion], [day.settlement]]
            sent = []
            for part in parts:
                sent.append(network.send(port, secrets, part))
                assert sent[-1].faults == []
            return Played(_books(), sent)

    return played


def _key(name: str, role: Role) -> str:
    return create_key(name=name, role=role, created_at=timezone.now())[1]


def test_a_day_told_twice_in_disorder_on_breaking_connections_ends_in_the_same_books(play: Any) -> None:
    day = day_of(TAKEOVERS, seed=SEED)
    clean: Played = play(day, CLEAN)
    assert clean.books["findings"] == ()
    assert clean.books["cycle"]["status"] == "settled"
    assert clean.books["allocations"]

    replayed: Played = play(day, BAD)

    for name, expected in clean.books.items():
        assert replayed.books[name] == expected, name
    _check_that_it_was_a_bad_network(replayed.sent, requests=sum(len(sent.answers) for sent in clean.sent))


def _check_that_it_was_a_bad_network(sent: list[Sent], *, requests: int) -> None:
    """Everything was answered twice and taken once at most, a third of it cut off, and much of it came too early."""
    statuses = Counter((id(request), status) for each in sent for request, status in each.answers)
    assert statuses.total() == 2 * requests
    assert max(count for (_, status), count in statuses.items() if status == 201) == 1
    cuts = {cut: sum(each.cuts[cut] for each in sent) for cut in Cut}
    assert min(cuts.values()) > requests / 10
    assert sum(cuts.values()) == pytest.approx(2 * requests / 3, rel=0.2)
    assert sum(each.too_early for each in sent) > requests / 10


def _books() -> dict[str, Any]:
    """All that the day left behind, but for ids, and for the times at which the book took it."""
    balance = trial_balance(currency="USDT")
    (cycle,) = Cycle.objects.all()
    accounts = Account.objects.values_list("code", "debits", "credits", "balance", "version")
    takeovers = Takeover.objects.values_list("reference", "taken_over_at", *FIGURES)
    fills = Fill.objects.values_list(
        "reference", "takeover__reference", "quantity", "price", "fee", "result", "filled_at"
    )
    entries = Entry.objects.values_list("reference", "kind", "source_kind", "source_id", "effective_at")
    transfers = Transfer.objects.values_list("reference", "amount", "status", "requested_by", "decided_by")
    counterparties = CounterpartyFill.objects.values_list("deleveraging__reference", "trader", "quantity", "realised")
    allocations = Allocation.objects.values_list("position", "trader", "rank", "profit", "amount", "entry__reference")
    positions = CyclePosition.objects.values_list("position", "trader", "profit")
    return {
        "trial balance": [balance.balanced, plain(balance.debits), plain(balance.credits)],
        "accounts": _sorted(accounts),
        "takeovers": _sorted(takeovers),
        "fills": _sorted(fills),
        "counterparties": _sorted(counterparties),
        "transfers": _sorted(transfers),
        "entries": _sorted((*row, _stated(at)) for *row, at in entries),
        "positions": _sorted(positions),
        "cycle": {name: _plain(getattr(cycle, name)) for name in ("status", "run", "loss", "fund_paid", "to_allocate")},
        "allocations": _sorted(allocations),
        "findings": verify().findings,
    }


def _stated(moment: datetime) -> datetime | None:
    """A time of the day that was told; what has none was taken when the request came."""
    return moment if moment <= START + timedelta(seconds=SECONDS) else None


def _sorted(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(_plain(value) for value in row) for row in rows)


def _plain(value: Any) -> Any:
    return plain(value) if hasattr(value, "is_finite") else str(value)
