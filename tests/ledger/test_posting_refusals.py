"""What the posting door refuses, whom it names, and that a refusal moves nothing."""

from decimal import Decimal

import pytest
from django.db import transaction

from ledger import posting
from ledger.errors import PostingRefused
from ledger.models import POSTINGS_PER_ENTRY, Entry
from ledger.posting import Line
from tests.builders import (
    balance,
    credit,
    debit,
    entry,
    move,
    open_accounts,
    open_currency,
    refusals_of,
    refused,
)

pytestmark = pytest.mark.django_db

CUSTODY, ANN, FUND, ENGINE = "custody:USDT", "trader:ann:USDT", "fund:usdt", "engine:USDT"


def test_one_refusal_in_a_batch_takes_everything_back() -> None:
    open_accounts(CUSTODY, ANN, FUND, ENGINE)

    with refused("account_floor") as caught:
        posting.post(
            [
                move("d1", "10", debited=CUSTODY, credited=ANN),
                move("p1", "1", debited=FUND, credited=ENGINE),
                move("d2", "10", debited=CUSTODY, credited=ANN),
            ]
        )

    assert refusals_of(caught.value) == [(1, "account_floor")]
    assert Entry.objects.count() == 0


def test_every_refusal_of_a_batch_is_named() -> None:
    open_accounts(CUSTODY, ANN)
    good = move("good", "1", debited=CUSTODY, credited=ANN)

    with refused("account_unknown") as unknown:
        posting.post(
            [
                move("u1", "1", debited=CUSTODY, credited="trader:nobody:USDT"),
                good,
                move("u2", "1", debited="custody:MOON", credited=ANN),
            ]
        )
    with refused("posting_one_sided") as sides:
        posting.post([entry("s1", debit(CUSTODY, "0"), credit(ANN, "0")), good, entry("s2", debit(CUSTODY, "1"))])

    assert refusals_of(unknown.value) == [(0, "account_unknown"), (2, "account_unknown")]
    assert "trader:nobody:USDT" in unknown.value.detail
    assert set(refusals_of(sides.value)) == {(0, "posting_one_sided"), (2, "entry_lines")}
    assert Entry.objects.count() == 0


def test_unbalanced_entry_is_refused_with_both_sums() -> None:
    open_accounts(CUSTODY, ANN)

    with refused("entry_unbalanced") as caught:
        posting.post(
            [
                move("d1", "1", debited=CUSTODY, credited=ANN),
                entry("d2", debit(CUSTODY, "1"), credit(ANN, "2.5")),
            ]
        )

    assert refusals_of(caught.value) == [(1, "entry_unbalanced")]
    assert "debits 1, credits 2.5, difference 1.5" in caught.value.detail


def test_entries_that_balance_only_together_are_refused() -> None:
    open_accounts(CUSTODY, ANN)

    with refused("entry_unbalanced"):
        posting.post(
            [
                entry("d1", debit(CUSTODY, "1"), credit(ANN, "2")),
                entry("d2", debit(CUSTODY, "2"), credit(ANN, "1")),
            ]
        )


def test_refusal_names_its_entry_also_where_one_reference_begins_another() -> None:
    open_accounts(CUSTODY, ANN)

    with refused("entry_unbalanced") as caught:
        posting.post(
            [move("a", "1", debited=CUSTODY, credited=ANN), entry("a b", debit(CUSTODY, "1"), credit(ANN, "2"))]
        )

    assert refusals_of(caught.value) == [(1, "entry_unbalanced")]


def test_entry_over_two_currencies_is_refused() -> None:
    open_accounts(CUSTODY, ANN)
    open_accounts("custody:BTC", "trader:ann:BTC", currency="BTC")

    with refused("entry_mixes_currencies") as caught:
        posting.post(
            [
                move("d1", "1", debited=CUSTODY, credited=ANN),
                move("d2", "1", debited="custody:BTC", credited=ANN),
                move("d3", "1", debited="custody:BTC", credited="trader:ann:BTC"),
            ]
        )

    assert refusals_of(caught.value) == [(1, "entry_mixes_currencies")]


def test_entry_balanced_in_each_of_two_currencies_is_refused() -> None:
    open_accounts(CUSTODY, ANN)
    open_accounts("custody:BTC", "trader:ann:BTC", currency="BTC")

    with refused("entry_mixes_currencies"):
        posting.post(
            [
                entry(
                    "d1",
                    debit(CUSTODY, "1"),
                    credit(ANN, "1"),
                    debit("custody:BTC", "1"),
                    credit("trader:ann:BTC", "1"),
                )
            ]
        )


def test_amount_finer_than_the_currency_is_refused() -> None:
    open_accounts(CUSTODY, ANN)

    with refused("amount_precision") as caught:
        posting.post(
            [
                move("d1", "1", debited=CUSTODY, credited=ANN),
                move("d2", "0.000000001", debited=CUSTODY, credited=ANN),
            ]
        )

    assert refusals_of(caught.value) == [(1, "amount_precision")]


def test_precision_is_each_currencys_own() -> None:
    open_currency("JPY", decimals=0)
    open_accounts("custody:JPY", "trader:ann:JPY", currency="JPY")

    with refused("amount_precision"):
        posting.post([move("d1", "0.5", debited="custody:JPY", credited="trader:ann:JPY")])


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity", "-0"])
@pytest.mark.parametrize("side", ["debit", "credit"])
def test_amount_that_is_no_positive_number_is_refused(amount: str, side: str) -> None:
    open_accounts(CUSTODY, ANN)
    wrong = Line(ANN, debit=Decimal(amount)) if side == "debit" else Line(ANN, credit=Decimal(amount))

    with refused("posting_one_sided") as caught:
        posting.post([entry("d1", debit(CUSTODY, "1"), wrong)])

    assert refusals_of(caught.value) == [(0, "posting_one_sided")]
    assert ANN in caught.value.detail


@pytest.mark.parametrize("other", ["1", "-1", "NaN"])
def test_line_with_two_sides_is_refused(other: str) -> None:
    open_accounts(CUSTODY, ANN)

    with refused("posting_one_sided"):
        posting.post([entry("d1", Line(CUSTODY, debit=Decimal(1), credit=Decimal(other)), credit(ANN, "1"))])


@pytest.mark.parametrize("amount", ["1E+40", "1E+999", "1E+200000"])
def test_amount_beyond_the_limit_is_refused(amount: str) -> None:
    open_accounts(CUSTODY, ANN)

    with refused("amount_out_of_range") as caught:
        posting.post(
            [move("d1", "1", debited=CUSTODY, credited=ANN), move("d2", amount, debited=CUSTODY, credited=ANN)]
        )

    assert set(refusals_of(caught.value)) == {(1, "amount_out_of_range")}


@pytest.mark.parametrize("others", [0, POSTINGS_PER_ENTRY - 1])
def test_entry_of_too_few_or_too_many_lines_is_refused(others: int) -> None:
    open_accounts(CUSTODY, ANN)

    with refused("entry_lines"):
        posting.post([entry("large", debit(CUSTODY, "1"), *[credit(ANN, "1")] * others)])


def test_refusal_inside_a_larger_transaction_takes_nothing_of_it_but_the_savepoint() -> None:
    open_accounts(CUSTODY, ANN, FUND, ENGINE)
    with transaction.atomic():
        posting.post([move("d1", "10", debited=CUSTODY, credited=ANN)])
        with pytest.raises(PostingRefused), transaction.atomic():
            posting.post([move("p1", "1", debited=FUND, credited=ENGINE)])

    assert (balance(ANN), balance(FUND)) == ("10", "0")
