"""ADL: when it is due, in which order, what counterparties get, what stays open, what is kept as evidence."""

from decimal import Decimal

import pytest

from fund import transfers
from fund.models import OpenPosition
from fund.open_positions import PositionRow, replace_positions
from ledger.models import Entry
from ledger.money import plain
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.models import CounterpartyFill, Deleveraging, Fill, Takeover
from liquidation.unfilled import Next, report_unfilled
from tests.builders import balance, balances, moment, refused
from tests.liquidation.venue import CONTRACT, FUND, deleverage, figures, fill, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

BANKRUPTCY = {"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"}
CLEARING, ENGINE = "clearing:X-PERP:USDT", "engine:USDT"


def row(
    position: str, trader: str, side: str, quantity: str, entry: str, mark: str = "100", **more: str
) -> PositionRow:
    return PositionRow(
        position=position,
        trader=trader,
        contract=CONTRACT,
        side=side,
        quantity=Decimal(quantity),
        entry_price=Decimal(entry),
        mark_price=Decimal(mark),
        **{name: Decimal(value) for name, value in more.items()},
    )


def open_positions(mark: str = "100") -> None:
    """Sue has the larger profit, Tom the larger position; Liv is on the side that is taken over."""
    rows = [
        row("q1", "sue", "short", "4", "130", mark),
        row("q2", "tom", "short", "10", "110", mark),
        row("q3", "liv", "long", "5", "90", mark),
    ]
    replace_positions(fund_code=FUND, rows=rows)


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


# When ADL is due.


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


# The queues of the rulebook, on rows of the database.


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


# The venue's open positions.


def test_an_upload_replaces_all_that_was_known() -> None:
    open_venue()
    open_positions()

    assert replace_positions(fund_code=FUND, rows=[row("q9", "zoe", "long", "1", "50", margin="5")]) == 1
    assert [each.position for each in OpenPosition.objects.all()] == ["q9"]


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("positions_malformed", row("q2", "tom", "up", "1", "1")),
        ("positions_malformed", row("q2", "tom", "long", "0", "1")),
        ("name_malformed", row("q2", "to m", "long", "1", "1")),
        ("positions_malformed", row("", "tom", "long", "1", "1")),
        ("position_repeated", row("q1", "tom", "long", "1", "1")),
    ],
)
def test_a_wrong_row_leaves_the_known_positions_as_they_were(code: str, wrong: PositionRow) -> None:
    open_venue()
    open_positions()

    with refused(code):
        replace_positions(fund_code=FUND, rows=[row("q1", "sue", "short", "1", "1"), wrong])

    assert OpenPosition.objects.count() == 3
