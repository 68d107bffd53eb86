"""The posting door: what it takes, and what is in the books then."""

from dataclasses import replace

import pytest

from ledger import posting
from ledger.models import POSTINGS_PER_ENTRY, Account, Entry, Posting
from ledger.money import plain
from ledger.posting import recorded_by
from tests.builders import (
    balance,
    book_of,
    credit,
    debit,
    entry,
    moment,
    move,
    open_accounts,
    post,
)

pytestmark = pytest.mark.django_db

CUSTODY, ANN, BOB, FUND = "custody:USDT", "trader:ann:USDT", "trader:bob:USDT", "fund:usdt"


def test_balanced_entry_moves_both_accounts() -> None:
    (posted,) = post(
        entry("d1", debit(CUSTODY, "12.5"), credit(ANN, "12.5"), description="wire", source=("bank", "w1"))
    )

    assert not posted.replayed
    assert (balance(CUSTODY), balance(ANN)) == ("12.5", "12.5")
    recorded = Entry.objects.get(pk=posted.entry_id)
    assert (recorded.reference, recorded.kind, recorded.lines) == ("d1", "deposit", 2)
    assert (recorded.description, recorded.source_kind, recorded.source_id) == ("wire", "bank", "w1")
    assert recorded.effective_at == moment()
    lines = recorded.postings.order_by("id").values_list("account__code", "debit", "credit")
    assert [(code, plain(dr), plain(cr)) for code, dr, cr in lines] == [(CUSTODY, "12.5", "0"), (ANN, "0", "12.5")]
    assert [line.line for line in recorded.postings.order_by("id")] == [1, 2]


def test_entry_of_many_lines_balances_as_a_whole() -> None:
    post(entry("d1", debit(CUSTODY, "9"), credit(ANN, "2"), credit(BOB, "3"), credit(FUND, "4")))

    assert [balance(code) for code in (CUSTODY, ANN, BOB, FUND)] == ["9", "2", "3", "4"]


def test_entry_may_touch_an_account_several_times() -> None:
    post(entry("d1", debit(CUSTODY, "5"), credit(ANN, "5"), debit(ANN, "2"), credit(BOB, "2")))

    assert book_of(ANN) == [(1, "d1", "5"), (2, "d1", "3")]


def test_batch_runs_its_balances_through_in_the_order_given() -> None:
    post(move("d1", "5", debited=CUSTODY, credited=ANN))
    post(
        move("z", "10", debited=CUSTODY, credited=ANN),
        move("a", "3", debited=ANN, credited=BOB),
        move("m", "1", debited=ANN, credited=CUSTODY),
    )

    assert book_of(ANN) == [(1, "d1", "5"), (2, "z", "15"), (3, "a", "12"), (4, "m", "11")]


def test_nothing_to_post_is_nothing() -> None:
    assert posting.post([]) == []


def test_who_recorded_an_entry_is_kept() -> None:
    with recorded_by("key treasury-1"):
        (posted,) = post(move("d1", "1", debited=CUSTODY, credited=ANN))

    assert Entry.objects.get(pk=posted.entry_id).recorded_by == "key treasury-1"


def test_texts_of_any_kind_come_back_as_they_were() -> None:
    strange = 'a "quoted" \\ back, {brace} NULL é € 🚀\nnewline\ttab'
    post(replace(move(strange, "1", debited=CUSTODY, credited=ANN), description=strange, source_id=strange))

    recorded = Entry.objects.get()
    assert (recorded.reference, recorded.description, recorded.source_id) == (strange, strange, strange)


@pytest.mark.parametrize("reference", ["", "NULL", "null", "{}", '"', "\\", " ", ","])
def test_references_that_look_like_syntax_are_just_text(reference: str) -> None:
    post(move(reference, "1", debited=CUSTODY, credited=ANN), move("other", "1", debited=CUSTODY, credited=ANN))

    assert Entry.objects.filter(reference=reference).count() == 1


def test_batch_of_several_currencies_is_taken() -> None:
    open_accounts("custody:BTC", "trader:ann:BTC", currency="BTC")
    open_accounts(CUSTODY, ANN)

    posting.post(
        [
            move("d1", "1", debited=CUSTODY, credited=ANN),
            move("d2", "2", debited="custody:BTC", credited="trader:ann:BTC"),
        ]
    )

    assert (balance(ANN), balance("trader:ann:BTC")) == ("1", "2")


def test_smallest_unit_is_taken() -> None:
    post(move("d1", "0.00000001", debited=CUSTODY, credited=ANN))

    assert balance(ANN) == "0.00000001"


def test_amounts_of_thirty_digits_are_exact() -> None:
    post(move("d1", "1E+30", debited=CUSTODY, credited=ANN), move("d2", "0.00000001", debited=CUSTODY, credited=ANN))

    assert balance(ANN) == "1000000000000000000000000000000.00000001"


def test_entry_of_as_many_lines_as_there_may_be() -> None:
    lines = [credit(f"trader:t{number % 100}:USDT", "0.01") for number in range(POSTINGS_PER_ENTRY - 2)]

    (posted,) = post(entry("large", debit(CUSTODY, "99.98"), *lines))

    assert Posting.objects.filter(entry_id=posted.entry_id).count() == POSTINGS_PER_ENTRY - 1
    assert balance(CUSTODY) == "99.98"


def test_account_totals_are_the_sums_of_its_postings() -> None:
    post(
        move("d1", "10", debited=CUSTODY, credited=ANN),
        move("w1", "3", debited=ANN, credited=CUSTODY),
        move("w2", "4", debited=ANN, credited=CUSTODY),
    )

    ann = Account.objects.get(code=ANN)
    assert (plain(ann.debits), plain(ann.credits), plain(ann.balance), ann.version) == ("7", "10", "3", 3)
