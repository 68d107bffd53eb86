"""Amounts are read strictly, rounded once and written plainly."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import (
    EXACT,
    MoneyError,
    ceil_to,
    floor_to,
    from_units,
    parse_amount,
    parse_number,
    plain,
    round_half_even,
    to_units,
    total,
)

DECIMALS = st.integers(0, 18)
FRACTIONS = st.fractions(min_value=-(10**30), max_value=10**30)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("1200", "1200"),
        ("-12.5", "-12.5"),
        ("0.00000001", "0.00000001"),
        ("1.50000000000000000000", "1.5"),
        ("0.0", "0"),
        ("007", "7"),
        ("9" * 38, "9" * 38),
    ],
)
def test_a_plain_decimal_string_is_an_amount(text: str, value: str) -> None:
    assert parse_amount(text, decimals=8) == Decimal(value)


@pytest.mark.parametrize("value", [1, 1.5, True, None, Decimal("1"), b"1", ["1"], {"amount": "1"}])
def test_anything_but_a_string_is_refused(value: object) -> None:
    with pytest.raises(MoneyError) as refusal:
        parse_amount(value, decimals=8)
    assert refusal.value.code == "amount_must_be_string"


@pytest.mark.parametrize(
    "text",
    ["", " ", " 1", "1 ", "1\n", "+1", "--1", "-", ".5", "5.", "1e5", "1E-3", "1_000", "1,000", "１２", "٣", "0x10",
     "NaN", "Infinity", "-0", "-0.00", "1.2.3", "$1", "½"],
)  # fmt: skip
def test_text_that_is_no_plain_decimal_is_malformed(text: str) -> None:
    with pytest.raises(MoneyError) as refusal:
        parse_amount(text, decimals=8)
    assert refusal.value.code == "amount_malformed"


def test_more_decimals_than_the_currency_has_are_refused_with_the_value() -> None:
    with pytest.raises(MoneyError) as refusal:
        parse_amount("0.000000001", decimals=8)
    assert refusal.value.code == "amount_precision"
    assert "0.000000001" in refusal.value.detail


def test_more_integer_digits_than_fit_are_refused() -> None:
    with pytest.raises(MoneyError) as refusal:
        parse_amount("1" + "0" * 38, decimals=2)
    assert refusal.value.code == "amount_out_of_range"


def test_a_refusal_shows_no_more_than_the_beginning_of_a_long_text() -> None:
    with pytest.raises(MoneyError) as refusal:
        parse_amount("x" * 1_000_000, decimals=8)
    assert len(refusal.value.detail) < 200


def test_a_price_has_up_to_eighteen_decimals() -> None:
    assert parse_number("0.000000000000000001") == Decimal("1e-18")
    with pytest.raises(MoneyError) as refusal:
        parse_number("0.0000000000000000001")
    assert refusal.value.code == "amount_precision"


@pytest.mark.parametrize(
    ("value", "nearest", "below", "above"),
    [
        ("0.125", "0.12", "0.12", "0.13"),
        ("0.135", "0.14", "0.13", "0.14"),
        ("-0.125", "-0.12", "-0.13", "-0.12"),
        ("-0.126", "-0.13", "-0.13", "-0.12"),
        ("7", "7", "7", "7"),
        ("0.004", "0", "0", "0.01"),
        ("-0.004", "0", "-0.01", "0"),
    ],
)
def test_the_direction_of_a_rounding_is_in_its_name(value: str, nearest: str, below: str, above: str) -> None:
    for exact in (Decimal(value), Fraction(value)):
        assert round_half_even(exact, 2) == Decimal(nearest)
        assert floor_to(exact, 2) == Decimal(below)
        assert ceil_to(exact, 2) == Decimal(above)


def test_a_third_is_rounded_from_the_exact_value() -> None:
    assert plain(round_half_even(Fraction(800 * 500, 950), 8)) == "421.05263158"


def test_a_result_that_no_amount_can_hold_is_refused() -> None:
    with pytest.raises(MoneyError) as refusal:
        round_half_even(Fraction(10) ** 38, 2)
    assert refusal.value.code == "amount_out_of_range"
    assert round_half_even(Fraction(10) ** 38 - 1, 18) == Decimal(10**38 - 1)


@given(FRACTIONS, DECIMALS)
def test_rounding_is_idempotent_and_within_half_a_unit(value: Fraction, decimals: int) -> None:
    unit = Fraction(1, 10**decimals)
    nearest = round_half_even(value, decimals)
    assert round_half_even(nearest, decimals) == nearest
    assert abs(Fraction(nearest) - value) * 2 <= unit
    assert value - unit < Fraction(floor_to(value, decimals)) <= value <= Fraction(ceil_to(value, decimals))
    assert Fraction(ceil_to(value, decimals)) < value + unit


@given(st.integers(-(10**48), 10**48), DECIMALS)
def test_units_and_amounts_are_the_same_number(units: int, decimals: int) -> None:
    if abs(units) < 10 ** (38 + decimals):
        assert to_units(from_units(units, decimals), decimals) == units


@given(st.decimals(min_value=-(10**30), max_value=10**30, places=18))
def test_what_is_written_plainly_is_read_back_the_same(amount: Decimal) -> None:
    text = plain(amount)
    assert parse_number(text) == amount
    assert plain(parse_number(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("0E-8", "0"), ("-0.00", "0"), ("1E+3", "1000"), ("1.50", "1.5"), ("-0.10", "-0.1"), ("1E-8", "0.00000001")],
)
def test_an_amount_is_written_without_exponent_or_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


def test_a_sum_keeps_every_digit() -> None:
    large, small = Decimal(10**37), Decimal("1e-18")
    assert plain(total([large, small])) == f"1{'0' * 37}.{'0' * 17}1"


def test_a_sign_keeps_every_digit_also_outside_the_exact_context() -> None:
    longest = Decimal(f"{'9' * 38}.{'9' * 18}")

    def signs() -> list[Decimal]:
        below = -longest
        return [-below, abs(below), +longest, sum([longest], Decimal(0))]

    with ThreadPoolExecutor(1) as another:
        assert signs() == another.submit(signs).result() == [longest] * 4


def test_an_inexact_result_is_an_error_under_the_exact_context() -> None:
    with localcontext(EXACT), pytest.raises(Inexact):
        Decimal(1) / Decimal(3)
