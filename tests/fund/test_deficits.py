"""The house takes a deficit on itself."""

from decimal import Decimal

import pytest

from fund.deficits import absorb
from ledger.integrity import verify
from ledger.posting import Posted
from tests.builders import balance, balances, moment, refused
from tests.liquidation.venue import fill, open_venue, take_over

pytestmark = pytest.mark.django_db


def carried() -> None:
    """A deficit of 50."""
    open_venue(contribution="100")
    take_over()
    fill(price="85")


def absorbed(amount: str, reference: str = "h1", *, seconds: int = 9) -> Posted:
    return absorb(reference=reference, fund_code="usdt", amount=Decimal(amount), effective_at=moment(seconds))


def test_the_house_bears_what_it_takes_and_the_rest_stands() -> None:
    carried()

    absorbed("30")

    assert (balance("house-loss:USDT"), balance("deficit:usdt")) == ("30", "20")
    assert verify().clean


def test_the_same_again_is_a_replay_also_when_nothing_is_left() -> None:
    carried()
    first = absorbed("50")
    before = balances()

    again = absorbed("50", seconds=99)

    assert (again.entry_id, again.replayed) == (first.entry_id, True)
    assert balances() == before


@pytest.mark.parametrize(
    ("code", "amount"), [("deficit_insufficient", "50.01"), ("amount_not_positive", "0"), ("amount_not_positive", "-1")]
)
def test_what_is_not_carried_cannot_be_absorbed(code: str, amount: str) -> None:
    carried()

    with refused(code):
        absorbed(amount)


def test_the_same_reference_with_another_amount_is_refused() -> None:
    carried()
    absorbed("10")

    with refused("reference_reused"):
        absorbed("11")
