"""Bankruptcy and limit price of every kind of contract, against published numbers and themselves; what is booked."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fund.rules import CYCLE_TRANSITIONS, cycle_can_move
from ledger.money import plain
from liquidation.rules import (
    TAKEOVER_TRANSITIONS,
    ContractKind,
    PositionSide,
    bankruptcy_price,
    book_for_engine,
    book_for_trader,
    can_move,
    limit_price,
    notional,
    profit_and_loss,
)

D = Decimal
LINEAR, INVERSE, QUANTO = ContractKind.LINEAR, ContractKind.INVERSE, ContractKind.QUANTO
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT

KINDS = st.sampled_from(ContractKind)
SIDES = st.sampled_from(PositionSide)
PRICES = st.integers(1, 10**12).map(lambda units: D(units) / 10**4)
QUANTITIES = st.integers(1, 10**10).map(lambda units: D(units) / 10**4)
MULTIPLIERS = st.sampled_from([D(1), D("0.000001"), D("0.01"), D(100)])


@pytest.mark.parametrize(
    ("kind", "side", "quantity", "entry", "margin", "fee_rate", "price"),
    [
        # dYdX v4, x/clob/keeper/liquidations_test, TestGetBankruptcyPriceInQuoteQuantums: 0.1 BTC at 50,000 against a
        # quote balance of −4,501, 5,499, −5,000, 5,000, −5,100 and 4,900; margin is what it leaves.
        (LINEAR, LONG, "0.1", "50000", "499", "0", "45010"),
        (LINEAR, SHORT, "0.1", "50000", "499", "0", "54990"),
        (LINEAR, LONG, "0.1", "50000", "0", "0", "50000"),
        (LINEAR, SHORT, "0.1", "50000", "0", "0", "50000"),
        # The same, deleveraging: a short of 1 BTC with 50,499 is bankrupt at 50,499.
        (LINEAR, SHORT, "1", "50000", "499", "0", "50499"),
        # Bybit, USDT contract at 50 times: entry · (1 ∓ initial margin rate).
        (LINEAR, LONG, "1", "10000", "200", "0", "9800"),
        (LINEAR, SHORT, "1", "10000", "200", "0", "10200"),
        # An inverse contract at leverage 10: entry · leverage / (leverage ± 1).
        (INVERSE, LONG, "50000", "50000", "0.1", "0", "500000/11"),
        (INVERSE, SHORT, "50000", "50000", "0.1", "0", "500000/9"),
        # With the taker fee 0.075 %: 1.00075 · Q / (Q/e + margin), 0.99925 · Q / (Q/e − margin).
        (INVERSE, LONG, "10000", "8000", "0.25", "0.00075", "20015/3"),
        (INVERSE, SHORT, "10000", "8000", "0.25", "0.00075", "9992.5"),
        (QUANTO, LONG, "1000", "500", "50", "0", "499.95"),
    ],
)
def test_published_bankruptcy_prices(
    kind: ContractKind, side: PositionSide, quantity: str, entry: str, margin: str, fee_rate: str, price: str
) -> None:
    found = bankruptcy_price(
        kind=kind,
        side=side,
        quantity=D(quantity),
        multiplier=D(1),
        entry_price=D(entry),
        margin=D(margin),
        fee_rate=D(fee_rate),
    )
    assert found == Fraction(price)


def test_a_long_with_more_margin_than_value_is_bankrupt_at_zero() -> None:
    found = bankruptcy_price(
        kind=LINEAR,
        side=LONG,
        quantity=D(1),
        multiplier=D(1),
        entry_price=D(100),
        margin=D(150),
        fee_rate=D("0.001"),
    )
    assert found == 0


@pytest.mark.parametrize("margin", ["1", "2"])
def test_an_inverse_short_with_all_its_value_as_margin_is_never_bankrupt(margin: str) -> None:
    found = bankruptcy_price(
        kind=INVERSE,
        side=SHORT,
        quantity=D(10000),
        multiplier=D(1),
        entry_price=D(10000),
        margin=D(margin),
        fee_rate=D(0),
    )
    assert found is None


@given(
    KINDS, SIDES, QUANTITIES, MULTIPLIERS, PRICES, st.fractions(0, 3), st.sampled_from([D(0), D("0.00075"), D("0.5")])
)
def test_at_the_bankruptcy_price_loss_and_fee_are_the_margin(
    kind: ContractKind, side: PositionSide, quantity: D, multiplier: D, entry: D, share: Fraction, fee_rate: D
) -> None:
    worth = notional(kind=kind, quantity=quantity, multiplier=multiplier, price=entry)
    margin = D(int(worth * share * 10**8)) / 10**8
    bankrupt = bankruptcy_price(
        kind=kind,
        side=side,
        quantity=quantity,
        multiplier=multiplier,
        entry_price=entry,
        margin=margin,
        fee_rate=fee_rate,
    )
    if bankrupt is None:
        assert (kind, side) == (INVERSE, SHORT)
        assert margin >= worth
    elif bankrupt == 0:
        assert side is LONG
        assert margin >= worth
    else:
        lost = -profit_and_loss(
            kind=kind,
            side=side,
            quantity=quantity,
            multiplier=multiplier,
            entry_price=entry,
            exit_price=bankrupt,
        )
        fee = Fraction(fee_rate) * notional(kind=kind, quantity=quantity, multiplier=multiplier, price=bankrupt)
        assert lost + fee == Fraction(margin)


def limit(
    kind: ContractKind, side: PositionSide, price: str, quantity: str, budget: str, tick: str | None = None
) -> str | None:
    found = limit_price(
        kind=kind,
        side=side,
        bankruptcy_price=D(price),
        quantity=D(quantity),
        multiplier=D(1),
        budget=D(budget),
        tick=None if tick is None else D(tick),
    )
    return None if found is None else plain(found)


def test_a_budget_of_ten_on_ten_contracts_moves_the_limit_by_one() -> None:
    assert limit(LINEAR, LONG, "100", "10", "10") == "99"
    assert limit(LINEAR, SHORT, "100", "10", "10") == "101"
    assert limit(QUANTO, LONG, "100", "10", "10") == "99"


def test_without_a_budget_the_limit_is_the_bankruptcy_price() -> None:
    for kind in ContractKind:
        for side in PositionSide:
            assert limit(kind, side, "100", "10", "0") == "100"


def test_the_limit_is_rounded_towards_the_bankruptcy_price() -> None:
    assert limit(LINEAR, LONG, "100", "3", "1") == "99.666666666666666667"
    assert limit(LINEAR, SHORT, "100", "3", "1") == "100.333333333333333333"
    assert limit(LINEAR, LONG, "100", "3", "1", "0.5") == "100"
    assert limit(LINEAR, SHORT, "100", "3", "1", "0.25") == "100.25"
    assert limit(LINEAR, LONG, "100", "3", "2", "0.25") == "99.5"


def test_an_inverse_limit_solves_for_the_reciprocal() -> None:
    # 100,000 contracts at 10,000 are 10 coins; selling at 8,000 they cost 12.5, buying at 12,500 only 8.
    assert limit(INVERSE, LONG, "10000", "100000", "2.5") == "8000"
    assert limit(INVERSE, SHORT, "10000", "100000", "2") == "12500"


def test_a_budget_that_covers_any_price_sets_no_limit() -> None:
    assert limit(LINEAR, LONG, "100", "1", "100") is None
    assert limit(INVERSE, SHORT, "10000", "100000", "10") is None


@given(KINDS, SIDES, QUANTITIES, MULTIPLIERS, PRICES, PRICES, st.none() | st.sampled_from([D("0.0001"), D("0.5")]))
def test_a_close_within_the_limit_never_spends_more_than_the_budget(
    kind: ContractKind, side: PositionSide, quantity: D, multiplier: D, bankrupt: D, budget: D, tick: D | None
) -> None:
    found = limit_price(
        kind=kind,
        side=side,
        bankruptcy_price=bankrupt,
        quantity=quantity,
        multiplier=multiplier,
        budget=budget,
        tick=tick,
    )
    if found:
        result = profit_and_loss(
            kind=kind,
            side=side,
            quantity=quantity,
            multiplier=multiplier,
            entry_price=bankrupt,
            exit_price=found,
        )
        assert -result <= Fraction(budget)
        assert tick is None or Fraction(found) % Fraction(tick) == 0


@pytest.mark.parametrize(
    ("kind", "value", "engine", "trader"),
    [
        (INVERSE, Fraction(10, 21), "0.47619048", "0.47619047"),
        (INVERSE, Fraction(-10, 21), "-0.47619047", "-0.47619048"),
        (INVERSE, Fraction(1, 2), "0.5", "0.5"),
        (LINEAR, Fraction(1, 3), "0.33333333", "0.33333333"),
        (LINEAR, Fraction(-2, 3), "-0.66666667", "-0.66666667"),
        (QUANTO, Fraction(25, 10**9), "0.00000002", "0.00000002"),
    ],
)
def test_an_inverse_result_is_never_booked_in_a_traders_favour(
    kind: ContractKind, value: Fraction, engine: str, trader: str
) -> None:
    assert plain(book_for_engine(value, kind=kind, decimals=8)) == engine
    assert plain(book_for_trader(value, kind=kind, decimals=8)) == trader


def test_a_takeover_closes_and_opens_again_only_by_correction() -> None:
    assert can_move("open", "closed")
    assert can_move("closed", "open")
    assert not can_move("open", "open")
    assert not can_move("closed", "closed")


def test_a_cycle_ends_is_settled_and_may_be_settled_again_after_a_reversal() -> None:
    assert cycle_can_move("open", "ended")
    assert cycle_can_move("ended", "settled")
    assert cycle_can_move("settled", "ended")
    assert not cycle_can_move("open", "settled")
    assert not cycle_can_move("ended", "open")


@pytest.mark.parametrize("transitions", [TAKEOVER_TRANSITIONS, CYCLE_TRANSITIONS])
def test_every_state_that_can_be_reached_has_a_row(transitions: dict[str, tuple[str, ...]]) -> None:
    assert {status for reached in transitions.values() for status in reached} <= set(transitions)
