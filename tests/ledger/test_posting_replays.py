"""One reference, one event: replays, and references that stand for something else."""

import pytest

from ledger import posting
from ledger.models import Entry
from tests.builders import (
    balance,
    balances,
    credit,
    debit,
    entry,
    moment,
    move,
    open_accounts,
    post,
    refusals_of,
    refused,
)

pytestmark = pytest.mark.django_db

CUSTODY, ANN, BOB, FUND, ENGINE = "custody:USDT", "trader:ann:USDT", "trader:bob:USDT", "fund:usdt", "engine:USDT"


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


def test_refused_reference_is_free_again() -> None:
    open_accounts(CUSTODY, FUND, ENGINE)
    payout = move("p1", "1", debited=FUND, credited=ENGINE)
    with refused("account_floor"):
        posting.post([payout])

    post(move("c1", "1", debited=CUSTODY, credited=FUND))

    assert not posting.post([payout])[0].replayed
