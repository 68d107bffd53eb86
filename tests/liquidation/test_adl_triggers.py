"""When ADL is due, and when the market goes on."""

from decimal import Decimal

import pytest

from fund import transfers
from liquidation.unfilled import Next, report_unfilled
from tests.builders import balance, moment
from tests.liquidation.adl import open_positions
from tests.liquidation.venue import FUND, fill, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db


def test_with_enough_in_the_fund_the_market_goes_on() -> None:
    open_venue(contribution="60", adl={"trigger": "fund_insufficient"})
    open_positions()
    take_over(quantity="6")

    assert unfilled(mark="90").next is Next.MARKET
    assert unfilled(mark="89.99").next is Next.ADL


def test_an_empty_fund_is_insufficient_without_any_mark() -> None:
    open_venue(contribution="0", adl={"trigger": "fund_insufficient"})
    take_over(quantity="6")

    assert unfilled().next is Next.ADL


def test_a_fund_that_fell_from_its_peak_triggers() -> None:
    open_venue(contribution="100", adl={"trigger": "drawdown", "threshold": "0.3"})
    take_over("t0")
    fill("f0", takeover="t0", price="97.1")
    take_over("t1")
    assert unfilled("t1").next is Next.MARKET

    take_over("t2")
    fill("f2", takeover="t2", price="99.9")

    assert unfilled("t1").next is Next.ADL
    assert report_unfilled(reference="t1", reported_at=moment(9 * 3600)).next is Next.MARKET


def test_a_withdrawal_is_a_drawdown_but_no_result() -> None:
    def withdraw() -> None:
        transfers.request_withdrawal(
            reference="w1",
            fund_code=FUND,
            amount=Decimal(50),
            source="treasury",
            requested_by="treasurer",
            requested_at=moment(2),
        )
        transfers.approve_withdrawal(reference="w1", approved_by="boss", decided_at=moment(2))

    open_venue(contribution="100", adl={"trigger": "pnl_drawdown", "threshold": "0.3"})
    withdraw()
    take_over("t1")

    assert unfilled("t1").next is Next.MARKET


@pytest.mark.parametrize("trigger", ["fund_insufficient", "drawdown", "pnl_drawdown"])
def test_what_is_set_aside_is_neither_lost_nor_missing(trigger: str) -> None:
    open_venue("pre_close_compensation", contribution="100", adl={"trigger": trigger})
    take_over("t1")
    assert (balance("fund:usdt"), balance("fund:usdt:reserved")) == ("0", "100")

    assert unfilled("t1", mark="90").next is Next.MARKET
    # A loss of more than all of it, or all of it lost.
    if trigger == "fund_insufficient":
        assert unfilled("t1", mark="89.9").next is Next.ADL
    else:
        fill("f1", takeover="t1", price="97.1", quantity="10")
        take_over("t2")
        assert unfilled("t2", mark="100").next is Next.MARKET
        fill("f2", takeover="t2", price="99.9", quantity="10")
        take_over("t3")
        assert unfilled("t3", mark="100").next is Next.ADL


def test_what_is_set_aside_counts_as_room_for_the_takeover_it_is_for() -> None:
    open_venue("inventory_takeover", contribution="1000", precompensation={})
    take_over("t1")

    assert unfilled("t1", mark="99").next is Next.INVENTORY
