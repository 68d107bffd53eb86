"""The posting door: what it takes, what it refuses, and that a refusal moves nothing."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import transaction

from ledger import posting
from ledger.errors import PostingRefused
from ledger.models import POSTINGS_PER_ENTRY, Account, Entry, Posting
from ledger.money import plain
from ledger.posting import Line, recorded_by
from tests.builders import (
    balance,
    balances,
    credit,
    debit,
    entry,
    moment,
    move,
    open_accounts,
    open_currency,
    post,
    refused,
)

pytestmark = pytest.mark.django_db

CUSTODY, ANN, BOB, FUND, ENGINE = "custody:USDT", "trader:ann:USDT", "trader:bob:USDT", "fund:usdt", "engine:USDT"


def book_of(account: str) -> list[tuple[int, str, str]]:
    """Version, reference and balance after it, of every posting of an account."""
    postings = Posting.objects.filter(account__code=account).select_related("entry").order_by("version")
    return [(line.version, line.entry.reference, plain(line.balance_after)) for line in postings]


def refusals_of(error: object) -> list[tuple[int, str]]:
    assert isinstance(error, PostingRefused)
    return [(refusal.position, refusal.code) for refusal in error.refusals]


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


def test_same_entry_again_is_a_replay_and_moves_nothing() -> None:
    deposit = move("d1", "10", debited=CUSTODY, credited=ANN)
    (first,) = post(deposit)
    after = balances()

    (again,) = post(deposit)

    assert (again.entry_id, again.replayed) == (first.entry_id, True)
    assert balances() == after
    assert Entry.objects.count() == 1


def test_replay_may_write_the_same_amount_with_other_zeros() -> None:
    post(move("d1", "10", debited=CUSTODY, credited=ANN))

    (again,) = post(move("d1", "10.00", debited=CUSTODY, credited=ANN))

    assert again.replayed


def test_replay_without_a_stated_time_is_one_whatever_the_time() -> None:
    post(entry("d1", debit(CUSTODY, "1"), credit(ANN, "1"), at=moment(1), stated=False))

    (again,) = post(entry("d1", debit(CUSTODY, "1"), credit(ANN, "1"), at=moment(2), stated=False))

    assert again.replayed
    assert Entry.objects.get().effective_at == moment(1)


def test_replay_of_money_that_is_spent_meanwhile_is_still_a_replay() -> None:
    post(move("c1", "10", debited=CUSTODY, credited=FUND))
    post(move("p1", "10", debited=FUND, credited=ENGINE))

    (again,) = post(move("p1", "10", debited=FUND, credited=ENGINE))

    assert again.replayed


@pytest.mark.parametrize(
    "other",
    [
        entry("d1", debit(CUSTODY, "11"), credit(ANN, "11")),
        entry("d1", debit(CUSTODY, "10"), credit(BOB, "10")),
        entry("d1", debit(ANN, "10"), credit(CUSTODY, "10")),
        entry("d1", credit(ANN, "10"), debit(CUSTODY, "10")),
        entry("d1", debit(CUSTODY, "10"), credit(ANN, "6"), credit(ANN, "4")),
        entry("d1", debit(CUSTODY, "10"), credit(ANN, "10"), kind="fund_contribution"),
        entry("d1", debit(CUSTODY, "10"), credit(ANN, "10"), at=moment(1)),
        entry("d1", debit(CUSTODY, "10"), credit(ANN, "10"), description="other"),
        entry("d1", debit(CUSTODY, "10"), credit(ANN, "10"), source=("takeover", "t1")),
    ],
    ids=["amount", "account", "sides", "order", "lines", "kind", "time", "description", "source"],
)
def test_same_reference_for_something_else_is_refused(other: posting.Entry) -> None:
    open_accounts(CUSTODY, ANN, BOB)
    post(entry("d1", debit(CUSTODY, "10"), credit(ANN, "10")))

    with refused("reference_reused") as caught:
        posting.post([other])

    assert refusals_of(caught.value) == [(0, "reference_reused")]
    assert caught.value.status == 409
    assert "d1" in caught.value.detail


def test_same_entry_twice_in_one_call_is_posted_once() -> None:
    deposit = move("d1", "10", debited=CUSTODY, credited=ANN)

    first, second, other = post(deposit, deposit, move("d2", "1", debited=CUSTODY, credited=ANN))

    assert (first.replayed, second.replayed, other.replayed) == (False, True, False)
    assert first.entry_id == second.entry_id != other.entry_id
    assert balance(ANN) == "11"


def test_first_of_many_duplicates_in_a_large_call_is_the_one_that_counts() -> None:
    deposits = [move(f"d{number % 300}", "1", debited=CUSTODY, credited=ANN) for number in range(900)]

    posted = post(*deposits)

    assert [each.replayed for each in posted] == [number >= 300 for number in range(900)]
    assert balance(ANN) == "300"


def test_one_reference_for_two_things_in_one_call_is_refused() -> None:
    open_accounts(CUSTODY, ANN)

    with refused("reference_reused") as caught:
        posting.post([move("d1", "10", debited=CUSTODY, credited=ANN), move("d1", "11", debited=CUSTODY, credited=ANN)])

    assert refusals_of(caught.value) == [(1, "reference_reused")]
    assert Entry.objects.count() == 0


def test_batch_of_old_and_new_entries_posts_the_new_ones() -> None:
    old = move("d1", "10", debited=CUSTODY, credited=ANN)
    (before,) = post(old)

    posted = post(move("d0", "1", debited=CUSTODY, credited=ANN), old, move("d2", "2", debited=CUSTODY, credited=BOB))

    assert [each.replayed for each in posted] == [False, True, False]
    assert posted[1].entry_id == before.entry_id
    assert (balance(ANN), balance(BOB)) == ("11", "2")


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


def test_smallest_unit_is_taken() -> None:
    post(move("d1", "0.00000001", debited=CUSTODY, credited=ANN))

    assert balance(ANN) == "0.00000001"


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


def test_amounts_of_thirty_digits_are_exact() -> None:
    post(move("d1", "1E+30", debited=CUSTODY, credited=ANN), move("d2", "0.00000001", debited=CUSTODY, credited=ANN))

    assert balance(ANN) == "1000000000000000000000000000000.00000001"


@pytest.mark.parametrize("amount", ["1E+40", "1E+999", "1E+200000"])
def test_amount_beyond_the_limit_is_refused(amount: str) -> None:
    open_accounts(CUSTODY, ANN)

    with refused("amount_out_of_range") as caught:
        posting.post(
            [move("d1", "1", debited=CUSTODY, credited=ANN), move("d2", amount, debited=CUSTODY, credited=ANN)]
        )

    assert set(refusals_of(caught.value)) == {(1, "amount_out_of_range")}


def test_entry_of_as_many_lines_as_there_may_be() -> None:
    lines = [credit(f"trader:t{number % 100}:USDT", "0.01") for number in range(POSTINGS_PER_ENTRY - 2)]

    (posted,) = post(entry("large", debit(CUSTODY, "99.98"), *lines))

    assert Posting.objects.filter(entry_id=posted.entry_id).count() == POSTINGS_PER_ENTRY - 1
    assert balance(CUSTODY) == "99.98"


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


def test_refused_reference_is_free_again() -> None:
    open_accounts(CUSTODY, FUND, ENGINE)
    payout = move("p1", "1", debited=FUND, credited=ENGINE)
    with refused("account_floor"):
        posting.post([payout])

    post(move("c1", "1", debited=CUSTODY, credited=FUND))

    assert not posting.post([payout])[0].replayed


def test_account_totals_are_the_sums_of_its_postings() -> None:
    post(
        move("d1", "10", debited=CUSTODY, credited=ANN),
        move("w1", "3", debited=ANN, credited=CUSTODY),
        move("w2", "4", debited=ANN, credited=CUSTODY),
    )

    ann = Account.objects.get(code=ANN)
    assert (plain(ann.debits), plain(ann.credits), plain(ann.balance), ann.version) == ("7", "10", "3", 3)
