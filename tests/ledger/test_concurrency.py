"""Several connections at once, with real commits."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Barrier, Thread

import psycopg
import pytest
from django.db import connections, transaction

from config.scratch import PROJECT, DatabaseUrls
from ledger import accounts, posting
from ledger.balances import balance_at, one_moment
from ledger.errors import Refused
from ledger.integrity import verify
from ledger.models import Account, Entry, Posting
from ledger.reversals import reverse
from tests.builders import balance, moment, move, open_accounts, open_currency, post
from tests.ledger.poster import TRADERS

pytestmark = pytest.mark.usefixtures("committed_db")

CUSTODY, ANN, FUND, ENGINE = "custody:USDT", "trader:ann:USDT", "fund:usdt", "engine:USDT"


def at_once(*people: Callable[[], object]) -> list[object]:
    """Each on a connection of its own, all at the same time. What they returned, or the refusal
    or error that they met."""
    outcomes: list[object] = [None] * len(people)
    together = Barrier(len(people))

    def act(place: int, person: Callable[[], object]) -> None:
        try:
            connections["default"].ensure_connection()
            together.wait()
            with transaction.atomic():
                outcomes[place] = person()
        except Refused as refusal:
            outcomes[place] = refusal.code
        except Exception as error:
            outcomes[place] = error
        finally:
            connections.close_all()

    threads = [Thread(target=act, args=(place, person)) for place, person in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_two_people_reverse_the_same_entry_and_one_of_them_is_refused() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN))

    outcomes = at_once(
        lambda: reverse("d1", reference="by-ann", effective_at=moment()),
        lambda: reverse("d1", reference="by-bob", effective_at=moment()),
    )

    assert outcomes.count("entry_already_reversed") == 1
    assert balance(ANN) == "0"
    assert Entry.objects.filter(kind="reversal").count() == 1


def test_reads_of_one_moment_leave_out_what_is_committed_meanwhile() -> None:
    post(move("d1", "100", debited=CUSTODY, credited=ANN))

    with one_moment():
        before = balance_at(ANN)
        at_once(lambda: post(move("d2", "1", debited=CUSTODY, credited=ANN)))
        assert balance_at(ANN) == before

    assert balance(ANN) == "101"


def test_two_withdrawals_of_eighty_out_of_a_hundred_at_once_are_one() -> None:
    post(move("c1", "100", debited=CUSTODY, credited=FUND))
    open_accounts(ENGINE)

    for attempt in range(10):
        outcomes = at_once(
            *(
                partial(posting.post, [move(f"{name}{attempt}", "80", debited=FUND, credited=ENGINE)])
                for name in ("ann", "bob")
            )
        )
        assert outcomes.count("account_floor") == 1, outcomes
        assert balance(FUND) == "20"
        post(move(f"again{attempt}", "80", debited=ENGINE, credited=FUND))


def newly_posted(entries: Sequence[posting.Entry]) -> int:
    return sum(not each.replayed for each in posting.post(entries))


def test_same_entry_from_three_callers_at_once_is_posted_once() -> None:
    open_accounts(CUSTODY, ANN)

    for attempt in range(10):
        deposit = partial(newly_posted, [move(f"d{attempt}", "1", debited=CUSTODY, credited=ANN)])
        assert sorted(map(str, at_once(deposit, deposit, deposit))) == ["0", "0", "1"]

    assert balance(ANN) == "10"


def test_batches_of_the_same_references_in_opposite_order_do_not_deadlock() -> None:
    open_accounts(CUSTODY, *TRADERS)

    for attempt in range(10):
        batch = [
            move(f"{attempt}-{number}", "1", debited=CUSTODY, credited=TRADERS[number % len(TRADERS)])
            for number in range(200)
        ]
        outcomes = at_once(partial(newly_posted, batch), partial(newly_posted, batch[::-1]))
        assert sorted(map(str, outcomes)) == ["0", "200"]

    assert balance(CUSTODY) == "2000"


def test_batches_over_the_same_accounts_in_opposite_order_do_not_deadlock() -> None:
    open_accounts(CUSTODY, *TRADERS)

    for attempt in range(10):
        batches = [
            [move(f"{attempt}-{name}-{code}", "1", debited=CUSTODY, credited=code) for code in TRADERS[::order]]
            for name, order in (("ann", 1), ("bob", -1), ("eve", 1))
        ]
        assert at_once(*(partial(newly_posted, batch) for batch in batches)) == [len(TRADERS)] * 3

    assert balance(CUSTODY) == str(30 * len(TRADERS))
    assert verify().clean


def test_accounts_are_opened_once_by_whoever_comes_first() -> None:
    open_currency()
    codes = [f"trader:new{number}:USDT" for number in range(300)]

    outcomes = at_once(
        lambda: accounts.open_missing(codes, currency="USDT"),
        lambda: accounts.open_missing(codes[::-1], currency="USDT"),
        lambda: accounts.open_missing(codes[::2], currency="USDT"),
    )

    assert outcomes == [None, None, None]
    assert Account.objects.count() == len(codes)


def test_eight_processes_some_of_them_killed_leave_what_was_acknowledged(
    committed_db: DatabaseUrls, owner_connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    """What a process was told is in the books; of what a killed one was not told, at most the call in flight."""
    open_accounts(CUSTODY, FUND, *TRADERS)
    post(move("c1", "1000", debited=CUSTODY, credited=FUND))
    a_call, many = 5, 100_000
    environment = os.environ | committed_db.environment()
    posters = {
        f"poster{number}": subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.poster", f"poster{number}", str(many if number % 2 else 300)],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    }
    told: dict[str, list[str]] = {name: [] for name in posters}
    for name, poster in posters.items():
        # Every one of them is in the middle of its work before the first is killed.
        assert poster.stdout is not None
        told[name] += [poster.stdout.readline().strip() for _ in range(20)]
    killed = [name for number, name in enumerate(posters) if number % 2]
    for name in killed:
        posters[name].send_signal(signal.SIGKILL)
    for name, poster in posters.items():
        assert poster.stdout is not None
        assert poster.stderr is not None
        told[name] += poster.stdout.read().split()
        assert poster.stderr.read() == ""
        assert poster.wait() == (-signal.SIGKILL if name in killed else 0)
    wait_until_alone(owner_connection)

    references = set(Entry.objects.exclude(reference="c1").values_list("reference", flat=True))
    for name in posters:
        mine = {reference for reference in references if reference.startswith(f"{name}-")}
        assert set(told[name]) <= mine
        assert len(mine) - len(told[name]) in ((0, a_call) if name in killed else (0,))
        if name not in killed:
            assert len(mine) == 300
    moved = dict.fromkeys((FUND, *TRADERS), 0)
    for code, side in Posting.objects.exclude(entry__reference="c1").values_list("account__code", "credit"):
        moved[code] += 1 if side else -1
    for code, cents in moved.items():
        assert balance_at(code).balance * 100 == cents + (100_000 if code == FUND else 0)
    assert verify().clean


def wait_until_alone(owner: psycopg.Connection[tuple[object, ...]]) -> None:
    """Until the server has ended what the killed processes asked for: only this test's two connections are left."""
    deadline = time.monotonic() + 30
    query = (
        "SELECT count(*) <= 2 FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    while owner.execute(query).fetchone() != (True,):
        assert time.monotonic() < deadline
