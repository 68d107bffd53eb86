"""Amounts, prices and quantities as stories have them: small ones that meet and tie, and now and then large ones."""

from decimal import Decimal

from hypothesis import strategies as st

from fund.open_positions import PositionRow
from fund.positions import PositionProfit
from tests.builders import moment
from tests.properties.venue import CONTRACTS, SIDES, TRADERS, Taken

SYMBOLS = tuple(contract.symbol for contract in CONTRACTS)


def amounts(decimals: int, *, least: int = 0) -> st.SearchStrategy[Decimal]:
    """Of a currency, most of them below a thousand of its whole units, some of as many digits as an amount may have."""
    whole = 10**decimals
    few = st.integers(1, 1000).map(lambda each: each * whole) | st.integers(least, 1000)
    units = few | st.integers(1, 10**12) | st.integers(1, 10**36)
    return units.map(lambda each: Decimal(each).scaleb(-decimals))


def moves() -> st.SearchStrategy[Decimal]:
    """What a price is multiplied by."""
    return st.sampled_from(("0.5", "0.9", "0.99", "1", "1.01", "1.1", "2")).map(Decimal)


def prices() -> st.SearchStrategy[Decimal]:
    """Above 0."""
    return st.integers(80, 120).map(Decimal) | st.integers(1, 10**9).map(lambda each: Decimal(each).scaleb(-4))


def quantities() -> st.SearchStrategy[Decimal]:
    return st.integers(1, 1000).map(Decimal) | st.integers(1, 10**6).map(lambda each: Decimal(each).scaleb(-3))


@st.composite
def taken(draw: st.DrawFn, decimals: int) -> Taken:
    contract = draw(st.sampled_from(SYMBOLS))
    price = draw(prices())
    mark = price * draw(moves())
    if contract != "INV" and draw(st.integers(0, 19)) == 0:
        price = Decimal(0)
    return Taken(
        contract=contract,
        trader=draw(st.sampled_from(TRADERS)),
        side=draw(st.sampled_from(sorted(SIDES))),
        quantity=draw(quantities()),
        price=price,
        margin=draw(amounts(decimals)),
        mark=mark,
    )


@st.composite
def profits(draw: st.DrawFn, decimals: int) -> list[PositionProfit]:
    """Of a cycle's positions: some tie, some lose."""
    few = draw(st.lists(amounts(decimals), min_size=1, max_size=3))
    return [
        PositionProfit(
            position=f"q{place}",
            trader=draw(st.sampled_from(TRADERS)),
            profit=draw(st.sampled_from(few)) * draw(st.sampled_from((1, 1, 1, -1))),
            contract=SYMBOLS[0],
            opened_at=draw(st.none() | st.integers(0, 3).map(moment)),
        )
        for place in draw(st.lists(st.integers(0, 99), unique=True, max_size=6))
    ]


@st.composite
def open_positions(draw: st.DrawFn, contract: str, mark: Decimal) -> list[PositionRow]:
    """Of one contract, on both sides."""
    return [
        PositionRow(
            position=f"p{place}",
            trader=draw(st.sampled_from(TRADERS)),
            contract=contract,
            side=SIDES[draw(st.sampled_from(sorted(SIDES)))],
            quantity=draw(quantities()),
            entry_price=mark * draw(moves()),
            mark_price=mark,
        )
        for place in range(draw(st.integers(0, 4)))
    ]
