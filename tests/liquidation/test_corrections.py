"""Reversals of fills, closes and takeovers: all is as if it had not been, and later events work."""

from decimal import Decimal

import pytest

from fund import positions, settlement
from fund.models import Cycle
from fund.positions import PositionProfit
from ledger.models import Entry
from liquidation import corrections
from liquidation.closes import close_takeover
from liquidation.models import Correction, Takeover
from tests.builders import balance, balances, moment, refused
from tests.liquidation.correction import amounts, clean, gross, reverse_fill
from tests.liquidation.venue import deleverage, figures, fill, open_cycle, open_venue, take_over

pytestmark = pytest.mark.django_db

FUND, ENGINE, DEFICIT = "fund:usdt", "engine:USDT", "deficit:usdt"


@pytest.mark.parametrize("price", ["99", "101", "85"])
def test_reversing_the_last_fill_opens_the_takeover_and_leaves_no_trace_in_the_balances(price: str) -> None:
    open_venue(contribution="100", penalty_rate="0.001")
    take_over(margin="60")
    before, totals = amounts(), gross()
    fill(price=price, fee="1")

    reverse_fill()

    assert figures() == {"status": "open", "remaining": "10"}
    assert (amounts(), gross()) == (before, totals)
    assert clean()


def test_a_correct_fill_after_it_closes_the_takeover_as_if_it_were_the_first() -> None:
    open_venue()
    take_over()
    fill("wrong", price="99")
    reverse_fill("wrong")

    fill("right", price="101")

    assert figures() == {"status": "closed", "result": "10", "injected": "10"}
    assert (balance(FUND), balance(ENGINE)) == ("1010", "0")
    assert Entry.objects.filter(reference="close.2:t1").exists()
    assert clean()


def test_reversing_one_of_several_fills_leaves_the_others() -> None:
    open_venue()
    take_over()
    fill("f1", price="98", quantity="4", fee="1")
    fill("f2", price="103", quantity="6")

    reverse_fill("f1")

    takeover = Takeover.objects.get()
    assert (takeover.remaining, takeover.running_result, takeover.costs, takeover.notional) == (4, 18, 0, 618)
    assert balance(ENGINE) == "18"
    assert clean()


def test_a_fill_that_posted_nothing_is_reversed_all_the_same() -> None:
    open_venue()
    take_over()
    fill(price="100", quantity="4")

    corrected = reverse_fill()

    assert corrected.entry_id is None
    assert figures() == {"status": "open", "remaining": "10"}
    assert clean()


def test_a_reversal_mirrors_every_line_and_names_what_it_reverses() -> None:
    open_venue()
    take_over()
    fill(price="99")

    reverse_fill()

    reversals = Entry.objects.filter(kind="reversal").order_by("id")
    assert [entry.reference for entry in reversals] == ["reversal.2:r1", "r1"]
    assert [entry.reverses.reference for entry in reversals if entry.reverses] == ["close:t1", "fill:f1"]


def test_the_same_correction_again_is_a_replay() -> None:
    open_venue()
    take_over()
    fill(price="99")
    reverse_fill()
    before = balances()

    assert reverse_fill(seconds=99).replayed
    assert balances() == before
    assert Correction.objects.count() == 1


def test_a_correction_cannot_stand_for_another_one() -> None:
    open_venue()
    take_over()
    fill("f1", price="99", quantity="5")
    fill("f2", price="99", quantity="5")
    reverse_fill("f1")

    with refused("reference_reused"):
        reverse_fill("f2")
    with refused("entry_already_reversed"):
        reverse_fill("f1", by="r2")
    with refused("fill_unknown"):
        reverse_fill("f9")


def test_reversing_a_close_keeps_the_fills_and_it_can_be_closed_again_by_the_same_rulebook() -> None:
    open_venue()
    take_over()
    fill(price="99")

    corrections.reverse_close("t1", reference="r1", effective_at=moment(20))

    assert Takeover.objects.get().status == "open"
    assert (balance(ENGINE), balance(FUND)) == ("-10", "1000")
    assert clean()
    close_takeover(reference="t1", closed_at=moment(30))
    assert figures() == {"status": "closed", "result": "-10", "paid": "10"}
    assert gross() == [Decimal(0), Decimal(10)]
    assert clean()


def test_a_close_of_an_open_takeover_cannot_be_reversed() -> None:
    open_venue()
    take_over()

    with refused("takeover_not_closed"):
        corrections.reverse_close("t1", reference="r1", effective_at=moment(20))


@pytest.mark.parametrize("price", ["99", "101", "85"])
def test_reversing_a_takeover_gives_the_margin_back_and_ends_it(price: str) -> None:
    open_venue("pre_close_compensation", contribution="100", precompensation={"per_takeover_cap": "20"})
    before = amounts()
    take_over(margin="60")
    fill("f1", price=price, quantity="4", fee="1")
    fill("f2", price=price, quantity="6")

    corrections.reverse_takeover("t1", reference="r1", effective_at=moment(20))

    assert amounts() == before
    assert figures() == {"status": "reversed", "remaining": "10"}
    with refused("takeover_reversed"):
        fill("f3", price="100")
    with refused("entry_already_reversed"):
        corrections.reverse_takeover("t1", reference="r2", effective_at=moment(30))
    assert clean()


def test_reversing_a_deficit_needs_the_repayment_reversed_first() -> None:
    open_venue(contribution="100")
    take_over()
    fill(price="85")
    take_over("t2")
    fill("f2", takeover="t2", price="108")
    assert (balance(FUND), balance(DEFICIT)) == ("30", "0")

    with refused("account_floor"):
        reverse_fill("f1")

    reverse_fill("f2", by="r2")
    reverse_fill("f1", by="r1")
    fill("f3", takeover="t2", price="108")
    assert (balance(FUND), balance(DEFICIT)) == ("180", "0")
    assert clean()


def test_an_injection_that_the_fund_has_spent_cannot_be_taken_back() -> None:
    open_venue(contribution="0")
    take_over()
    fill(price="105")
    take_over("t2")
    fill("f2", takeover="t2", price="97")

    with refused("account_floor"):
        reverse_fill("f1")


def test_leftover_margin_at_mark_is_there_again() -> None:
    open_venue(takeover_valuation="mark")
    take_over(margin="80", mark="104")
    fill("f1", price="103", quantity="3")
    fill("f2", price="99", quantity="7")

    reverse_fill("f1")

    assert (Takeover.objects.get().leftover, balance(ENGINE)) == (12, "5")
    assert clean()
    fill("f3", price="103", quantity="3")
    assert figures() == {"status": "closed", "result": "2", "injected": "2"}
    assert clean()


def test_reversing_adl_gives_the_counterparties_profit_back() -> None:
    open_venue(adl={"trigger": "unfilled"})
    take_over(quantity="4002", mark="99")
    deleverage("a1", "t1", *((f"trader{number}", "1", "101") for number in range(4001)))
    fill("f1", price="100", quantity="1")
    assert Takeover.objects.get().adl_averted == 4001

    reverse_fill("a1")

    assert amounts() == {FUND: 1000, "treasury:USDT": -1000}
    assert Takeover.objects.get().adl_averted == 0
    assert figures() == {"status": "open", "remaining": "4001"}
    assert clean()


def test_a_loss_of_a_settled_cycle_is_corrected_once_the_settlement_is_reversed() -> None:
    open_venue("shared_loss")
    cycle = open_cycle(ends=10)
    take_over()
    fill(price="90")
    positions.add(
        cycle_id=cycle.pk,
        rows=[PositionProfit(position="p1", trader="bob", profit=Decimal(500))],
    )
    positions.complete(cycle_id=cycle.pk, count=None, total=None, completed_at=moment(11))
    settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(12))

    with refused("cycle_settled"):
        reverse_fill()

    settlement.reverse_cycle(cycle_id=cycle.pk, reference="r0", effective_at=moment(20))
    reverse_fill()
    assert Cycle.objects.get().status == "ended"
    assert settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(30)).loss == 0
    assert clean()
