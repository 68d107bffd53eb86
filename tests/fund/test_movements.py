"""Movements of a fund planned in one transaction: each finds what the earlier ones leave, all are posted at once."""

from decimal import Decimal
from fractions import Fraction
from threading import Thread

import pytest
from django.db import connections, transaction

from config.scratch import DatabaseUrls
from fund import rulebooks
from fund.models import Fund, RulebookVersion, Shortfall, Surplus
from fund.movements import Movements
from fund.planning import Cause
from ledger.errors import EntryRefusal, PostingRefused
from ledger.models import Entry
from ledger.posting import post as post_alone
from ledger.transactions import ATTEMPTS, Outdated, retried
from tests.builders import balance, credit, debit, entry, moment, move, open_accounts
from tests.liquidation.venue import open_venue

FUND, ENGINE, DEFICIT = "fund:usdt", "engine:USDT", "deficit:usdt"


def cause(name: str, *, run: int = 1) -> Cause:
    return Cause(kind="takeover", id=name, noun="close", run=run, effective_at=moment(5))


def version(fund: Fund) -> RulebookVersion:
    return rulebooks.in_force(fund, moment(5))


def gain(movements: Movements, fund: Fund, name: str, result: str) -> Surplus:
    return movements.absorb_surplus(
        fund_id=fund.pk,
        version=version(fund),
        result=Decimal(result),
        notional=Fraction(0),
        trader="ann",
        cause=cause(name),
    )


def lose(movements: Movements, fund: Fund, name: str, loss: str) -> Shortfall:
    return movements.cover_shortfall(
        fund_id=fund.pk, version=version(fund), loss=Decimal(loss), reserved=Decimal(0), cause=cause(name)
    )


@pytest.mark.django_db
def test_each_movement_finds_what_the_earlier_ones_leave() -> None:
    fund = open_venue(contribution="10")
    movements = Movements()
    with transaction.atomic():
        movements.lock([fund.pk])

        first, second, third = (
            lose(movements, fund, "t1", "30"),
            gain(movements, fund, "t2", "25"),
            lose(movements, fund, "t3", "8"),
        )
        assert Entry.objects.filter(source_kind="takeover").count() == 0
        movements.post()

    assert (first.fund_paid, first.carried) == (10, 20)
    assert (second.injected, second.repaid) == (25, 20)
    assert (third.fund_paid, third.carried) == (5, 3)
    assert (balance(FUND), balance(DEFICIT), balance(ENGINE)) == ("0", "3", "13")
    assert [row.entry.reference for row in Shortfall.objects.order_by("id")] == ["close:t1", "close:t3"]


@pytest.mark.django_db
def test_entries_of_the_caller_are_posted_in_their_place() -> None:
    fund = open_venue(contribution="10")
    open_accounts("custody:USDT", "trader:ann:USDT")
    movements = Movements()
    with transaction.atomic():
        movements.lock([fund.pk])
        own = movements.add(move("own", "5", debited="custody:USDT", credited="trader:ann:USDT"))
        lose(movements, fund, "t1", "3")
        movements.post()

    assert Entry.objects.get(pk=own.entry_id).reference == "own"
    assert Entry.objects.get(reference="close:t1").pk > own.entry_id


def test_references_of_runs_and_of_what_stands_beside_never_meet() -> None:
    ids = ("t1", "2:t1", "t1:2", "penalty:t1", "close:t1")
    references = [
        cause(name, run=run).reference(beside) for name in ids for run in (1, 2) for beside in ("", "penalty", "repaid")
    ]

    assert len(set(references)) == len(references)


@pytest.mark.django_db
def test_nothing_planned_posts_nothing() -> None:
    fund = open_venue()
    movements = Movements()
    with transaction.atomic():
        movements.lock([fund.pk])
        movements.post()

    assert (fund.gross_injections, fund.gross_payouts) == (0, 0)


@pytest.mark.django_db
def test_what_nobody_planned_for_is_outdated_and_may_be_planned_again() -> None:
    """An entry that needs no lock of the fund's has drawn it between the plan and the posting."""
    fund = open_venue(contribution="10")

    @transaction.atomic
    def close() -> None:
        movements = Movements()
        movements.lock([fund.pk])
        lose(movements, fund, "t1", "8")
        post_alone([entry("drawn", debit(FUND, "5"), credit("custody:USDT", "5"), kind="correction")])
        movements.post()

    with pytest.raises(Outdated) as caught:
        close()

    assert caught.value.refusal.code == "account_floor"
    assert balance(FUND) == "10"


def test_a_movement_planned_on_what_is_gone_is_planned_again(committed_db: DatabaseUrls) -> None:
    fund = open_venue(contribution="10")
    drawn = False

    def draw() -> None:
        post_alone([entry("drawn", debit(FUND, "5"), credit("custody:USDT", "5"), kind="correction")])
        connections.close_all()

    @retried
    def close() -> Shortfall:
        nonlocal drawn
        movements = Movements()
        movements.lock([fund.pk])
        shortfall = lose(movements, fund, "t1", "8")
        if not drawn:
            drawn = True
            other = Thread(target=draw)
            other.start()
            other.join()
        movements.post()
        return shortfall

    shortfall = close()

    assert (shortfall.fund_paid, shortfall.carried) == (5, 3)
    assert (balance(FUND), balance(DEFICIT)) == ("0", "3")


def test_what_is_outdated_every_time_is_refused(committed_db: DatabaseUrls) -> None:
    attempts = 0

    @retried
    def hopeless() -> None:
        nonlocal attempts
        attempts += 1
        raise Outdated(_refusal())

    with pytest.raises(PostingRefused) as caught:
        hopeless()

    assert (caught.value.code, attempts) == ("account_floor", ATTEMPTS)


@pytest.mark.django_db
def test_inside_a_callers_transaction_nothing_is_tried_again() -> None:
    attempts = 0

    @retried
    def hopeless() -> None:
        nonlocal attempts
        attempts += 1
        raise Outdated(_refusal())

    with pytest.raises(PostingRefused), transaction.atomic():
        hopeless()

    assert attempts == 1


def _refusal() -> PostingRefused:
    return PostingRefused([EntryRefusal(0, "account_floor", "entry x: account fund:usdt would stand at -1")])
