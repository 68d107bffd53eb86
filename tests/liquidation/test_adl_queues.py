"""The order in which counterparties are closed: the rulebook's queues, on rows of the database."""

from decimal import Decimal

import pytest

from fund.models import OpenPosition
from fund.open_positions import replace_positions
from ledger.money import plain
from liquidation.models import Takeover
from liquidation.unfilled import Next, report_unfilled
from tests.builders import moment, refused
from tests.liquidation.adl import BANKRUPTCY, open_positions, row
from tests.liquidation.venue import FUND, deleverage, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db


def queue_of(reference: str = "t1") -> list[str]:
    answer = unfilled(reference)
    assert answer.ranking is not None
    return [each.trader for each in answer.ranking.queued]


def test_what_nobody_takes_is_closed_against_the_largest_profit_first() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")

    answer = unfilled()

    assert (answer.next, answer.quantity) == (Next.ADL, Decimal(6))
    assert answer.ranking is not None
    assert [(each.trader, each.quantity) for each in answer.ranking.cut.fills] == [
        ("sue", Decimal(4)),
        ("tom", Decimal(2)),
    ]


def test_a_closed_counterparty_is_not_in_the_queue_of_the_next_takeover() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over("t1", quantity="6")
    take_over("t2", quantity="6")
    deleverage("a1", "t1", ("sue", "4", "130"), ("tom", "2", "110"))

    assert queue_of("t2") == ["tom"]
    assert {each.position: plain(each.quantity) for each in OpenPosition.objects.all()} == {"q2": "8", "q3": "5"}


def test_a_short_is_closed_against_longs() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(side="short", quantity="6")

    assert queue_of() == ["liv"]


def test_a_random_queue_is_drawn_once_and_its_seed_is_kept() -> None:
    open_venue(adl={"trigger": "unfilled", "queue": "seeded_random"})
    replace_positions(
        fund_code=FUND, rows=[row(f"q{number}", f"t{number}", "short", "1", "110") for number in range(20)]
    )
    take_over(quantity="6")

    first = queue_of()

    assert queue_of() == first
    assert Takeover.objects.get().adl_seed


def test_an_external_queue_is_the_exchanges_own_list() -> None:
    open_venue(adl={"trigger": "unfilled", "queue": "external"})
    open_positions()
    take_over(quantity="6")

    answer = report_unfilled(reference="t1", reported_at=moment(3), listed=["q2", "q1"])

    assert answer.ranking is not None
    assert [each.trader for each in answer.ranking.queued] == ["tom", "sue"]
    with refused("adl_position_unknown"):
        report_unfilled(reference="t1", reported_at=moment(3), listed=["q3"])


def test_a_queue_says_which_input_is_missing() -> None:
    open_venue(adl={"trigger": "unfilled", "queue": "pnl_rate_x_leverage"})
    open_positions()
    take_over(quantity="6")

    with refused("adl_input_missing"):
        unfilled()
