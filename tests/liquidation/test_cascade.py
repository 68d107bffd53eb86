"""The demo's invented cascade: its shape, and that every amount in it can be booked."""

from decimal import Decimal

import pytest

from liquidation.demo.cascade import SECONDS, SECONDS_BEFORE_LOSSES, Cascade, cascade


@pytest.fixture(scope="module")
def day() -> Cascade:
    return cascade(takeovers=3_000, positions=20_000)


def test_the_same_seed_tells_the_same_story_and_another_seed_another_one() -> None:
    assert cascade(takeovers=40, positions=100) == cascade(takeovers=40, positions=100)
    assert cascade(takeovers=40, positions=100) != cascade(takeovers=40, positions=100, seed=1)


def test_every_takeover_is_closed_whole_within_twelve_minutes(day: Cascade) -> None:
    assert len(day.takeovers) == 3_000
    seconds = [row.second for row in day.takeovers]
    assert seconds == sorted(seconds)
    for row in day.takeovers:
        assert sum(fill.quantity for fill in row.fills) == row.quantity
        moments = [row.second, *(fill.second for fill in row.fills)]
        assert moments == sorted(moments)
        assert 0 <= moments[0] < moments[-1] < SECONDS


def test_nothing_closes_worse_than_bankruptcy_in_the_first_minute_and_about_half_does_afterwards(day: Cascade) -> None:
    first = [row for row in day.takeovers if row.second < SECONDS_BEFORE_LOSSES]
    assert len(first) > 200
    assert all(row.result > 0 for row in first)
    worse = [row for row in day.takeovers if row.result < 0]
    assert 0.4 < len(worse) / len(day.takeovers) < 0.6


def test_sizes_span_six_orders_of_magnitude_and_one_in_a_hundred_makes_half_of_the_notional(day: Cascade) -> None:
    notionals = sorted((row.notional for row in day.takeovers), reverse=True)
    assert notionals[0] / notionals[-1] > 1_000_000
    assert sum(notionals[:30]) / sum(notionals) > Decimal("0.4")


def test_one_account_loses_about_as_much_as_all_others_together(day: Cascade) -> None:
    losses = sorted((-row.result for row in day.takeovers if row.result < 0), reverse=True)
    assert Decimal("0.4") < losses[0] / sum(losses) < Decimal("0.6")
    assert 15_000_000 < sum(losses) < 30_000_000


def test_a_few_accounts_have_most_of_the_profit(day: Cascade) -> None:
    profits = sorted((row.profit for row in day.positions if row.profit > 0), reverse=True)
    assert len(day.positions) == 20_000
    assert len(profits) > 8_000
    assert profits[0] / sum(profits) > Decimal("0.35")
    assert sum(profits[:8]) / sum(profits) > Decimal("0.6")
    assert any(row.profit < 0 for row in day.positions)
    assert any(row.profit == 0 for row in day.positions)


def test_references_are_unique_and_amounts_have_at_most_six_decimals(day: Cascade) -> None:
    assert len({row.position for row in day.positions}) == len(day.positions)
    for row in day.takeovers:
        assert row.margin == row.quantity * abs(row.entry_price - row.bankruptcy_price)
        amounts = [row.margin, *(fill.quantity * (fill.price - row.bankruptcy_price) for fill in row.fills)]
        assert all(amount == round(amount, 6) for amount in amounts)
        assert all(fill.price > 0 and fill.fee >= 0 for fill in row.fills)


@pytest.mark.parametrize(("takeovers", "positions"), [(2, 22), (60, 400)])
def test_a_small_day_has_the_numbers_that_were_asked_for(takeovers: int, positions: int) -> None:
    small = cascade(takeovers=takeovers, positions=positions)
    assert len(small.takeovers) == takeovers
    assert len(small.positions) == positions
    assert any(row.result < 0 for row in small.takeovers)


def test_a_day_without_room_for_the_profitable_is_refused_with_its_numbers() -> None:
    with pytest.raises(ValueError, match="5 takeovers and 24 positions"):
        cascade(takeovers=5, positions=24)
