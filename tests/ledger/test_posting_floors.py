"""Balances that may not pass below a floor, entry by entry, inside a batch too."""

import pytest

from ledger import posting
from ledger.errors import PostingRefused
from tests.builders import (
    balance,
    book_of,
    credit,
    debit,
    entry,
    move,
    open_accounts,
    post,
    refusals_of,
    refused,
)

pytestmark = pytest.mark.django_db

CUSTODY, ANN, FUND, ENGINE = "custody:USDT", "trader:ann:USDT", "fund:usdt", "engine:USDT"


def test_every_account_that_would_pass_below_its_floor_is_named() -> None:
    open_accounts(CUSTODY, FUND, "fund:other", ENGINE)

    with refused("account_floor") as caught:
        posting.post(
            [
                move("p1", "1", debited=FUND, credited=ENGINE),
                move("c1", "1", debited=CUSTODY, credited=FUND),
                move("p2", "2", debited="fund:other", credited=ENGINE),
            ]
        )

    assert refusals_of(caught.value) == [(0, "account_floor"), (2, "account_floor")]
    assert isinstance(caught.value, PostingRefused)
    assert [refusal.account for refusal in caught.value.refusals] == [FUND, "fund:other"]


def test_payout_beyond_balance_is_refused_and_says_by_how_much() -> None:
    post(move("c1", "95", debited=CUSTODY, credited=FUND))
    open_accounts(ENGINE)

    with refused("account_floor") as caught:
        posting.post([move("p1", "120", debited=FUND, credited=ENGINE)])

    assert "fund:usdt would stand at -25, below its floor 0 by 25" in caught.value.detail


def test_payout_of_everything_leaves_zero() -> None:
    post(move("c1", "95", debited=CUSTODY, credited=FUND), move("p1", "95", debited=FUND, credited=ENGINE))

    assert balance(FUND) == "0"


def test_dip_below_the_floor_inside_a_batch_is_refused_although_its_end_is_fine() -> None:
    post(move("c1", "100", debited=CUSTODY, credited=FUND))
    open_accounts(ENGINE)

    with refused("account_floor") as caught:
        posting.post(
            [
                move("p1", "80", debited=FUND, credited=ENGINE),
                move("p2", "80", debited=FUND, credited=ENGINE),
                move("c2", "500", debited=CUSTODY, credited=FUND),
            ]
        )

    assert refusals_of(caught.value) == [(1, "account_floor")]


def test_money_that_came_in_earlier_in_the_batch_may_be_spent() -> None:
    post(move("c1", "80", debited=CUSTODY, credited=FUND), move("p1", "80", debited=FUND, credited=ENGINE))

    assert balance(FUND) == "0"


def test_lines_inside_one_entry_may_pass_below_the_floor() -> None:
    post(entry("e1", debit(FUND, "5"), credit(FUND, "8"), debit(CUSTODY, "3"), credit(ANN, "0.5"), debit(ANN, "0.5")))

    assert book_of(FUND) == [(1, "e1", "-5"), (2, "e1", "3")]


def test_floor_of_a_debit_account_holds_too() -> None:
    post(move("l1", "7", debited="loss:usdt", credited=ENGINE))

    with refused("account_floor") as caught:
        posting.post([move("a1", "8", debited=ENGINE, credited="loss:usdt")])

    assert "loss:usdt would stand at -1" in caught.value.detail


def test_account_without_floor_may_be_negative() -> None:
    post(move("w1", "8", debited=ANN, credited=CUSTODY))

    assert balance(ANN) == "-8"
