"""Profit, notional and average entry of every kind of contract, exact."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fund.rules import ContractKind, PositionSide, average_entry, notional, profit_and_loss

D = Decimal
LINEAR, INVERSE, QUANTO = ContractKind.LINEAR, ContractKind.INVERSE, ContractKind.QUANTO
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT

KINDS = st.sampled_from(ContractKind)
SIDES = st.sampled_from(PositionSide)
PRICES = st.integers(1, 10**12).map(lambda units: D(units) / 10**4)
QUANTITIES = st.integers(1, 10**10).map(lambda units: D(units) / 10**4)
MULTIPLIERS = st.sampled_from([D(1), D("0.000001"), D("0.01"), D(100)])


@pytest.mark.parametrize(
    ("kind", "side", "quantity", "multiplier", "entry", "exit_price", "earned"),
    [
        # The engine's results of the scenarios.
        (LINEAR, LONG, "1", "1", "28000", "28200", "200"),
        (LINEAR, SHORT, "2", "1", "30000", "29900", "200"),
        (LINEAR, LONG, "0.1", "1", "51000", "50490", "-51"),
        # BitMEX: contracts · (1/entry − 1/exit), and a community write-up of the same formula.
        (INVERSE, LONG, "100000", "1", "10000", "10500", "10/21"),
        (INVERSE, LONG, "60000", "1", "600", "700", "100/7"),
        (INVERSE, LONG, "60000", "1", "600", "500", "-20"),
        (INVERSE, SHORT, "16000", "1", "8000", "10000", "-0.4"),
        (INVERSE, SHORT, "16000", "1", "8000", "5000", "1.2"),
        (INVERSE, LONG, "10", "100", "8000", "10000", "0.025"),
        # BitMEX, ETHUSD: (exit − entry) · bitcoin multiplier · contracts.
        (QUANTO, LONG, "1000", "0.000001", "500", "600", "0.1"),
        (QUANTO, SHORT, "1000", "0.000001", "500", "600", "-0.1"),
    ],
)
def test_what_a_position_earns(
    kind: ContractKind, side: PositionSide, quantity: str, multiplier: str, entry: str, exit_price: str, earned: str
) -> None:
    assert profit_and_loss(
        kind=kind,
        side=side,
        quantity=D(quantity),
        multiplier=D(multiplier),
        entry_price=D(entry),
        exit_price=D(exit_price),
    ) == Fraction(earned)


@pytest.mark.parametrize(
    ("kind", "quantity", "multiplier", "price", "value"),
    [
        (LINEAR, "0.1", "1", "56100", "5610"),
        (INVERSE, "100", "100", "10000", "1"),
        (QUANTO, "1070", "0.000001", "151", "0.16157"),
    ],
)
def test_what_a_position_is_worth(kind: ContractKind, quantity: str, multiplier: str, price: str, value: str) -> None:
    worth = notional(kind=kind, quantity=D(quantity), multiplier=D(multiplier), price=D(price))
    assert worth == Fraction(value)


def test_the_average_entry_is_harmonic_for_inverse_contracts() -> None:
    fills = [(D(100), D(5000)), (D(100), D(10000))]
    assert average_entry(kind=LINEAR, fills=fills) == 7500
    assert average_entry(kind=QUANTO, fills=fills) == 7500
    assert average_entry(kind=INVERSE, fills=fills) == Fraction(200, Fraction(100, 5000) + Fraction(100, 10000))


@given(KINDS, SIDES, MULTIPLIERS, st.lists(st.tuples(QUANTITIES, PRICES), min_size=1, max_size=6), PRICES)
def test_the_average_entry_earns_what_its_fills_earn(
    kind: ContractKind, side: PositionSide, multiplier: D, fills: list[tuple[D, D]], exit_price: D
) -> None:
    def earned(quantity: D, entry: D | Fraction) -> Fraction:
        return profit_and_loss(
            kind=kind, side=side, quantity=quantity, multiplier=multiplier, entry_price=entry, exit_price=exit_price
        )

    whole = earned(sum((quantity for quantity, _ in fills), D(0)), average_entry(kind=kind, fills=fills))
    assert whole == sum(earned(quantity, price) for quantity, price in fills)
