"""What settling would do: nothing is booked, and it is what is booked then."""

from decimal import Decimal

import pytest

from fund import settlement
from fund.models import Allocation
from ledger.money import plain
from tests.builders import balance, balances
from tests.fund.builders import earn, lose, open_cycle, open_fund
from tests.fund.rulebooks import rulebook
from tests.fund.settling import ILLUSTRATION, figures, settle, settled, shares

pytestmark = pytest.mark.django_db


def test_a_preview_books_nothing_and_is_what_settling_then_does() -> None:
    open_fund(contribution="230")
    cycle = open_cycle()
    lose("1000")
    earn(cycle, *ILLUSTRATION)
    before = balances()

    preview = settlement.preview(cycle_id=cycle.pk)

    assert balances() == before
    assert not Allocation.objects.exists()
    cycle.refresh_from_db()
    assert cycle.status == "open"
    done = settle(cycle)
    assert figures(preview) == figures(done)
    assert {share.position: plain(share.amount) for share in preview.largest} == shares(cycle)
    assert [plain(preview.fund_after), plain(preview.deficit_after)] == [balance("fund:usdt"), balance("deficit:usdt")]
    assert (preview.traders_charged, preview.largest_haircut) == (3, Decimal("0.8"))


def test_a_preview_of_a_settled_cycle_is_what_settling_it_anew_would_do() -> None:
    cycle = settled(*ILLUSTRATION, contribution="230")
    preview = settlement.preview(cycle_id=cycle.pk)

    assert figures(preview) == figures(cycle)
    assert [plain(preview.fund_after), plain(preview.deficit_after)] == [balance("fund:usdt"), balance("deficit:usdt")]


def test_another_rulebook_shares_the_losses_anew_from_what_the_fund_had() -> None:
    cycle = settled(*ILLUSTRATION, contribution="230")

    preview = settlement.preview(cycle_id=cycle.pk, rulebook=rulebook("full_cover"))

    assert figures(preview) == {"loss": "1000", "fund_paid": "230", "carried": "770"}
    assert (preview.traders_charged, preview.largest_haircut, preview.largest) == (0, None, ())
    assert [preview.fund_after, preview.deficit_after] == [0, 770]


def test_an_open_cycle_is_previewed_with_the_positions_so_far() -> None:
    open_fund(contribution="5000")
    cycle = open_cycle()
    lose("1000")
    earn(cycle, "500", complete=False)

    preview = settlement.preview(cycle_id=cycle.pk)

    assert (preview.positions_complete, preview.participants) == (False, 1)
