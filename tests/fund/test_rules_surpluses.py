"""A surplus has a taker for every part of it, and no part is negative."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fund.rulebook import RulebookRefused
from fund.rules import repay_deficit, split_surplus
from ledger.money import total
from tests.fund.amounts import AMOUNTS, SHARES, D, amounts
from tests.fund.rulebooks import rulebook


def test_the_penalty_comes_first_and_the_residual_is_split() -> None:
    book = rulebook("penalty_and_vault", penalty_rate="0.005", surplus_split={"fund": "0.6", "vault": "0.4"})
    split = split_surplus(D("200"), notional=D("28200"), rulebook=book, decimals=8)
    assert (split.penalty, split.penalty_fund) == amounts("141", "141")
    assert (split.fund, split.vault) == amounts("35.4", "23.6")


def test_the_penalty_is_never_more_than_the_residual_margin() -> None:
    book = rulebook("penalty_and_vault", penalty_rate="0.5", surplus_split={"fund": "1"})
    split = split_surplus(D("200"), notional=D("28200"), rulebook=book, decimals=8)
    assert (split.penalty, split.fund) == amounts("200", "0")


def test_a_penalty_may_feed_the_vault_and_the_house() -> None:
    book = rulebook("full_cover", penalty_rate="0.01", penalty_split={"fund": "0.5", "vault": "0.3", "fees": "0.2"})
    split = split_surplus(D("100"), notional=D("1000"), rulebook=book, decimals=8)
    assert (split.penalty_fund, split.penalty_vault, split.penalty_fees, split.fund) == amounts("5", "3", "2", "90")


@pytest.mark.parametrize(
    ("rate", "notional", "result", "injected", "back"),
    [
        ("0.005", "5610", "510", "28.05", "481.95"),
        ("1", "5610", "510", "510", "0"),
        ("0.025", "4410", "490", "110.25", "379.75"),
        ("0.005", "5105.1", "5.1", "5.1", "0"),
        ("0.005", "5100", "0", "0", "0"),
        ("0", "5610", "510", "0", "510"),
    ],
)
def test_what_exceeds_the_injection_cap_is_the_traders(
    rate: str, notional: str, result: str, injected: str, back: str
) -> None:
    """dYdX v4, x/clob/keeper/liquidations_test, TestGetLiquidationInsuranceFundDelta."""
    book = rulebook("full_cover", injection_cap_rate=rate)
    split = split_surplus(D(result), notional=D(notional), rulebook=book, decimals=8)
    assert (split.fund, split.trader) == (D(injected), D(back))


def test_the_injection_cap_is_floored_in_the_traders_favour() -> None:
    book = rulebook("full_cover", injection_cap_rate="0.005")
    split = split_surplus(D("1"), notional=D("1.999"), rulebook=book, decimals=4)
    assert (split.fund, split.trader) == amounts("0.0099", "0.9901")


def test_a_left_over_unit_is_the_funds() -> None:
    book = rulebook("full_cover", surplus_split={"vault": "0.5", "fees": "0.4", "fund": "0.1"})
    split = split_surplus(D("0.07"), notional=D("1"), rulebook=book, decimals=2)
    assert (split.vault, split.fees, split.fund) == amounts("0.03", "0.02", "0.02")


def test_a_left_over_unit_is_the_funds_even_where_it_has_no_share() -> None:
    book = rulebook("full_cover", surplus_split={"vault": "0.4", "fees": "0.6"})
    split = split_surplus(D("0.01"), notional=D("1"), rulebook=book, decimals=2)
    assert (split.fund, split.vault, split.fees) == amounts("0.01", "0", "0")


@given(
    AMOUNTS,
    AMOUNTS,
    st.lists(st.integers(0, 10), min_size=4, max_size=4).filter(any),
    SHARES,
    st.none() | SHARES,
)
def test_the_parts_of_any_surplus_sum_to_it(
    result: Decimal, notional: Decimal, weights: list[int], penalty_rate: Fraction, cap: Fraction | None
) -> None:
    names = ("fund", "vault", "trader", "fees")
    shares = [Decimal(weight * 1000 // sum(weights)) / 1000 for weight in weights]
    shares[weights.index(max(weights))] += 1 - sum(shares)
    fields: dict[str, object] = {
        "surplus_split": {name: f"{share:f}" for name, share in zip(names, shares, strict=True)},
        "penalty_rate": f"{Decimal(penalty_rate.numerator) / penalty_rate.denominator:f}",
        "injection_cap_rate": None if cap is None else f"{Decimal(cap.numerator) / cap.denominator:f}",
    }
    try:
        book = rulebook("full_cover", **fields)
    except RulebookRefused:
        assume(False)
        raise
    split = split_surplus(result, notional=notional, rulebook=book, decimals=8)
    parts = (split.penalty, split.fund, split.vault, split.trader, split.fees)
    assert total(parts) == result
    assert min(parts) >= 0
    if book.injection_cap_rate is not None:
        assert Fraction(split.fund) <= Fraction(book.injection_cap_rate) * Fraction(notional)


@pytest.mark.parametrize(
    ("share", "injected", "deficit", "repaid"),
    [
        ("1", "80", "50", "50"),
        ("1", "30", "50", "30"),
        ("0.5", "80", "50", "40"),
        ("0.5", "80", "30", "30"),
        ("0", "80", "50", "0"),
        ("0.5", "0.00000003", "50", "0.00000002"),
        ("1", "80", "0", "0"),
    ],
)
def test_an_injection_repays_the_deficit_by_its_share(share: str, injected: str, deficit: str, repaid: str) -> None:
    book = rulebook("full_cover", deficit_repayment=share)
    assert repay_deficit(D(injected), deficit=D(deficit), rulebook=book, decimals=8) == D(repaid)
