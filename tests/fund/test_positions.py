"""Profits of positions: added as rows, by several at once too, completed once."""

from decimal import Decimal
from threading import Event, Thread

import psycopg
import pytest
from django.db import connections, transaction

from fund import cycles, positions
from fund.models import Cycle
from fund.positions import PositionProfit, Taken
from ledger.errors import Refused
from tests.builders import moment, refused
from tests.fund.builders import HOUR, open_cycle, open_fund
from tests.fund.profits import bob, held

Watcher = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def cycle(db: None) -> Cycle:
    open_fund()
    return open_cycle()


def test_rows_are_added_and_again_they_are_replays(cycle: Cycle) -> None:
    assert positions.add(cycle_id=cycle.pk, rows=[bob(), bob("-70", position="p2")]) == Taken(2, 0, 0)
    assert positions.add(cycle_id=cycle.pk, rows=[bob("500.00"), bob("1", position="p3")]) == Taken(1, 1, 0)

    assert held(cycle) == {
        "p1": ("bob", "BTC-PERP", "500"),
        "p2": ("bob", "BTC-PERP", "-70"),
        "p3": ("bob", "BTC-PERP", "1"),
    }


@pytest.mark.parametrize("other", [bob("501"), bob(trader="cid")])
def test_a_position_with_other_content_is_refused_and_nothing_of_its_call_is_added(
    cycle: Cycle, other: PositionProfit
) -> None:
    positions.add(cycle_id=cycle.pk, rows=[bob()])

    with refused("reference_reused") as refusal:
        positions.add(cycle_id=cycle.pk, rows=[bob("7", position="p0"), other])

    assert refusal.value.detail == "row 2: position p1 of usdt cycle 1 is held with other content"
    assert list(held(cycle)) == ["p1"]


def test_a_position_twice_in_a_call_with_two_profits_is_refused(cycle: Cycle) -> None:
    with refused("reference_reused"):
        positions.add(cycle_id=cycle.pk, rows=[bob("1"), bob("2")])

    assert held(cycle) == {}


def complete(cycle: Cycle, count: int | None = None, total: str | None = None) -> Cycle:
    return positions.complete(
        cycle_id=cycle.pk,
        count=count,
        total=None if total is None else Decimal(total),
        completed_at=moment(8 * HOUR),
    )


def test_complete_positions_are_counted_summed_and_frozen(cycle: Cycle) -> None:
    positions.add(cycle_id=cycle.pk, rows=[bob("500"), bob("-70.5", position="p2")])

    completed = complete(cycle, 2, "429.50")

    assert (completed.positions_count, completed.positions_profit) == (2, Decimal("429.5"))
    with refused("positions_frozen") as refusal:
        positions.add(cycle_id=cycle.pk, rows=[bob(), bob("1", position="p3")])
    assert refusal.value.detail == "usdt cycle 1: its 2 positions are complete, none is added or changed"
    assert len(held(cycle)) == 2


def test_complete_positions_may_be_repeated_by_a_late_sender(cycle: Cycle) -> None:
    positions.add(cycle_id=cycle.pk, rows=[bob()])
    complete(cycle, 1)

    assert positions.add(cycle_id=cycle.pk, rows=[bob()]) == Taken(0, 1, 0)
    assert complete(cycle, 1, "500") == complete(cycle)


@pytest.mark.parametrize(
    ("count", "total", "code"),
    [
        (2, None, "positions_count_mismatch"),
        (1, "501", "positions_total_mismatch"),
        (0, "500", "positions_count_mismatch"),
    ],
)
def test_figures_that_are_not_those_of_the_positions_are_refused_and_freeze_nothing(
    cycle: Cycle, count: int, total: str | None, code: str
) -> None:
    positions.add(cycle_id=cycle.pk, rows=[bob()])

    with refused(code):
        complete(cycle, count, total)

    assert positions.add(cycle_id=cycle.pk, rows=[bob("1", position="p2")]).added == 1
    complete(cycle)
    with refused(code):
        complete(cycle, count + 1, total and "502")


def test_discarded_positions_make_room_for_others(cycle: Cycle) -> None:
    positions.add(cycle_id=cycle.pk, rows=[bob("500")])
    complete(cycle)

    assert positions.discard(cycle_id=cycle.pk) == 1

    assert positions.add(cycle_id=cycle.pk, rows=[bob("400")]) == Taken(1, 0, 0)
    assert complete(cycle, 1, "400").positions_complete_at is not None


@pytest.mark.usefixtures("committed_db")
def test_completing_waits_for_whoever_is_adding(owner_connection: Watcher) -> None:
    open_fund()
    cycle = open_cycle()
    completed = Event()
    counts: list[int | None] = []

    def complete_apart() -> None:
        try:
            counts.append(complete(cycle).positions_count)
        finally:
            completed.set()
            connections.close_all()

    with transaction.atomic():
        positions.add(cycle_id=cycle.pk, rows=[bob()])
        completing = Thread(target=complete_apart)
        completing.start()
        wait_for_a_waiter(owner_connection)
        assert not completed.is_set()
    completing.join()

    assert counts == [1]


def wait_for_a_waiter(watcher: Watcher) -> None:
    """Until some connection waits for a lock."""
    query = (
        "SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
    )
    while not watcher.execute(query).fetchall():
        pass


@pytest.mark.usefixtures("committed_db")
def test_two_people_adding_the_same_positions_at_once_add_them_once() -> None:
    open_fund()
    cycle = open_cycle()
    rows = [bob(str(place), position=f"p{place}") for place in range(200)]
    outcomes: list[Taken | str] = []

    def add_apart(mine: list[PositionProfit]) -> None:
        try:
            outcomes.append(positions.add(cycle_id=cycle.pk, rows=mine))
        except Refused as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    people = [Thread(target=add_apart, args=(rows,)) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert sum(taken.added for taken in outcomes if isinstance(taken, Taken)) == 200
    assert len(held(cycle)) == 200


def test_an_ended_cycle_still_takes_its_positions(cycle: Cycle) -> None:
    cycles.end(cycle_id=cycle.pk)

    assert positions.add(cycle_id=cycle.pk, rows=[bob()]).added == 1
