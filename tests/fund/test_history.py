"""The funds' figures at full hours and days: as they were taken, else as the journal has them."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fund import history, snapshots
from fund.history import Interval, Movement, Place
from fund.models import Fund
from fund.peaks import Peak, peaks
from ledger import reversals
from ledger.money import plain, total
from tests.builders import credit, debit, entry, moment, post
from tests.fund.builders import HOUR, contribute, lose, open_fund

pytestmark = pytest.mark.django_db
DAY = 24 * HOUR


def hours(*funds: Fund, until: int, limit: int = 100) -> list[tuple[str, int, str, bool]]:
    """Fund, hour of the story, balance, and whether it was taken then."""
    span = history.span(Interval.HOUR, from_=None, to=None, now=moment(until))
    return [
        (point.fund.code, (point.taken_at - moment()) // timedelta(hours=1), plain(point.balance), point.recorded)
        for point in history.points(funds, span, limit=limit)
    ]


def test_a_point_counts_what_happened_up_to_its_instant() -> None:
    fund = open_fund(contribution="100")
    contribute("on time", "10", at=moment(HOUR))
    contribute("just after", "5", at=moment(HOUR) + timedelta(microseconds=1))
    lose("50", at=moment(2 * HOUR + 1))

    assert hours(fund, until=3 * HOUR + 59) == [
        ("usdt", 3, "105", False),
        ("usdt", 2, "115", False),
        ("usdt", 1, "110", False),
        ("usdt", 0, "100", False),
    ]


def test_a_snapshot_of_the_instant_stands_before_the_journal() -> None:
    fund = open_fund(contribution="100")
    snapshots.take(taken_at=moment(HOUR) + timedelta(seconds=2))
    snapshots.take(taken_at=moment(2 * HOUR) + timedelta(seconds=61))
    contribute("booked late", "7", at=moment(1))

    assert hours(fund, until=2 * HOUR) == [
        ("usdt", 2, "107", False),
        ("usdt", 1, "100", True),
        ("usdt", 0, "100", False),
    ]


def test_reserve_and_deficit_are_of_their_instant_too() -> None:
    fund = open_fund("full_cover", contribution="100")
    lose("130", at=moment(10))

    span = history.span(Interval.DAY, from_=None, to=None, now=moment(DAY))
    after, before = history.points([fund], span, limit=10)

    assert [plain(each) for each in (after.balance, after.deficit, after.reserved)] == ["0", "30", "0"]
    assert [plain(each) for each in (before.balance, before.deficit)] == ["100", "0"]
    assert (after.inventory, after.gross_payouts) == (None, None)


def test_points_begin_with_the_opening_of_each_fund() -> None:
    early = open_fund()
    late = open_fund(code="btc")
    Fund.objects.filter(pk=late.pk).update(created_at=moment(HOUR + 1))

    shown = hours(early, Fund.objects.get(code="btc"), until=2 * HOUR)

    assert [row[:2] for row in shown] == [("btc", 2), ("usdt", 2), ("usdt", 1), ("usdt", 0)]


@pytest.mark.parametrize(
    ("from_", "to", "expected"),
    [(None, None, [3, 2, 1, 0]), (HOUR, 3 * HOUR, [2, 1]), (HOUR + 1, None, [3, 2]), (4 * HOUR, None, []), (0, 0, [])],
)
def test_a_span_has_its_first_instant_and_not_its_end(from_: int | None, to: int | None, expected: list[int]) -> None:
    fund = open_fund()
    limits = [None if seconds is None else moment(seconds) for seconds in (from_, to)]
    span = history.span(Interval.HOUR, from_=limits[0], to=limits[1], now=moment(3 * HOUR + 1))

    points = history.points([fund], span, limit=10)

    assert [(point.taken_at - moment()) // timedelta(hours=1) for point in points] == expected


def test_pages_in_both_directions_have_every_point_once() -> None:
    funds = [open_fund(code=code) for code in ("btc", "eth", "usdt")]
    span = history.span(Interval.HOUR, from_=None, to=None, now=moment(5 * HOUR))
    whole = [point.place for point in history.points(funds, span, limit=100)]
    forward: list[Place] = []
    while page := history.points(funds, span, beyond=forward[-1] if forward else None, limit=4):
        forward += [point.place for point in page]
    backward = whole[-1:]
    while page := history.points(funds, span, beyond=backward[-1], backward=True, limit=4):
        backward += [point.place for point in page]

    assert len(whole) == 18
    assert forward == whole
    assert backward == whole[::-1]


def test_number_of_queries_does_not_grow_with_the_points() -> None:
    fund = open_fund(contribution="100")
    snapshots.take(taken_at=moment(HOUR))

    def queries(limit: int) -> int:
        span = history.span(Interval.HOUR, from_=None, to=None, now=moment(50 * HOUR))
        with CaptureQueriesContext(connection) as captured:
            assert len(history.points([fund], span, limit=limit)) == min(limit, 51)
        return len(captured)

    assert queries(100) == queries(2) == 2


def moves(fund: Fund, *days: datetime) -> dict[tuple[datetime, Movement], str]:
    return {(at, why): plain(amount) for (_, at, why), amount in history.movements([fund], days).items()}


def test_movements_of_a_day_are_told_apart_and_sum_to_the_difference() -> None:
    fund = open_fund("full_cover", contribution="100")
    first, second, third = (moment(day * DAY) for day in range(3))
    contribute("more", "40", at=moment(10))
    lose("30", reference="t1", at=moment(20))
    lose("12", reference="t2", at=moment(DAY + 20))

    assert moves(fund, first, second, third) == {
        (second, Movement.TRANSFER): "40",
        (second, Movement.LOSS): "-30",
        (third, Movement.LOSS): "-12",
    }
    balances = history.balances([fund], [first, second, third])
    moved = history.movements([fund], [first, second, third])
    for before, after in ((first, second), (second, third)):
        parts = [amount for (_, at, _), amount in moved.items() if at == after]
        assert balances["usdt", after]["balance"] - balances["usdt", before]["balance"] == total(parts)


def test_a_reversal_counts_as_what_it_takes_back() -> None:
    fund = open_fund("full_cover", contribution="100")
    (gained,) = post(
        entry(
            "g1",
            debit("engine:USDT", "9"),
            credit("fund:usdt", "9"),
            kind="fund_injection",
            at=moment(5),
            source=("takeover", "t1"),
        )
    )
    reversals.reverse(gained.entry_id, reference="back", effective_at=moment(DAY + 5))

    first, second, third = (moment(day * DAY) for day in range(3))
    assert moves(fund, first, second, third) == {(second, Movement.GAIN): "9", (third, Movement.GAIN): "-9"}


def test_peak_is_the_highest_balance_of_the_eight_hours_before() -> None:
    open_fund("full_cover", contribution="100")
    contribute("long ago", "900", at=moment(1))
    lose("600", reference="t1", at=moment(2))
    contribute("high", "250", at=moment(9 * HOUR))
    lose("50", reference="t2", at=moment(10 * HOUR))
    lose("25", reference="t3", at=moment(11 * HOUR))

    asked = [
        ("usdt", moment(11 * HOUR), Decimal(575)),
        ("usdt", moment(9 * HOUR), Decimal(650)),
        ("usdt", moment(3), Decimal(400)),
        ("usdt", moment(40 * HOUR), Decimal(575)),
    ]

    assert peaks(asked) == [
        Peak(balance=Decimal(650), reached_at=moment(9 * HOUR)),
        Peak(balance=Decimal(650), reached_at=moment(9 * HOUR)),
        Peak(balance=Decimal(1000), reached_at=moment(1)),
        Peak(balance=Decimal(575), reached_at=moment(40 * HOUR)),
    ]
