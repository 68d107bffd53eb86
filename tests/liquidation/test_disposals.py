"""What the fund holds is disposed of: with a gain, with a loss, at a cost, once."""

from typing import Any

import pytest

from fund.models import Fund, InventoryMovement, Shortfall, Surplus
from tests.builders import balance, balances, refused
from tests.liquidation.holding import position, sell, taken
from tests.liquidation.venue import fill, open_venue, take_over

pytestmark = pytest.mark.django_db

FUND, CLEARING = "fund:usdt", "clearing:X-PERP:USDT"


def test_a_gain_comes_from_clearing_and_costs_come_off_it() -> None:
    open_venue("inventory_takeover")
    taken("t1", quantity="6", at_price="100")

    sell("d1", price="103", quantity="6", fee="1")

    assert (balance(FUND), balance("fees:USDT"), balance(CLEARING)) == ("1017", "1", "-18")
    assert Fund.objects.get().gross_injections == 17
    assert (position().side, position().quantity, position().carrying_price) == ("", 0, None)


def test_a_loss_is_the_funds_own() -> None:
    open_venue("inventory_takeover", fund_share="0.2", traders_share="0.8", fund_per_event_cap="1")
    taken("t1", quantity="6", at_price="100")

    sell("d1", price="95", quantity="6", fee="1")

    assert balance(FUND) == "969"
    shortfall = Shortfall.objects.get()
    assert (shortfall.source_kind, shortfall.loss, shortfall.fund_paid) == ("inventory", 31, 31)


def test_a_loss_beyond_the_fund_is_carried() -> None:
    open_venue("inventory_takeover", contribution="100")
    taken("t1", quantity="1", at_price="100")
    take_over("t2", quantity="1", at_price="99", side="short")
    fill("f2", takeover="t2", price="150", quantity="1")

    sell("d1", price="40", quantity="1")

    assert (balance(FUND), balance("deficit:usdt")) == ("0", "11")


def test_a_gain_repays_a_deficit() -> None:
    open_venue("inventory_takeover", contribution="100")
    taken("t1", quantity="1", at_price="90")
    take_over("t2", quantity="1", at_price="100")
    fill("f2", takeover="t2", price="20", quantity="1")
    take_over("t3", quantity="1", at_price="100")
    fill("f3", takeover="t3", price="70", quantity="1")
    assert balance("deficit:usdt") == "10"

    sell("d1", price="120", quantity="1")

    assert (balance("deficit:usdt"), balance(FUND)) == ("0", "20")
    assert Surplus.objects.get(source_kind="inventory").repaid == 10


def test_costs_only_with_the_price_unchanged_are_a_loss() -> None:
    open_venue("inventory_takeover")
    taken("t1", quantity="6", at_price="100")

    sell("d1", price="100", quantity="6", fee="2")

    assert (balance(FUND), balance("fees:USDT")) == ("998", "2")


def test_costs_that_the_house_bears_leave_the_fund_alone() -> None:
    open_venue("inventory_takeover", cost_policy="gross")
    taken("t1", quantity="6", at_price="100")

    sell("d1", price="100", quantity="6", fee="2")

    assert (balance(FUND), balance("treasury:USDT")) == ("1000", "-1002")


def test_a_short_is_bought_back() -> None:
    open_venue("inventory_takeover")
    taken("t1", quantity="6", at_price="100", side="short")

    sell("d1", price="98", quantity="6")

    assert balance(FUND) == "1012"


def test_no_more_than_is_held_can_be_disposed_of() -> None:
    open_venue("inventory_takeover")
    taken("t1", quantity="6", at_price="100")

    with refused("inventory_insufficient") as caught:
        sell("d1", price="103", quantity="7")

    assert "disposal of 7 exceeds what the fund holds, 6 long" in caught.value.detail
    assert not InventoryMovement.objects.filter(kind="disposed").exists()


def test_the_same_disposal_again_is_a_replay_and_another_one_is_refused() -> None:
    open_venue("inventory_takeover")
    taken("t1", quantity="6", at_price="100")
    sell("d1", price="103", quantity="2")
    before = balances()

    assert sell("d1", price="103", quantity="2", seconds=99).replayed
    assert balances() == before
    with refused("reference_reused"):
        sell("d1", price="103", quantity="3")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("price_not_positive", {"price": "0", "quantity": "1"}),
        ("quantity_not_positive", {"price": "1", "quantity": "0"}),
        ("fee_negative", {"price": "1", "quantity": "1", "fee": "-1"}),
        ("amount_precision", {"price": "1", "quantity": "1", "fee": "0.000000001"}),
    ],
)
def test_what_cannot_be_a_disposal_is_refused(code: str, told: dict[str, Any]) -> None:
    open_venue("inventory_takeover")
    taken("t1", quantity="6", at_price="100")

    with refused(code):
        sell("d1", **told)
