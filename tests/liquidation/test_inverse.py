"""Inverse and quanto contracts, booked: what is exact, and whom the rounding favours."""

from fractions import Fraction

import pytest

from liquidation.models import Takeover
from tests.builders import balance
from tests.liquidation.venue import figures, fill, open_venue, take_over

pytestmark = pytest.mark.django_db


def test_a_published_inverse_result_goes_to_the_fund() -> None:
    open_venue(kind="inverse", currency="XBT", contribution="1")
    take_over(quantity="100000", at_price="10000")

    fill(price="10500", quantity="100000")

    # BitMEX: 100,000 · (1/10,000 − 1/10,500) = 0.476190476…
    assert balance("fund:usdt") == "1.47619048"


@pytest.mark.parametrize(
    ("side", "price"), [("long", "10500"), ("short", "10500"), ("long", "9500"), ("short", "9500")]
)
def test_a_result_without_end_is_rounded_for_the_engine_and_against_the_traders(side: str, price: str) -> None:
    open_venue(kind="inverse", currency="XBT", contribution="10")
    take_over(quantity="100000", at_price="10000", side=side)

    fill(price=price, quantity="100000")

    exact = 100000 * (Fraction(1, 10000) - 1 / Fraction(price)) * (1 if side == "long" else -1)
    booked = Fraction(Takeover.objects.get().result or 0)
    assert 0 <= booked - exact < Fraction(1, 10**8)


def test_the_multiplier_of_an_inverse_contract_is_in_its_quote_currency() -> None:
    open_venue(kind="inverse", currency="XBT", contribution="1", multiplier="100")
    take_over(quantity="1000", at_price="10000")

    fill(price="12500", quantity="1000")

    assert figures() == {"status": "closed", "result": "2", "injected": "2"}


def test_a_quanto_pays_the_price_difference_at_its_fixed_multiplier() -> None:
    open_venue(kind="quanto", currency="XBT", contribution="1", multiplier="0.000001")
    take_over(quantity="1000", at_price="500", side="short")

    fill(price="510", quantity="1000")

    assert figures() == {"status": "closed", "result": "-0.01", "paid": "0.01"}


def test_the_cap_on_an_injection_is_taken_of_an_exact_notional() -> None:
    open_venue(kind="inverse", currency="XBT", contribution="0", injection_cap_rate="0.003")
    take_over(quantity="2", at_price="200")
    fill("f1", price="300", quantity="1")
    fill("f2", price="300", quantity="1")

    # The notional 2/300 has no end of decimals, 0.003 of it is 0.00002: rounded before, a unit would be missing.
    assert figures()["injected"] == "0.00002"
