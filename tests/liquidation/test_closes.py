"""What becomes of a takeover's result: every layer of a loss, every receiver of a surplus, deficits and cycles."""

import pytest

from fund.models import Fund, Shortfall, Surplus
from ledger.models import Entry
from ledger.money import plain
from liquidation.closes import close_takeover
from liquidation.models import Takeover
from tests.builders import balance, balances, moment, refused
from tests.liquidation.venue import figures, fill, open_cycle, open_venue, publish, take_over

pytestmark = pytest.mark.django_db

FUND, DEFICIT, ENGINE, LOSS, TREASURY = "fund:usdt", "deficit:usdt", "engine:USDT", "loss:usdt", "treasury:USDT"


def close_at(price: str, reference: str = "t1") -> None:
    take_over(reference)
    fill(f"f-{reference}", takeover=reference, price=price)


def kinds(reference: str = "t1") -> list[str]:
    return list(Entry.objects.filter(source_id=reference).order_by("id").values_list("kind", flat=True))


def test_the_fund_pays_a_loss_as_a_whole_where_it_can() -> None:
    open_venue()

    close_at("99")

    assert figures() == {"status": "closed", "result": "-10", "paid": "10"}
    assert (balance(FUND), balance(ENGINE)) == ("990", "0")
    assert kinds() == ["close_fill", "fund_payout"]


def test_what_the_fund_cannot_pay_is_carried() -> None:
    open_venue(contribution="100")

    close_at("85")

    assert figures() == {"status": "closed", "result": "-150", "paid": "100", "carried": "50"}
    assert (balance(FUND), balance(DEFICIT)) == ("0", "50")


def test_an_empty_fund_carries_all_of_it_by_an_entry_of_that_name() -> None:
    open_venue(contribution="0")

    close_at("99")

    assert kinds() == ["close_fill", "deficit_carried"]
    assert balance(DEFICIT) == "10"


def test_the_fund_stops_at_its_floor() -> None:
    open_venue(contribution="100", fund_floor="60")

    close_at("85")

    assert figures() == {"status": "closed", "result": "-150", "paid": "40", "carried": "110"}
    assert balance(FUND) == "60"


def test_one_takeover_draws_no_more_than_the_cap() -> None:
    open_venue(fund_per_event_cap="30")

    close_at("95")

    assert figures() == {"status": "closed", "result": "-50", "paid": "30", "carried": "20"}


def test_the_treasury_pays_what_the_fund_cannot_where_the_rulebook_says_so() -> None:
    open_venue(contribution="100", fund_unpaid="treasury")

    close_at("85")

    assert figures() == {"status": "closed", "result": "-150", "paid": "100", "treasury_paid": "50"}
    assert (balance(FUND), balance(TREASURY), balance(DEFICIT)) == ("0", "-150", "0")


def test_traders_bear_what_the_fund_cannot_where_the_rulebook_says_so() -> None:
    open_venue(contribution="100", fund_unpaid="shift_to_traders")

    close_at("85")

    assert figures() == {"status": "closed", "result": "-150", "paid": "100", "to_allocate": "50"}
    assert balance(LOSS) == "50"


def test_fund_and_traders_share_a_loss_and_the_cycle_has_it() -> None:
    open_venue("shared_loss", contribution="5000")
    cycle = open_cycle()

    close_at("90")

    assert figures() == {"status": "closed", "result": "-100", "paid": "20", "to_allocate": "80"}
    assert Shortfall.objects.get().cycle == cycle


def test_what_nobody_is_named_for_is_carried() -> None:
    open_venue(fund_share="0.5", traders_share="0.3")

    close_at("90")

    assert figures() == {"status": "closed", "result": "-100", "paid": "50", "to_allocate": "30", "carried": "20"}


def test_a_loss_after_the_cycle_goes_to_the_next_one_that_is_open() -> None:
    open_venue("shared_loss")
    open_cycle(1, starts=0, ends=10)
    second = open_cycle(2, starts=10, ends=20)

    take_over()
    fill(price="90", seconds=12)

    assert Shortfall.objects.get().cycle == second


def test_a_loss_without_a_cycle_waits_for_the_next_that_opens() -> None:
    open_venue("shared_loss")
    close_at("90")
    assert Shortfall.objects.get().cycle is None

    cycle = open_cycle()

    assert Shortfall.objects.get().cycle == cycle


def test_penalty_fund_vault_trader_and_fees_share_a_surplus_to_the_last_unit() -> None:
    open_venue(
        decimals=2,
        penalty_rate="0.01",
        penalty_split={"fund": "0.5", "fees": "0.5"},
        surplus_split={"fund": "0.4", "vault": "0.3", "trader": "0.2", "fees": "0.1"},
    )

    close_at("110.111")

    # 101.11 booked; penalty 1 % of 1,101.11; of the residual 90.10 each part is floored, the rest is the fund's.
    assert figures() == {
        "status": "closed",
        "result": "101.11",
        "penalty": "11.01",
        "injected": "36.04",
        "to_vault": "27.03",
        "to_trader": "18.02",
        "to_fees": "9.01",
    }
    assert kinds() == ["close_fill", "penalty", "fund_injection"]
    assert (balance(ENGINE), balance("trader:ann:USDT"), balance("vault:mm:USDT")) == ("0", "18.02", "27.03")


def test_a_penalty_takes_no_more_than_there_is() -> None:
    open_venue(penalty_rate="0.5")

    close_at("101")

    assert figures() == {"status": "closed", "result": "10", "penalty": "10"}
    assert kinds() == ["close_fill", "penalty"]
    assert balance(FUND) == "1010"


def test_of_a_loss_there_is_no_penalty() -> None:
    open_venue(penalty_rate="0.5")

    close_at("99")

    assert figures() == {"status": "closed", "result": "-10", "paid": "10"}


def test_an_injection_is_capped_by_the_notional_of_all_fills_and_the_trader_gets_the_rest() -> None:
    open_venue(injection_cap_rate="0.005")
    take_over()
    fill("f1", price="101", quantity="4")
    fill("f2", price="102", quantity="6")

    # 0.005 · (404 + 612)
    assert figures() == {"status": "closed", "result": "16", "injected": "5.08", "to_trader": "10.92"}


def test_an_injection_repays_the_deficit_first_and_counts_in_full() -> None:
    open_venue(contribution="0", deficit_repayment="0.5")
    close_at("97")
    close_at("104", "t2")

    assert figures("t2") == {"status": "closed", "result": "40", "injected": "40"}
    assert (balance(DEFICIT), balance(FUND)) == ("10", "20")
    assert Surplus.objects.get().repaid == 20
    fund = Fund.objects.get()
    assert (plain(fund.gross_injections), plain(fund.gross_payouts)) == ("40", "0")


def test_a_repayment_never_exceeds_the_deficit() -> None:
    open_venue(contribution="0")
    close_at("97")
    close_at("110", "t2")

    assert (balance(DEFICIT), balance(FUND)) == ("0", "70")
    assert kinds("t2") == ["close_fill", "fund_injection", "deficit_repaid"]


def test_gains_and_losses_of_takeovers_are_not_netted() -> None:
    open_venue()
    close_at("97")
    close_at("104", "t2")

    fund = Fund.objects.get()
    assert (plain(fund.gross_injections), plain(fund.gross_payouts)) == ("40", "30")


def test_a_takeover_closes_under_the_rulebook_that_it_began_under() -> None:
    open_venue()
    take_over()
    publish("full_cover", at=moment(2), fund_share="0")

    fill(price="99", seconds=5)

    assert figures() == {"status": "closed", "result": "-10", "paid": "10"}


def test_closing_what_is_not_filled_is_refused() -> None:
    open_venue()
    take_over()
    fill(price="101", quantity="4")

    with refused("takeover_not_filled"):
        close_takeover(reference="t1", closed_at=moment(9))


def test_closing_what_is_closed_changes_nothing() -> None:
    open_venue()
    close_at("99")
    before = balances()

    takeover = close_takeover(reference="t1", closed_at=moment(99))

    assert takeover.closed_at == moment(2)
    assert balances() == before
    assert Takeover.objects.get().closes == 1


def test_an_unknown_takeover_cannot_be_closed() -> None:
    open_venue()

    with refused("takeover_unknown"):
        close_takeover(reference="nope", closed_at=moment(9))
