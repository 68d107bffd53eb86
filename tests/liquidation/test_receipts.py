"""Receipts over REST: whatever they show follows from the rest of what they show."""

from collections.abc import Callable

import pytest

from ledger.models import Posting
from ledger.money import plain
from ledger.rest.models import Role
from liquidation.fills import report_fills
from tests.builders import moment
from tests.liquidation.by_hand import Told, check_by_hand
from tests.liquidation.receipt_stories import STORIES, linear_with_penalty_and_cap, loss_within_every_limit
from tests.liquidation.venue import fill, fill_report, open_venue, take_over
from tests.rest.api import client, get

pytestmark = pytest.mark.django_db


def told(reference: str = "t1") -> Told:
    document: Told = get(client(Role.AUDITOR), f"/takeovers/{reference}/receipt/")
    return document


@pytest.mark.parametrize(("story", "layers"), STORIES, ids=lambda each: getattr(each, "__name__", ""))
def test_a_receipt_is_worked_out_again_from_what_it_shows(story: Callable[[], None], layers: dict[str, str]) -> None:
    story()

    receipt = told()

    check_by_hand(receipt)
    assert {layer["name"]: layer["amount"] for layer in receipt["layers"] if layer["amount"] != "0"} == layers


def test_what_the_fund_had_is_what_its_account_says_before_the_payout() -> None:
    loss_within_every_limit()

    (line,) = Posting.objects.filter(entry__kind="fund_payout", account__code="fund:usdt")

    had = line.balance_after + line.debit
    assert [told()[name] for name in ("fund_balance", "spendable")] == [plain(had), "300"] == ["400", "300"]


def test_a_second_loss_finds_what_the_first_one_of_the_same_call_left() -> None:
    open_venue(contribution="100")
    take_over("t1")
    take_over("t2")
    report_fills([fill_report("f1", price="93"), fill_report("f2", takeover="t2", price="95")], recorded_at=moment(2))

    assert [told(each)["fund_balance"] for each in ("t1", "t2")] == ["100", "30"]


def test_an_open_takeover_shows_its_reserve_and_nothing_of_a_close() -> None:
    open_venue("pre_close_compensation", contribution="90", precompensation={"share_of_fund": "0.5"})
    take_over()
    fill(price="99", quantity="4")

    receipt = told()

    shown = ("compensation", "reserved_from", "limit_price", "released", "fund_balance", "spendable", "received")
    assert [receipt[name] for name in shown] == ["45", "90", "95.5", "0", None, None, []]


def test_whoever_gets_a_part_of_the_penalty_is_told_beside_the_rest() -> None:
    linear_with_penalty_and_cap()

    assert told()["received"] == [
        {"receiver": "fund", "penalty": "2.73", "rest": "43.51", "amount": "46.24"},
        {"receiver": "vault", "penalty": "1.63", "rest": "16.43", "amount": "18.06"},
        {"receiver": "trader", "penalty": "0", "rest": "14.01", "amount": "14.01"},
        {"receiver": "fees", "penalty": "1.08", "rest": "8.21", "amount": "9.29"},
    ]
