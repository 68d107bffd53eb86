"""Pre-close compensation: set aside before the close, used by a loss, released at the end."""

from decimal import Decimal

import pytest

from fund.models import Fund, Shortfall
from ledger.models import Entry
from liquidation.models import Takeover
from tests.builders import balance
from tests.liquidation.venue import deleverage, figures, fill, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

FUND, RESERVED, ENGINE = "fund:usdt", "fund:usdt:reserved", "engine:USDT"
TEN_EACH = {"per_takeover_cap": "10", "share_of_fund": "1"}


def kinds() -> list[str]:
    return list(Entry.objects.filter(source_id="t1").order_by("id").values_list("kind", flat=True))


def test_the_budget_is_set_aside_and_sets_the_limit_price() -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation=TEN_EACH)

    take_over()

    takeover = Takeover.objects.get()
    assert (takeover.compensation, takeover.limit_price) == (10, 99)
    assert (balance(FUND), balance(RESERVED)) == ("90", "10")


def test_a_short_has_its_limit_above() -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation=TEN_EACH)

    take_over(side="short")

    assert Takeover.objects.get().limit_price == 101


def test_the_limit_stands_on_a_tick_on_the_side_of_the_bankruptcy_price() -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation=TEN_EACH, tick="0.4")

    take_over()

    assert Takeover.objects.get().limit_price == Decimal("99.2")


def test_the_used_part_is_spent_and_the_rest_goes_back() -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation=TEN_EACH)
    take_over()

    fill(price="99.5")

    assert figures() == {"status": "closed", "result": "-5", "paid": "5"}
    assert (balance(FUND), balance(RESERVED), balance(ENGINE)) == ("95", "0", "0")
    assert kinds() == ["reserve", "close_fill", "fund_payout", "release"]
    assert Shortfall.objects.get().reserved_used == 5
    assert Fund.objects.get().gross_payouts == 5


def test_all_of_it_is_used_at_the_limit() -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation=TEN_EACH)
    take_over()

    fill(price="99")

    assert figures() == {"status": "closed", "result": "-10", "paid": "10"}
    assert kinds() == ["reserve", "close_fill", "fund_payout"]


def test_beyond_the_limit_the_fund_pays_on() -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation=TEN_EACH)
    take_over()

    fill(price="98")

    assert figures() == {"status": "closed", "result": "-20", "paid": "20"}
    assert (Shortfall.objects.get().fund_paid, balance(FUND)) == (10, "80")


def test_a_profit_releases_all_of_it_and_comes_on_top() -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation=TEN_EACH)
    take_over()

    fill(price="101")

    assert figures() == {"status": "closed", "result": "10", "injected": "10"}
    assert (balance(FUND), balance(RESERVED)) == ("110", "0")


def test_closed_by_adl_all_of_it_is_released() -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation=TEN_EACH)
    take_over()
    unfilled()

    deleverage("a1", "t1", ("sue", "10", "130"))

    assert (balance(FUND), balance(RESERVED)) == ("100", "0")
    assert figures() == {"status": "closed"}


def test_an_empty_fund_compensates_nothing_and_the_limit_is_the_bankruptcy_price() -> None:
    open_venue("pre_close_compensation", contribution="0")

    take_over()

    takeover = Takeover.objects.get()
    assert (takeover.compensation, takeover.limit_price) == (0, 100)
    assert kinds() == []


def test_what_is_set_aside_for_one_is_not_there_for_another() -> None:
    open_venue(
        "pre_close_compensation", contribution="30", precompensation={"per_takeover_cap": "20", "share_of_fund": "1"}
    )

    take_over("t1")
    take_over("t2")

    assert [takeover.compensation for takeover in Takeover.objects.order_by("id")] == [20, 10]
    fill("f1", takeover="t1", price="97")
    assert figures("t1") == {"status": "closed", "result": "-30", "paid": "20", "carried": "10"}
    assert (balance(FUND), balance(RESERVED)) == ("0", "10")
