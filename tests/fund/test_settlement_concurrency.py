"""Settlements at once, and settlements that are killed."""

import multiprocessing
import random
import time
from multiprocessing.context import ForkProcess
from threading import Thread

import pytest
from django.db import connections, transaction

from fund import cycles, settlement
from fund.models import Cycle
from ledger.models import Entry
from tests.builders import balance, moment
from tests.fund.builders import HOUR, earn, lose, open_cycle, open_fund
from tests.fund.settling import ILLUSTRATION, assert_books_hold, figures, settle, shares


@pytest.mark.usefixtures("committed_db")
def test_eight_who_settle_at_once_settle_once_and_all_get_the_same_answer() -> None:
    open_fund(contribution="5000")
    cycle = open_cycle()
    lose("1000")
    earn(cycle, *ILLUSTRATION)
    answers: list[dict[str, str]] = []

    def settle_apart() -> None:
        try:
            answers.append(figures(settle(cycle)))
        finally:
            connections.close_all()

    people = [Thread(target=settle_apart) for _ in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)
    assert Entry.objects.filter(source_kind="cycle").count() == 2
    assert balance("loss:usdt") == "0"


@pytest.mark.usefixtures("committed_db")
def test_losses_that_come_while_a_cycle_is_settled_are_in_it_or_in_the_next_one() -> None:
    open_fund(contribution="50000")
    first, second = open_cycle(hours=(0, 8)), open_cycle(hours=(8, 16))
    earn(first, *ILLUSTRATION)
    earn(second, *ILLUSTRATION)

    def lose_apart(number: int) -> None:
        try:
            lose("10", reference=f"t{number}", at=moment(HOUR))
        finally:
            connections.close_all()

    def settle_apart() -> None:
        try:
            settle(first)
        finally:
            connections.close_all()

    people = [Thread(target=lose_apart, args=(number,)) for number in range(12)]
    people.insert(4, Thread(target=settle_apart))
    for person in people:
        person.start()
    for person in people:
        person.join()
    settlement.settle_cycle(cycle_id=second.pk, settled_at=moment(16 * HOUR))

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.loss is not None
    assert second.loss is not None
    assert first.loss + second.loss == 120
    assert balance("loss:usdt") == "0"
    assert_books_hold()


def start_settling(cycle: Cycle) -> ForkProcess:
    """A process of its own that settles the cycle, just started."""
    # A connection is of one process: each opens its own.
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=settle, args=(cycle,))
    process.start()
    return process


@pytest.mark.usefixtures("committed_db")
def test_a_settlement_killed_at_ten_moments_and_run_again_settles_as_if_undisturbed() -> None:
    chance = random.Random(7)
    profits = [str(chance.randrange(-100_000, 300_000)) for _ in range(8_000)]
    open_fund(contribution="5000000", decimals=2)
    undisturbed, *disturbed = [open_cycle(hours=(hour, hour + 1)) for hour in range(11)]
    for cycle in (undisturbed, *disturbed):
        lose("1000000", reference=f"loss-{cycle.number}", at=cycle.starts_at)
        earn(cycle, *profits)
    started = time.monotonic()
    start_settling(undisturbed).join()
    seconds = time.monotonic() - started
    expected = shares(undisturbed)
    assert len(expected) > 1000

    in_the_middle = 0
    for cycle in disturbed:
        process = start_settling(cycle)
        process.join(chance.uniform(0, seconds))
        process.kill()
        process.join()
        found = settlement_of(cycle)
        # All of it or nothing of it.
        assert found in ({}, expected)
        in_the_middle += not found

        start_settling(cycle).join()

        assert settlement_of(cycle) == expected
        cycle.refresh_from_db()
        assert (cycle.run, figures(cycle)) == (1, figures(Cycle.objects.get(pk=undisturbed.pk)))

    assert in_the_middle, "no settlement was killed in the middle"
    assert balance("loss:usdt") == "0"
    assert_books_hold()


def settlement_of(cycle: Cycle) -> dict[str, str]:
    """The cycle's allocations, once nobody settles it any more: of a killed process the server may still be at work."""
    with transaction.atomic():
        cycles.lock(cycle.pk)
        return shares(cycle)
