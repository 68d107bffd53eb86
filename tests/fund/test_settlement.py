"""Settling a cycle: what moves, what stays as it is, and what a second time does."""

from decimal import Decimal

import pytest
from django.test import override_settings

from fund import cycles, positions, rulebooks, settlement
from fund.models import Allocation, Fund
from fund.positions import PositionProfit
from ledger.models import Entry
from ledger.posting import recorded_by
from tests.builders import balance, balances, moment, move, post, refused
from tests.fund.builders import HOUR, earn, lose, open_cycle, open_fund
from tests.fund.settling import AFTER, ILLUSTRATION, assert_books_hold, figures, settle, settled, shares

pytestmark = pytest.mark.django_db


def test_the_loss_of_a_cycle_is_borne_by_fund_traders_and_nobody_else() -> None:
    with recorded_by("the clock"):
        cycle = settled(*ILLUSTRATION)

    assert shares(cycle) == {"p1": "400", "p2": "240", "p3": "120"}
    assert figures(cycle) == {
        "loss": "1000",
        "fund_paid": "240",
        "to_allocate": "800",
        "allocated": "760",
        "residue": "40",
    }
    assert (cycle.status, cycle.run, cycle.participants, cycle.settled_at) == ("settled", 1, 3, AFTER)
    assert [cycle.profit_total, cycle.participants_total, cycle.base] == [1000, 950, 1000]
    assert (balance("fund:usdt"), balance("loss:usdt"), balance("deficit:usdt")) == ("4760", "0", "0")
    assert [balance(f"trader:t{number}:USDT") for number in (1, 2, 3)] == ["-400", "-240", "-120"]
    assert Fund.objects.get().gross_payouts == 240
    entries = Entry.objects.filter(source_kind="cycle", source_id="usdt:1").order_by("id")
    assert [(entry.reference, entry.kind, entry.recorded_by) for entry in entries] == [
        ("cycle:usdt:1:1:1", "allocation", "the clock"),
        ("cycle:usdt:1:1:residue", "fund_payout", "the clock"),
    ]
    assert set(Allocation.objects.values_list("entry__reference", flat=True)) == {"cycle:usdt:1:1:1"}
    assert_books_hold()


def test_settling_again_changes_nothing_and_gives_the_same_cycle() -> None:
    cycle = settled(*ILLUSTRATION)
    before = balances()

    again = settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(20 * HOUR))

    assert (again.run, again.settled_at, figures(again)) == (1, AFTER, figures(cycle))
    assert balances() == before
    assert Allocation.objects.count() == 3


def test_a_trader_with_several_positions_has_a_line_for_each() -> None:
    open_fund(contribution="5000", selection_coverage="1")
    cycle = open_cycle()
    lose("1000")
    rows = [
        PositionProfit(position=f"p{number}", trader="ann", profit=Decimal(profit))
        for number, profit in enumerate(("500", "300"), 1)
    ]
    positions.add(cycle_id=cycle.pk, rows=[*rows, PositionProfit(position="p3", trader="bob", profit=Decimal("200"))])
    positions.complete(cycle_id=cycle.pk, count=3, total=None, completed_at=moment())

    settle(cycle)

    assert (balance("trader:ann:USDT"), balance("trader:bob:USDT")) == ("-640", "-160")
    assert Entry.objects.get(kind="allocation").lines == 4


def test_a_residue_that_the_fund_cannot_pay_is_carried() -> None:
    cycle = settled(*ILLUSTRATION, contribution="230")

    assert figures(cycle)["fund_paid"] == "230"
    assert figures(cycle)["carried"] == "10"
    assert (balance("fund:usdt"), balance("deficit:usdt"), balance("loss:usdt")) == ("0", "10", "0")
    assert Entry.objects.get(reference="cycle:usdt:1:1:residue").lines == 3
    assert_books_hold()


def test_the_funds_floor_is_left_in_it() -> None:
    cycle = settled(*ILLUSTRATION, contribution="230", fund_floor="20")

    assert figures(cycle)["carried"] == "30"
    assert balance("fund:usdt") == "20"


def test_without_a_profitable_position_all_of_the_traders_part_is_carried() -> None:
    cycle = settled("-5", "0")

    assert shares(cycle) == {}
    assert figures(cycle) == {
        "loss": "1000",
        "fund_paid": "200",
        "to_allocate": "800",
        "residue": "800",
        "carried": "800",
    }
    assert (balance("fund:usdt"), balance("deficit:usdt")) == ("4800", "800")
    assert Entry.objects.get(source_kind="cycle").kind == "deficit_carried"
    assert_books_hold()


def test_a_residue_that_is_only_carried_draws_nothing_from_the_fund() -> None:
    cycle = settled(*ILLUSTRATION, allocation_residue="carry")

    assert figures(cycle)["carried"] == "40"
    assert balance("fund:usdt") == "4800"


def test_a_cycle_without_a_loss_settles_to_nothing_even_without_positions() -> None:
    open_fund(contribution="5000")
    cycle = open_cycle()

    settle(cycle)

    cycle.refresh_from_db()
    assert (cycle.status, cycle.run, cycle.participants, figures(cycle)) == ("settled", 1, 0, {})
    assert not Entry.objects.filter(source_kind="cycle").exists()
    assert_books_hold()


def test_a_loss_that_the_fund_bore_alone_needs_no_positions() -> None:
    open_fund("full_cover", contribution="100")
    cycle = open_cycle()
    lose("150")

    settle(cycle)

    cycle.refresh_from_db()
    assert figures(cycle) == {"loss": "150", "fund_paid": "100", "carried": "50"}
    assert balance("deficit:usdt") == "50"


def test_a_minimum_levy_feeds_the_fund_and_repays_its_deficit_first() -> None:
    open_fund(
        contribution="10",
        fund_share="0.5",
        traders_share="0.5",
        selection_coverage="1",
        min_levy_rate="0.01",
        deficit_repayment="0.5",
    )
    cycle = open_cycle()
    lose("100")
    earn(cycle, "10000", "2000")

    settled_cycle = settle(cycle)

    assert figures(settled_cycle)["levy_surplus"] == "70"
    assert shares(cycle) == {"p1": "100", "p2": "20"}
    # Carried at the close: 50 less the 10 that the fund had. Half of the surplus, 35, repays it.
    assert (balance("fund:usdt"), balance("deficit:usdt"), balance("loss:usdt")) == ("35", "5", "0")
    assert Fund.objects.get().gross_injections == 70
    assert Entry.objects.get(kind="deficit_repaid").reference == "cycle:usdt:1:1:repaid"
    assert_books_hold()


def test_positions_that_are_not_complete_are_waited_for() -> None:
    open_fund(contribution="5000")
    cycle = open_cycle()
    lose("1000")
    earn(cycle, *ILLUSTRATION, complete=False)
    cycles.end_due(now=AFTER)

    with refused("positions_incomplete") as refusal:
        settle(cycle)

    assert refusal.value.detail == "usdt cycle 1 has 800 to allocate, and its positions are not complete"
    assert not Allocation.objects.exists()


def test_a_running_cycle_is_settled_early_only_with_complete_positions() -> None:
    open_fund(contribution="5000")
    cycle = open_cycle()

    with refused("cycle_not_ended"):
        settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(HOUR))
    earn(cycle, *ILLUSTRATION)

    assert settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(HOUR)).status == "settled"


def test_ready_are_ended_cycles_that_wait_for_nothing() -> None:
    open_fund(contribution="5000")
    lost, complete, idle, running = [open_cycle(hours=(start, start + 1)) for start in range(4)]
    lose("10", reference="a", at=moment(1))
    lose("10", reference="b", at=moment(HOUR + 1))
    earn(complete, "100")
    cycles.end_due(now=moment(3 * HOUR))

    assert list(settlement.ready()) == [complete, idle]
    earn(lost, "100")
    assert list(settlement.ready()) == [lost, complete, idle]
    assert running not in settlement.ready()


def test_a_late_loss_is_settled_with_the_next_cycle() -> None:
    open_fund(contribution="5000")
    first, second = open_cycle(hours=(0, 8)), open_cycle(hours=(8, 16))
    settlement.settle_cycle(cycle_id=first.pk, settled_at=moment(8 * HOUR))
    lose("1000", at=moment(7 * HOUR))
    earn(second, *ILLUSTRATION)

    settlement.settle_cycle(cycle_id=second.pk, settled_at=moment(16 * HOUR))

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.loss, second.loss) == (0, 1000)
    assert shares(second) == {"p1": "400", "p2": "240", "p3": "120"}
    assert balance("loss:usdt") == "0"


def test_a_loss_that_found_no_cycle_comes_to_the_next_one_opened() -> None:
    open_fund(contribution="5000")
    lose("1000")

    cycle = open_cycle()
    earn(cycle, *ILLUSTRATION)

    assert figures(settle(cycle))["allocated"] == "760"


def test_a_cycle_is_settled_by_the_rulebook_that_holds_in_its_last_instant() -> None:
    open_fund(contribution="5000")
    first, second = open_cycle(hours=(0, 8)), open_cycle(hours=(8, 16))
    rulebooks.publish(
        fund_code="usdt",
        preset="shared_loss",
        fields={"allocation_residue": "carry"},
        effective_from=moment(8 * HOUR),
        published_at=moment(),
        published_by="treasurer",
    )
    for number, cycle in enumerate((first, second)):
        lose("1000", reference=f"t{number}", at=cycle.starts_at)
        earn(cycle, *ILLUSTRATION)
        settle(cycle)
        cycle.refresh_from_db()

    assert first.rulebook is not None
    assert second.rulebook is not None
    assert (first.rulebook.version, second.rulebook.version) == (1, 2)
    assert (first.carried, second.carried) == (0, 40)


def test_two_funds_settle_beside_each_other() -> None:
    open_fund(contribution="5000")
    open_fund(code="usdc", contribution="5000")
    ours, theirs = open_cycle(), open_cycle(fund_code="usdc")
    lose("1000")
    lose("500", reference="t2", fund_code="usdc")
    earn(ours, *ILLUSTRATION)
    earn(theirs, *ILLUSTRATION)

    settle(ours)

    assert (balance("loss:usdt"), balance("loss:usdc")) == ("0", "400")
    settle(theirs)
    assert shares(theirs) == {"p1": "200", "p2": "120", "p3": "60"}
    assert balance("trader:t1:USDC") == "-200"


def test_more_participants_than_an_entry_has_lines_are_booked_in_several_entries() -> None:
    open_fund(contribution="50000", selection_coverage="1", decimals=2)
    cycle = open_cycle()
    lose("100000")
    count = 20_500
    earn(cycle, *(f"{1000 + number}" for number in range(count)))

    settle(cycle)

    entries = Entry.objects.filter(kind="allocation").order_by("id")
    assert [entry.lines for entry in entries] == [9998, 9998, count - 2 * 9997 + 1]
    assert Allocation.objects.filter(amount__gt=0).count() == count
    assert balance("loss:usdt") == "0"
    assert_books_hold()


@override_settings(TRADER_FLOOR=True)
def test_a_trader_who_would_fall_below_its_floor_is_named_and_nothing_is_settled() -> None:
    open_fund(contribution="5000")
    cycle = open_cycle()
    lose("1000")
    earn(cycle, *ILLUSTRATION)
    for trader, amount in (("t1", "1000"), ("t3", "120")):
        post(move(f"d-{trader}", amount, debited="custody:USDT", credited=f"trader:{trader}:USDT"))

    with refused("account_floor") as refusal:
        settle(cycle)

    assert "account trader:t2:USDT would stand at -240, below its floor 0 by 240" in refusal.value.detail
    assert not Allocation.objects.exists()
    post(move("d-t2", "240", debited="custody:USDT", credited="trader:t2:USDT"))
    assert settle(cycle).status == "settled"
    assert balance("trader:t2:USDT") == "0"
