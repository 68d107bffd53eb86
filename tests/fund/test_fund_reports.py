"""A fund's day: opening, what came, what went, closing."""

from dataclasses import asdict
from datetime import datetime

import pytest

from fund.reports import period
from ledger.money import plain
from ledger.reversals import reverse
from tests.builders import moment, move, post, refused
from tests.fund.builders import HOUR, contribute, earn, lose, open_cycle, open_fund
from tests.fund.settling import ILLUSTRATION, settle

pytestmark = pytest.mark.django_db


def figures(from_: datetime, to: datetime) -> dict[str, str]:
    """Those of the period that are not 0."""
    found = asdict(period(fund_code="usdt", from_=from_, to=to))
    return {name: plain(amount) for name, amount in found.items() if amount}


def test_a_day_leads_from_its_opening_to_its_closing_with_gross_figures_beside_each_other() -> None:
    open_fund(contribution="5000")
    cycle = open_cycle()
    lose("1000", at=moment(HOUR))
    post(move("gain", "300", debited="engine:USDT", credited="fund:usdt", kind="fund_injection", at=moment(2 * HOUR)))
    earn(cycle, *ILLUSTRATION)
    settle(cycle)

    assert figures(moment(1), moment(24 * HOUR)) == {
        "opening": "5000",
        "injections": "300",
        "payouts": "240",
        "closing": "5060",
    }
    assert figures(moment(), moment(1)) == {"contributed": "5000", "closing": "5000"}
    assert figures(moment(24 * HOUR), moment(48 * HOUR)) == {"opening": "5060", "closing": "5060"}


def test_what_is_set_aside_is_still_the_funds() -> None:
    open_fund(contribution="100")
    post(move("r", "30", debited="fund:usdt", credited="fund:usdt:reserved", kind="reserve", at=moment(1)))
    post(move("p", "20", debited="fund:usdt:reserved", credited="engine:USDT", kind="fund_payout", at=moment(2)))
    post(move("q", "10", debited="fund:usdt:reserved", credited="fund:usdt", kind="release", at=moment(3)))

    assert figures(moment(1), moment(4)) == {"opening": "100", "payouts": "20", "closing": "80"}


def test_a_reversal_counts_against_what_it_reverses() -> None:
    open_fund(contribution="100")
    post(move("p", "20", debited="fund:usdt", credited="engine:USDT", kind="fund_payout", at=moment(1)))
    reverse("p", reference="r", effective_at=moment(2))

    assert figures(moment(1), moment(2))["payouts"] == "20"
    assert figures(moment(1), moment(3)) == {"opening": "100", "closing": "100"}
    assert figures(moment(2), moment(3)) == {"opening": "80", "payouts": "-20", "closing": "100"}


def test_withdrawals_repayments_and_manual_entries_have_figures_of_their_own() -> None:
    open_fund(contribution="100")
    contribute("more", "7", at=moment(1))
    post(
        move("d", "9", debited="deficit:usdt", credited="engine:USDT", kind="deficit_carried", at=moment(1)),
        move("w", "5", debited="fund:usdt", credited="treasury:USDT", kind="fund_withdrawal", at=moment(2)),
        move("b", "9", debited="fund:usdt", credited="deficit:usdt", kind="deficit_repaid", at=moment(3)),
        move("m", "2", debited="custody:USDT", credited="fund:usdt", kind="found_in_a_drawer", at=moment(4)),
    )

    assert figures(moment(1), moment(5)) == {
        "opening": "100",
        "contributed": "7",
        "withdrawn": "5",
        "repaid": "9",
        "other": "2",
        "closing": "95",
    }


def test_the_day_of_an_unknown_fund_is_not_found() -> None:
    with refused("fund_unknown"):
        period(fund_code="eur", from_=moment(), to=moment(1))
