"""Positions under concurrent commits: nothing is left out or comes twice, a fund's own events keep their order."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread

import psycopg
import pytest
from django.db import connections, transaction

from config.scratch import DatabaseUrls
from ledger.events.models import Event
from ledger.events.reading import read
from ledger.events.recording import record
from tests.events.story import moved, names

pytestmark = pytest.mark.usefixtures("committed_db")

Session = psycopg.Connection[tuple[object, ...]]
_INSERT = (
    "INSERT INTO events_event (kind, stream, data, occurred_at, once)"
    " VALUES ('test.moved', 'usdt', jsonb_build_object('name', %s::text), now(), '')"
)


@contextmanager
def session(urls: DatabaseUrls) -> Iterator[Session]:
    """A transaction of its own, held open until it is ended."""
    with psycopg.connect(urls.service) as connection:
        yield connection


def test_what_is_committed_late_comes_after_what_was_read_before(committed_db: DatabaseUrls) -> None:
    with session(committed_db) as slow, session(committed_db) as fast:
        slow.execute(_INSERT, ["slow"])
        fast.execute(_INSERT, ["fast"])
        fast.commit()
        first = read(after=0, limit=10)
        assert [event.data["name"] for event in first.events] == ["fast"]

        slow.commit()

        # A tail on ids would never see it: its id is the smaller one.
        assert Event.objects.get(data__name="slow").id < Event.objects.get(data__name="fast").id
        assert names(after=first.next_after) == ["slow"]
        assert names() == ["fast", "slow"]


def test_what_is_rolled_back_leaves_no_gap(committed_db: DatabaseUrls) -> None:
    with session(committed_db) as one, session(committed_db) as other:
        one.execute(_INSERT, ["never"])
        other.execute(_INSERT, ["kept"])
        one.rollback()
        other.execute(_INSERT, ["kept too"])
        other.commit()

    found = read(after=0, limit=10)
    assert [(event.position, event.data["name"]) for event in found.events] == [(1, "kept"), (2, "kept too")]
    assert found.next_after == 2


def test_whoever_waited_for_anothers_lock_comes_after_it(committed_db: DatabaseUrls) -> None:
    """Many transactions that lock the same row before they record: readers have them in the order of the lock."""
    order: list[str] = []

    def write(writer: str) -> None:
        for number in range(40):
            with transaction.atomic():
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(1)")
                order.append(f"{writer}{number}")
                record([moved(f"{writer}{number}")])

    seen: list[str] = []
    writers = [in_thread(partial(write, writer)) for writer in "abcd"]
    _tail(writers, seen)

    assert seen == order


def test_a_tailing_reader_gets_every_event_of_many_writers_once_and_in_each_ones_order() -> None:
    """Writers hold transactions open, roll some back, and commit in another order than they began."""
    committed: dict[str, list[str]] = defaultdict(list)

    def write(writer: str) -> None:
        dice = random.Random(writer)
        for number in range(60):
            batch = [f"{writer}-{number}-{place}" for place in range(dice.randint(1, 5))]
            with transaction.atomic():
                record([moved(name, stream=writer) for name in batch])
                with connections["default"].cursor() as cursor:
                    # A commit that comes late is what this is about; nothing waits for it.
                    cursor.execute("SELECT pg_sleep(%s)", [dice.random() / 200])
                if dice.random() < 0.2:
                    transaction.set_rollback(True)
                    continue
            committed[writer] += batch

    seen: list[str] = []
    others: list[str] = []
    writers = [in_thread(partial(write, writer)) for writer in ("ann", "bob", "cid", "dee", "eve")]
    second = in_thread(partial(_tail, writers, others))
    _tail(writers, seen)
    second.join()

    assert len(seen) == len(set(seen)) == sum(map(len, committed.values()))
    for writer, batch in committed.items():
        assert [name for name in seen if name.startswith(writer)] == batch
    assert others == seen
    assert list(Event.objects.order_by("position").values_list("position", flat=True)) == [*range(1, len(seen) + 1)]


def in_thread(act: Callable[[], object]) -> Thread:
    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    return thread


def _tail(writers: list[Thread], seen: list[str]) -> None:
    """Read on and on while there are writers, and once more after the last of them."""
    after, last_look = 0, False
    while True:
        found = read(after=after, limit=7)
        seen += [event.data["name"] for event in found.events]
        after = found.next_after
        if not found.events:
            if last_look:
                return
            last_look = not any(writer.is_alive() for writer in writers)
