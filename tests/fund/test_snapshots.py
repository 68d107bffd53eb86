"""Snapshots: a fund's figures at a moment, once."""

import pytest

from fund import snapshots
from fund.models import FundSnapshot
from tests.builders import moment
from tests.fund.builders import contribute, earn, lose, open_cycle, open_fund
from tests.fund.settling import settle

pytestmark = pytest.mark.django_db


def test_a_snapshot_holds_the_figures_of_its_moment() -> None:
    open_fund(contribution="100")
    cycle = open_cycle()
    lose("1000")
    earn(cycle, "-5")
    settle(cycle)

    assert snapshots.take(taken_at=moment()) == 1
    contribute("more", "50")
    snapshots.take(taken_at=moment(1))

    later, earlier = FundSnapshot.objects.all()
    assert [earlier.balance, earlier.deficit, earlier.gross_payouts, earlier.reserved] == [0, 900, 100, 0]
    assert later.balance == 50


def test_every_fund_is_snapshotted_once_a_moment() -> None:
    open_fund(contribution="100")
    assert snapshots.take(taken_at=moment()) == 1
    open_fund(code="usdc")

    assert snapshots.take(taken_at=moment()) == 1
    assert snapshots.take(taken_at=moment()) == 0
    assert FundSnapshot.objects.count() == 2
