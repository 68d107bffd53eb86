"""Several connections at once, with real commits."""

from collections.abc import Callable
from threading import Thread

import pytest
from django.db import connections, transaction

from ledger.balances import balance_at, one_moment
from ledger.errors import Refused
from ledger.models import Entry
from ledger.reversals import reverse
from tests.builders import balance, moment, move, post

pytestmark = pytest.mark.usefixtures("committed_db")

CUSTODY, ANN = "custody:USDT", "trader:ann:USDT"


def at_once(*people: Callable[[], object]) -> list[object]:
    """Each on a connection of its own, all at the same time. What they returned, or the refusal they met."""
    outcomes: list[object] = [None] * len(people)

    def act(place: int, person: Callable[[], object]) -> None:
        try:
            with transaction.atomic():
                outcomes[place] = person()
        except Refused as refusal:
            outcomes[place] = refusal.code
        finally:
            connections.close_all()

    threads = [Thread(target=act, args=(place, person)) for place, person in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_two_people_reverse_the_same_entry_and_one_of_them_is_refused() -> None:
    post(move("d1", "12", debited=CUSTODY, credited=ANN))

    outcomes = at_once(
        lambda: reverse("d1", reference="by-ann", effective_at=moment()),
        lambda: reverse("d1", reference="by-bob", effective_at=moment()),
    )

    assert outcomes.count("entry_already_reversed") == 1
    assert balance(ANN) == "0"
    assert Entry.objects.filter(kind="reversal").count() == 1


def test_reads_of_one_moment_leave_out_what_is_committed_meanwhile() -> None:
    post(move("d1", "100", debited=CUSTODY, credited=ANN))

    with one_moment():
        before = balance_at(ANN)
        at_once(lambda: post(move("d2", "1", debited=CUSTODY, credited=ANN)))
        assert balance_at(ANN) == before

    assert balance(ANN) == "101"
