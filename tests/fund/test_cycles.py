"""Settlement cycles: spans without overlap, and the cycle that a loss belongs to."""

from collections.abc import Callable
from datetime import datetime

import pytest

from fund import cycles
from fund.models import Cycle, Fund
from tests.builders import moment, refused
from tests.fund.builders import HOUR, open_cycle, open_fund

pytestmark = pytest.mark.django_db


def hours(*cycles_opened: Cycle) -> list[tuple[int, int]]:
    """From which hour of the story to which each cycle runs."""

    def hour(at: datetime) -> int:
        return int((at - moment()).total_seconds() // HOUR)

    return [(hour(cycle.starts_at), hour(cycle.ends_at)) for cycle in cycles_opened]


def test_cycles_are_numbered_from_one_where_no_number_is_given() -> None:
    open_fund()

    assert [open_cycle(hours=(start, start + 8)).number for start in (0, 8, 16)] == [1, 2, 3]


def test_opening_the_same_cycle_again_gives_the_same_cycle() -> None:
    open_fund()

    assert open_cycle(7) == open_cycle(7)
    assert Cycle.objects.count() == 1


@pytest.mark.parametrize(
    ("number", "span", "code"),
    [
        (1, (8, 16), "cycle_number_taken"),
        (2, (7, 9), "cycle_overlaps"),
        (2, (0, 8), "cycle_overlaps"),
        (2, (8, 8), "cycle_ends_before_start"),
        (2, (9, 8), "cycle_ends_before_start"),
    ],
)
def test_a_cycle_in_the_way_of_another_or_of_time_is_refused(number: int, span: tuple[int, int], code: str) -> None:
    open_fund()
    open_cycle(1)

    with refused(code):
        open_cycle(number, hours=span)

    assert Cycle.objects.count() == 1


def test_cycles_of_two_funds_do_not_stand_in_each_others_way() -> None:
    open_fund()
    open_fund(code="usdc")

    assert [open_cycle(fund_code=code).number for code in ("usdt", "usdc")] == [1, 1]


def test_cycles_end_when_their_time_is_over_and_not_before() -> None:
    open_fund()
    morning, day = open_cycle(hours=(0, 8)), open_cycle(hours=(8, 16))

    assert cycles.end_due(now=moment(8 * HOUR - 1)) == []
    assert cycles.end_due(now=moment(8 * HOUR)) == [morning]
    assert cycles.end_due(now=moment(8 * HOUR)) == []
    day.refresh_from_db()
    assert day.status == "open"


def test_a_cycle_ended_by_hand_stays_ended() -> None:
    open_fund()
    cycle = open_cycle()

    assert cycles.end(cycle_id=cycle.pk).status == "ended"
    assert cycles.end(cycle_id=cycle.pk).status == "ended"


def test_an_unknown_cycle_is_not_found() -> None:
    attempts: list[Callable[[], object]] = [lambda: cycles.find(1), lambda: cycles.end(cycle_id=1)]
    for attempt in attempts:
        with refused("cycle_unknown"):
            attempt()


def chosen(fund: Fund, hour: float) -> int | None:
    cycle = cycles.choose(cycles.lock_for_losses([fund.pk]), fund_id=fund.pk, at=moment(int(hour * HOUR)))
    return cycle.number if cycle else None


def test_a_loss_belongs_to_the_open_cycle_of_its_moment() -> None:
    fund = open_fund()
    open_cycle(hours=(0, 8))
    open_cycle(hours=(8, 16))

    assert [chosen(fund, hour) for hour in (0, 7.999, 8, 15.999)] == [1, 1, 2, 2]


def test_a_late_loss_goes_to_the_next_open_cycle() -> None:
    fund = open_fund()
    for start in (0, 8, 16):
        open_cycle(hours=(start, start + 8))
    cycles.end_due(now=moment(8 * HOUR))

    assert chosen(fund, 3) == 2


def test_a_loss_after_the_last_cycle_waits_for_the_next_one_to_be_opened() -> None:
    fund = open_fund()
    open_cycle(hours=(0, 8))

    assert chosen(fund, 8) is None


def test_a_loss_between_two_cycles_goes_to_the_later_one() -> None:
    fund = open_fund()
    open_cycle(hours=(0, 8))
    open_cycle(hours=(12, 20))

    assert chosen(fund, 10) == 2


def test_another_funds_cycle_takes_no_loss() -> None:
    fund = open_fund()
    open_fund(code="usdc")
    open_cycle(fund_code="usdc")

    assert chosen(fund, 1) is None


def test_the_next_cycle_is_opened_before_the_running_one_ends() -> None:
    open_fund(cycle_seconds=8 * HOUR)

    opened = cycles.open_next(fund_code="usdt", now=moment(3 * HOUR))

    assert hours(*opened) == [(0, 8), (8, 16)]
    assert cycles.open_next(fund_code="usdt", now=moment(8 * HOUR - 1)) == []
    assert hours(*cycles.open_next(fund_code="usdt", now=moment(8 * HOUR))) == [(16, 24)]


def test_cycles_missed_while_nothing_ran_are_skipped_and_the_grid_is_kept() -> None:
    open_fund(cycle_seconds=8 * HOUR)
    cycles.open_next(fund_code="usdt", now=moment())

    assert hours(*cycles.open_next(fund_code="usdt", now=moment(100 * HOUR))) == [(96, 104), (104, 112)]


def test_a_fund_whose_cycles_are_opened_by_hand_gets_none_by_itself() -> None:
    open_fund()

    assert cycles.open_next(fund_code="usdt", now=moment()) == []
