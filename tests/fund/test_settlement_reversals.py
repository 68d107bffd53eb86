"""A settlement taken back as a whole, and made again."""

from decimal import Decimal

import pytest

from fund import positions
from fund.models import Fund
from ledger.models import Entry
from tests.builders import balance, balances, moment, move, post, refused
from tests.fund.builders import HOUR, contribute, earn, lose, open_cycle, open_fund
from tests.fund.settling import ILLUSTRATION, assert_books_hold, reverse, settle, settled, shares

DEFICIT = "deficit:usdt"

pytestmark = pytest.mark.django_db


def test_a_reversed_settlement_leaves_every_balance_as_it_was_and_its_allocations_to_be_seen() -> None:
    open_fund(contribution="230")
    cycle = open_cycle()
    lose("1000")
    earn(cycle, *ILLUSTRATION)
    before = {code: amount for code, (amount, _) in balances().items()}
    payouts = Fund.objects.get().gross_payouts
    settle(cycle)

    reversed_cycle = reverse(cycle)

    after = {code: amount for code, (amount, _) in balances().items() if not code.startswith("trader:")}
    assert after == before
    assert balance("trader:t1:USDT") == "0"
    assert (reversed_cycle.status, reversed_cycle.run, reversed_cycle.loss) == ("ended", 1, None)
    assert Fund.objects.get().gross_payouts == payouts
    assert shares(cycle) == {"p1": "400", "p2": "240", "p3": "120"}
    assert list(Entry.objects.filter(kind="reversal").order_by("id").values_list("reference", flat=True)) == [
        "r1",
        "reversal.2:r1",
    ]
    assert_books_hold()


def test_a_cycle_settled_again_after_a_reversal_is_another_run() -> None:
    cycle = settled(*ILLUSTRATION)
    reverse(cycle)
    # Booked while the settlement is taken back, it is one of the cycle's.
    lose("100", reference="t2")
    positions.discard(cycle_id=cycle.pk)
    earn(cycle, "1000")

    again = settle(cycle)

    assert (again.run, again.loss, shares(cycle), shares(cycle, run=2)) == (
        2,
        Decimal(1100),
        {"p1": "400", "p2": "240", "p3": "120"},
        {"p1": "880"},
    )
    assert Entry.objects.filter(reference="cycle:usdt:1:2:1").exists()
    assert (balance("trader:t1:USDT"), balance("loss:usdt")) == ("-880", "0")
    assert_books_hold()


def test_a_reversal_again_is_a_replay_also_after_the_next_run() -> None:
    cycle = settled(*ILLUSTRATION)
    reverse(cycle)

    assert reverse(cycle).status == "ended"
    settle(cycle)
    before = balances()
    assert reverse(cycle).status == "settled"
    assert balances() == before


def test_only_a_settled_cycle_can_be_reversed_and_under_a_reference_of_its_own() -> None:
    cycle = settled(*ILLUSTRATION)

    post(move("d1", "5", debited="custody:USDT", credited="treasury:USDT"))
    with refused("reference_reserved"):
        reverse(cycle, "cycle:usdt:1:1:1")
    with refused("reference_reused"):
        reverse(cycle, "d1")
    reverse(cycle)
    with refused("cycle_not_settled"):
        reverse(cycle, "r2")


def test_a_settlement_whose_deficit_has_been_repaid_since_is_not_reversed() -> None:
    cycle = settled("-5", contribution="0", fund_share="0", traders_share="1")
    contribute("more", "5000")
    post(move("gain", "1000", debited="fund:usdt", credited="deficit:usdt", kind="deficit_repaid"))

    with refused("account_floor"):
        reverse(cycle)

    cycle.refresh_from_db()
    assert cycle.status == "settled"


def test_a_settlement_is_taken_back_last_entry_first() -> None:
    open_fund(fund_share="0", traders_share="1", min_levy_rate="0.2", deficit_repayment="1")
    first = open_cycle(hours=(0, 2))
    lose("10")
    earn(first)
    settle(first)
    assert balance(DEFICIT) == "10"
    cycle = open_cycle(hours=(2, 4))
    lose("1", reference="t2", at=moment(3 * HOUR))
    earn(cycle, "100")
    # The levy is 20: 19 into the fund, 10 of them on to the deficit. Without these 10 the fund cannot give the 19 back.
    settle(cycle)
    assert (balance("fund:usdt"), balance(DEFICIT)) == ("9", "0")

    reverse(cycle)

    accounts = ("fund:usdt", DEFICIT, "loss:usdt", "trader:t1:USDT")
    assert [balance(account) for account in accounts] == ["0", "10", "1", "0"]
    assert_books_hold()


def test_a_cycle_that_settled_to_nothing_is_reversed_without_an_entry() -> None:
    open_fund()
    cycle = open_cycle()
    settle(cycle)

    assert reverse(cycle).status == "ended"
    assert settle(cycle).run == 2
