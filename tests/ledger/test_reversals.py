"""Corrections by mirrored entries."""

import pytest

from ledger.models import Entry, Posting
from ledger.reversals import reverse
from tests.builders import balance, balances, credit, debit, entry, moment, move, post, refused

pytestmark = pytest.mark.django_db

CUSTODY, ANN, BOB, FUND = "custody:USDT", "trader:ann:USDT", "trader:bob:USDT", "fund:usdt"


def lines_of(reference: str) -> list[tuple[str, str, str]]:
    rows = Posting.objects.filter(entry__reference=reference).select_related("account").order_by("id")
    return [(row.account.code, str(row.debit), str(row.credit)) for row in rows]


def test_reversal_mirrors_every_line_and_leaves_nothing() -> None:
    original = entry(
        "d1", debit(CUSTODY, "12"), credit(ANN, "7"), credit(BOB, "5"), description="wrong", source=("takeover", "t1")
    )
    (posted,) = post(original)

    reverse(posted.entry_id, reference="r1", effective_at=moment(5), description="typed twice")

    assert lines_of("r1") == [(CUSTODY, "0", "12"), (ANN, "7", "0"), (BOB, "5", "0")]
    assert [balance(code) for code in (CUSTODY, ANN, BOB)] == ["0", "0", "0"]
    reversal = Entry.objects.get(reference="r1")
    assert (reversal.kind, reversal.source_kind, reversal.source_id) == ("reversal", "takeover", "t1")
    assert (reversal.description, reversal.effective_at) == ("typed twice", moment(5))
    assert reversal.reverses_id == posted.entry_id


def test_entry_is_named_by_its_reference_too() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN))

    reverse("d1", reference="r1", effective_at=moment())

    assert Entry.objects.get(reference="r1").reverses == Entry.objects.get(reference="d1")


def test_same_reversal_again_is_a_replay() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN))
    first = reverse("d1", reference="r1", effective_at=moment())
    after = balances()

    again = reverse("d1", reference="r1", effective_at=moment())

    assert (again.entry_id, again.replayed) == (first.entry_id, True)
    assert balances() == after


def test_replay_need_not_name_the_time_that_it_never_stated() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN))
    reverse("d1", reference="r1", effective_at=moment(1), effective_stated=False)

    assert reverse("d1", reference="r1", effective_at=moment(2), effective_stated=False).replayed


def test_second_reversal_under_another_reference_is_refused() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN))
    reverse("d1", reference="r1", effective_at=moment())

    with refused("entry_already_reversed"):
        reverse("d1", reference="r2", effective_at=moment())


def test_reversal_under_the_reference_of_another_event_is_refused() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN), move("d2", "12", debited=CUSTODY, credited=ANN))

    with refused("reference_reused"):
        reverse("d1", reference="d2", effective_at=moment())


def test_reversal_of_another_entry_under_the_same_reference_is_refused() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN), move("d2", "12", debited=CUSTODY, credited=ANN))
    reverse("d1", reference="r1", effective_at=moment())

    with refused("reference_reused"):
        reverse("d2", reference="r1", effective_at=moment())


def test_reversal_of_a_reversal_is_refused() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN))
    reverse("d1", reference="r1", effective_at=moment())

    with refused("entry_is_reversal"):
        reverse("r1", reference="r2", effective_at=moment())


@pytest.mark.parametrize("unknown", [987654321, "nothing"])
def test_reversal_of_an_unknown_entry_is_refused(unknown: int | str) -> None:
    with refused("entry_unknown") as caught:
        reverse(unknown, reference="r1", effective_at=moment())

    assert caught.value.status == 404


def test_reversal_of_spent_money_is_refused_by_the_floor() -> None:
    post(
        move("c1", "100", debited=CUSTODY, credited=FUND, kind="fund_contribution"),
        move("p1", "60", debited=FUND, credited="engine:USDT", kind="fund_payout"),
    )

    with refused("account_floor") as caught:
        reverse("c1", reference="r1", effective_at=moment())

    assert "fund:usdt would stand at -60, below its floor 0 by 60" in caught.value.detail
