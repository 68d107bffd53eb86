"""The fund's own positions: taken over, averaged, marked."""

from decimal import Decimal
from fractions import Fraction

import pytest

from fund import holdings
from fund.models import Fund
from ledger.integrity import verify
from ledger.models import Entry
from ledger.money import plain
from liquidation import corrections
from liquidation.contracts import add_contract
from liquidation.inventory import dispose, mark
from liquidation.models import Fill, Takeover
from liquidation.unfilled import Next
from tests.builders import balance, balances, moment, refused
from tests.liquidation.holding import position, sell, taken
from tests.liquidation.venue import CONTRACT, figures, fill, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

FUND, ENGINE, CLEARING = "fund:usdt", "engine:USDT", "clearing:X-PERP:USDT"


def test_what_stays_unfilled_goes_to_the_fund_at_the_bankruptcy_price_and_no_money_moves() -> None:
    open_venue("inventory_takeover")
    take_over()
    fill(price="99", quantity="4")

    answer = unfilled()

    assert (answer.next, answer.quantity) == (Next.INVENTORY, Decimal(6))
    assert figures() == {"status": "closed", "result": "-4", "paid": "4"}
    assert (position().side, position().quantity, position().carrying_price) == ("long", 6, 100)
    assert not Entry.objects.filter(kind__startswith="inventory").exists()
    assert Fill.objects.get(kind="inventory").price == 100


def test_told_again_it_answers_the_same() -> None:
    open_venue("inventory_takeover")
    take_over()
    first = unfilled()
    before = balances()

    again = unfilled(seconds=99)

    assert (again.next, again.taken) == (Next.INVENTORY, first.taken)
    assert (balances(), position().quantity) == (before, 10)


def test_the_carrying_price_is_an_exact_average() -> None:
    open_venue("inventory_takeover")
    taken("t1", quantity="1", at_price="100")
    taken("t2", quantity="2", at_price="101")

    assert holdings.carrying(position()) == Fraction(302, 3)
    sell("d1", price="101", quantity="1.5")
    sell("d2", price="101", quantity="1.5")

    # 3 · (101 − 302/3) = 1, half of it each time: nothing is lost in the average.
    assert balance(FUND) == "1001"


def test_an_inverse_contract_is_averaged_harmonically() -> None:
    open_venue("inventory_takeover", kind="inverse", currency="XBT")
    taken("t1", quantity="100", at_price="10000")
    taken("t2", quantity="100", at_price="15000")

    assert holdings.carrying(position()) == 12000


def test_the_other_side_closes_what_the_fund_holds_before_it_adds() -> None:
    open_venue("inventory_takeover")
    taken("t1", quantity="4", at_price="100")

    taken("t2", quantity="6", at_price="103", side="short")

    assert (position().side, position().quantity, position().carrying_price) == ("short", 2, 103)
    assert (balance(FUND), balance(CLEARING)) == ("1012", "-12")
    assert figures("t2") == {"status": "closed"}


def test_valued_at_mark_the_fund_takes_it_at_mark_and_lifts_the_engine() -> None:
    open_venue("inventory_takeover", takeover_valuation="mark")
    take_over(margin="80", mark="104")
    mark(contract=CONTRACT, price=Decimal(97), marked_at=moment(2))

    assert unfilled().next is Next.INVENTORY

    assert figures() == {"status": "closed"}
    assert (position().carrying_price, balance(ENGINE), balance(FUND)) == (97, "0", "970")
    assert Entry.objects.get(reference="inventory_transfer:unfilled:t1").kind == "inventory_transfer"
    sell("d1", price="103", quantity="10")
    assert balance(FUND) == "1030"


@pytest.mark.parametrize(("now", "after"), [("90", "900"), ("105", "1050")])
def test_what_a_position_is_worth_when_the_fund_takes_it_is_the_funds_alone(now: str, after: str) -> None:
    """No loss that traders share, no surplus that the vault has a part in, none that a penalty comes off."""
    open_venue(
        "inventory_takeover",
        takeover_valuation="mark",
        fund_share="0.2",
        traders_share="0.8",
        surplus_split={"fund": "0.5", "vault": "0.5"},
        penalty_rate="0.01",
        inventory={"max_notional_share": "2"},
    )
    take_over(margin="80", mark="104")
    answer = unfilled(mark=now)
    assert (answer.next, answer.price) == (Next.INVENTORY, Decimal(now))
    assert unfilled(seconds=99).price == answer.price
    assert (balance(FUND), balance("loss:usdt"), balance("vault:mm:USDT")) == (after, "0", "0")

    sell("d1", price="100", quantity="10")

    assert (balance(FUND), balance("deficit:usdt"), balance(ENGINE)) == ("1000", "0", "0")
    corrections.reverse_reference("d1", reference="r1", effective_at=moment(20))
    corrections.reverse_fill("unfilled:t1", reference="r2", effective_at=moment(21))
    assert (balance(FUND), balance(CLEARING), Takeover.objects.get().status) == ("1000", "40", "open")
    fund = Fund.objects.get()
    assert (fund.gross_injections, fund.gross_payouts) == (0, 0)
    assert verify().clean


def test_what_does_not_fit_goes_to_adl() -> None:
    open_venue("inventory_takeover", contribution="1000", inventory={"max_notional_share": "0.9"})
    taken("t1", quantity="5", at_price="100")
    take_over("t2", quantity="5", at_price="100")

    answer = unfilled("t2")

    assert (answer.next, answer.quantity) == (Next.ADL, Decimal(5))
    assert position().quantity == 5


def test_exposure_and_result_at_mark_stand_beside_the_cash() -> None:
    fund = open_venue("inventory_takeover")
    taken("t1", quantity="6", at_price="100")
    (held,) = holdings.held(fund.pk)
    assert [held.exposure, held.unrealised] == [600, 0]

    mark(contract=CONTRACT, price=Decimal(97), marked_at=moment(20))

    (held,) = holdings.held(fund.pk)
    assert [held.exposure, held.unrealised] == [582, -18]
    assert balance(FUND) == "1000"


def test_the_mark_told_as_the_fund_takes_it_over_is_the_positions_mark() -> None:
    fund = open_venue("inventory_takeover")
    take_over()
    unfilled(mark="97", seconds=5)

    (held,) = holdings.held(fund.pk)

    assert (position().mark_price, position().marked_at) == (Decimal(97), moment(5))
    assert [held.exposure, held.unrealised] == [970, -30]


def test_unrealised_results_add_up_where_every_mark_is_known() -> None:
    fund = open_venue("inventory_takeover", contribution="10000")
    add_contract(
        symbol="Y-PERP",
        kind="linear",
        margin_currency="USDT",
        multiplier=Decimal(1),
        fund_code=fund.code,
        created_at=moment(),
    )
    taken("t1", quantity="3", at_price="100")
    take_over("t2", quantity="2", at_price="50", side="short", contract="Y-PERP")
    unfilled("t2")
    mark(contract="Y-PERP", price=Decimal(41), marked_at=moment(20))

    assert holdings.totals([fund.pk]) == {fund.pk: holdings.Total(Fraction(382), None)}
    mark(contract=CONTRACT, price=Decimal(97), marked_at=moment(20))
    assert holdings.totals([fund.pk]) == {fund.pk: holdings.Total(Fraction(373), Fraction(9))}


def test_a_mark_that_comes_late_does_not_replace_a_newer_one() -> None:
    open_venue("inventory_takeover")
    mark(contract=CONTRACT, price=Decimal(97), marked_at=moment(20))
    mark(contract=CONTRACT, price=Decimal(95), marked_at=moment(19))

    assert plain(position().mark_price or Decimal(0)) == "97"


def test_a_contract_must_be_known() -> None:
    open_venue("inventory_takeover")

    with refused("contract_unknown"):
        mark(contract="NOPE", price=Decimal(1), marked_at=moment())
    with refused("contract_unknown"):
        dispose(reference="d1", contract="NOPE", price=Decimal(1), quantity=Decimal(1), recorded_at=moment())
