"""ADL: what counterparties get, what stays open, what is kept as evidence."""

from decimal import Decimal

import pytest

from ledger.models import Entry
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.models import CounterpartyFill, Deleveraging, Fill, Takeover
from liquidation.unfilled import Next
from tests.builders import balance, balances, moment, refused
from tests.liquidation.adl import BANKRUPTCY, open_positions
from tests.liquidation.venue import deleverage, figures, fill, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

CLEARING, ENGINE = "clearing:X-PERP:USDT", "engine:USDT"


def test_counterparties_realise_their_profit_at_the_bankruptcy_price_and_the_fund_does_not_move() -> None:
    open_venue(adl=BANKRUPTCY, contribution="0")
    open_positions()
    take_over(quantity="6", margin="60")

    deleverage("a1", "t1", ("sue", "4", "130"), ("tom", "2", "110"))

    assert figures() == {"status": "closed"}
    assert (balance("trader:sue:USDT"), balance("trader:tom:USDT"), balance(CLEARING)) == ("120", "20", "-80")
    assert (balance(ENGINE), balance("fund:usdt")) == ("0", "0")
    assert Entry.objects.filter(kind="adl").count() == 1


def test_a_counterparty_with_a_loss_pays_it_to_clearing() -> None:
    open_venue(adl=BANKRUPTCY)
    take_over(quantity="6")

    deleverage("a1", "t1", ("sue", "4", "130"), ("tom", "2", "90"))

    assert (balance("trader:sue:USDT"), balance("trader:tom:USDT"), balance(CLEARING)) == ("120", "-20", "-100")


def test_partial_adl_leaves_the_rest_open_and_later_events_close_it() -> None:
    open_venue(adl=BANKRUPTCY)
    take_over(quantity="6")

    deleverage("a1", "t1", ("sue", "4", "130"))
    assert figures() == {"status": "open", "remaining": "2"}

    fill(price="98", quantity="2")
    assert figures() == {"status": "closed", "result": "-4", "paid": "4"}


def test_at_mark_the_engine_bears_the_difference_to_the_bankruptcy_price() -> None:
    open_venue(adl={**BANKRUPTCY, "price": "mark"})
    open_positions(mark="95")
    take_over(quantity="6")

    deleverage("a1", "t1", ("sue", "4", "130"), ("tom", "2", "110"))

    assert figures() == {"status": "closed", "result": "-30", "paid": "30"}
    assert (balance("trader:sue:USDT"), balance("trader:tom:USDT")) == ("140", "30")


def test_at_mark_without_a_mark_it_is_refused() -> None:
    open_venue(adl={**BANKRUPTCY, "price": "mark"})
    take_over(quantity="6")

    with refused("mark_price_missing"):
        deleverage("a1", "t1", ("sue", "4", "130"))


def test_the_averted_loss_is_a_memo_and_no_money() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions(mark="93")
    take_over(quantity="6")

    deleverage("a1", "t1", ("sue", "4", "130"))

    assert Takeover.objects.get().adl_averted == 28
    assert balance("fund:usdt") == "1000"


def test_the_queue_is_kept_down_to_the_cut_with_its_inputs() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="3")

    deleverage("a1", "t1", ("sue", "3", "130"))

    kept = Deleveraging.objects.get().queue
    assert (kept["queue"], kept["length"], kept["left"]) == ("profit_amount", 2, "0")
    assert kept["rows"] == [
        {
            "rank": 1,
            "position": "q1",
            "trader": "sue",
            "quantity": "4",
            "entry_price": "130",
            "mark_price": "100",
            "margin": None,
            "wallet": None,
            "profit": "120",
            "score": "120",
            "closes": "3",
        }
    ]


def test_the_entry_price_of_a_known_position_need_not_be_told() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")

    report_adl(
        reference="a1",
        takeover="t1",
        fills=[Counterparty(trader="sue", quantity=Decimal(4))],
        recorded_at=moment(4),
    )

    assert balance("trader:sue:USDT") == "120"
    with refused("adl_entry_price_missing"):
        report_adl(
            reference="a2",
            takeover="t1",
            fills=[Counterparty(trader="who", quantity=Decimal(1))],
            recorded_at=moment(4),
        )


def test_the_same_event_again_is_a_replay_and_another_one_is_refused() -> None:
    open_venue(adl=BANKRUPTCY)
    take_over(quantity="6")
    deleverage("a1", "t1", ("sue", "4", "130"))
    before = balances()

    assert deleverage("a1", "t1", ("sue", "4", "130"), seconds=9).replayed
    assert balances() == before
    with refused("reference_reused"):
        deleverage("a1", "t1", ("sue", "3", "130"))
    with refused("reference_reused"):
        deleverage("a1", "t1", ("sue", "4", "130"), ("tom", "1", "110"))


def test_a_fill_and_an_event_cannot_share_a_reference() -> None:
    open_venue(adl=BANKRUPTCY)
    take_over(quantity="6")
    fill("f1", price="100", quantity="1")
    deleverage("a1", "t1", ("sue", "4", "130"))

    with refused("reference_reused"):
        deleverage("f1", "t1", ("sue", "1", "130"))
    with refused("reference_reused"):
        fill("a1", price="100", quantity="1")


@pytest.mark.parametrize(
    ("code", "closed"),
    [
        ("adl_fills_missing", []),
        ("fill_exceeds_remaining", [("sue", "4", "130"), ("tom", "3", "110")]),
        ("quantity_not_positive", [("sue", "0", "130")]),
        ("price_not_positive", [("sue", "1", "0")]),
        ("name_malformed", [("sue:x", "1", "130")]),
    ],
)
def test_what_cannot_be_adl_is_refused(code: str, closed: list[tuple[str, str, str]]) -> None:
    open_venue(adl=BANKRUPTCY)
    take_over(quantity="6")

    with refused(code):
        deleverage("a1", "t1", *closed)

    assert not CounterpartyFill.objects.exists()
    assert not Fill.objects.exists()


def test_a_rulebook_without_adl_takes_none() -> None:
    open_venue(adl=None)
    take_over(quantity="6")

    with refused("adl_not_in_rulebook"):
        deleverage("a1", "t1", ("sue", "4", "130"))
    assert unfilled().next is Next.MARKET


def test_thousands_of_counterparties_are_several_entries_and_one_event() -> None:
    open_venue(adl=BANKRUPTCY)
    take_over(quantity="4001")

    deleverage("a1", "t1", *((f"trader{number}", "1", "101") for number in range(4001)))

    assert Entry.objects.filter(kind="adl").count() == 2
    assert (balance(CLEARING), balance(ENGINE)) == ("-4001", "0")
    assert CounterpartyFill.objects.exclude(entry=None).count() == 4001
