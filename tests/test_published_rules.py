"""Figures that venues have published, each computed again by one pure rule. Every row of the tables has its source."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from fund.rulebook import AdlQueue, Rulebook
from fund.rules import (
    ContractKind,
    OpenPosition,
    PositionSide,
    Profit,
    adl_fills,
    adl_queue,
    allocate,
    average_entry,
    book_for_engine,
    notional,
    profit_and_loss,
    split_loss,
    split_surplus,
)
from ledger.money import EXACT, MAX_DECIMALS, ceil_to, floor_to, round_half_even, total
from liquidation.rules import bankruptcy_price, limit_price
from tests.fund.rulebooks import rulebook

Row = Mapping[str, Any]

PUBLISHED = Path(__file__).parents[1] / "docs" / "published"
NOTE = PUBLISHED.parent / "published.md"
ROUNDINGS: Mapping[str, Callable[[Fraction, int], Decimal]] = {
    "half_even": round_half_even,
    "floor": floor_to,
    "ceil": ceil_to,
}
MORE_THAN_ENOUGH = Decimal(10) ** 12


def table(name: str) -> list[Row]:
    rows: list[Row] = json.loads((PUBLISHED / "rules" / f"{name}.json").read_text(encoding="utf-8"))["rows"]
    assert rows, f"{name} has no rows"
    return rows


def of_table(name: str, *, that_have: str = "id") -> pytest.MarkDecorator:
    rows = [row for row in table(name) if that_have in row]
    return pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in rows])


def as_shown(exact: Fraction, row: Row) -> Fraction:
    """As the venue shows it: rounded or cut off where the row says so, else exact."""
    return exact if "decimals" not in row else Fraction(ROUNDINGS[row["rounding"]](exact, row["decimals"]))


def kind_of(row: Row) -> ContractKind:
    return ContractKind(row["kind"])


def margin_of(row: Row) -> Decimal:
    """Where a venue states the leverage, the margin is the position's value at entry divided by it."""
    if "margin" in row:
        return Decimal(row["margin"])
    at_entry = notional(
        kind=kind_of(row),
        quantity=Decimal(row["quantity"]),
        multiplier=Decimal(row["multiplier"]),
        price=Decimal(row["entry_price"]),
    )
    return round_half_even(at_entry / Fraction(row["leverage"]), MAX_DECIMALS)


@of_table("bankruptcy_price")
def test_bankruptcy_price_is_the_published_one(row: Row) -> None:
    price = bankruptcy_price(
        kind=kind_of(row),
        side=PositionSide(row["side"]),
        quantity=Decimal(row["quantity"]),
        multiplier=Decimal(row["multiplier"]),
        entry_price=Decimal(row["entry_price"]),
        margin=margin_of(row),
        fee_rate=Decimal(row["fee_rate"]),
    )
    if row["published"] is None:
        assert price is None
        return
    assert price is not None
    figure = price if "closes" not in row else price * Fraction(row["multiplier"]) * Fraction(row["closes"])
    assert as_shown(figure, row) == Fraction(row["published"])


@of_table("bankruptcy_price", that_have="tick")
def test_bankruptcy_price_on_the_tick_is_the_published_one(row: Row) -> None:
    """The limit price of a close with no budget: the bankruptcy price, to the tick on the side of the house."""
    size = {name: Decimal(row[name]) for name in ("quantity", "multiplier")}
    price = bankruptcy_price(
        kind=kind_of(row),
        side=PositionSide(row["side"]),
        entry_price=Decimal(row["entry_price"]),
        margin=margin_of(row),
        fee_rate=Decimal(row["fee_rate"]),
        **size,
    )
    assert price is not None
    on_tick = limit_price(
        kind=kind_of(row),
        side=PositionSide(row["side"]),
        bankruptcy_price=round_half_even(price, MAX_DECIMALS),
        budget=Decimal(0),
        tick=Decimal(row["tick"]),
        **size,
    )
    assert on_tick == Decimal(row["published_at_tick"])


@of_table("profit_and_loss")
def test_profit_and_loss_is_the_published_one(row: Row) -> None:
    profit = profit_and_loss(
        kind=kind_of(row),
        side=PositionSide(row["side"]),
        quantity=Decimal(row["quantity"]),
        multiplier=Decimal(row["multiplier"]),
        entry_price=Decimal(row["entry_price"]),
        exit_price=Decimal(row["exit_price"]),
    )
    figure = (Fraction(row.get("plus", "0")) + profit) / Fraction(row.get("of", "1"))
    assert as_shown(figure, row) == Fraction(row["published"])


@of_table("average_entry")
def test_average_entry_price_is_the_published_one(row: Row) -> None:
    fills = [(Decimal(quantity), Decimal(price)) for quantity, price in row["fills"]]
    assert as_shown(average_entry(kind=kind_of(row), fills=fills), row) == Fraction(row["published"])


@of_table("notional")
def test_value_of_a_position_is_the_published_one(row: Row) -> None:
    value = notional(
        kind=kind_of(row),
        quantity=Decimal(row["quantity"]),
        multiplier=Decimal(row["multiplier"]),
        price=Decimal(row["price"]),
    )
    assert as_shown(value * Fraction(row.get("times", "1")), row) == Fraction(row["published"])


def closed_at(row: Row) -> tuple[Decimal, Fraction]:
    """The takeover's result, fill by fill as it is booked, and the notional of its fills."""
    results, value = [], Fraction(0)
    for quantity, price in row["fills"]:
        size = {"quantity": Decimal(quantity), "multiplier": Decimal(row["multiplier"])}
        exact = profit_and_loss(
            kind=kind_of(row),
            side=PositionSide(row["side"]),
            entry_price=Decimal(row["bankruptcy_price"]),
            exit_price=Decimal(price),
            **size,
        )
        results.append(book_for_engine(exact, kind=kind_of(row), decimals=row["decimals"]))
        value += notional(kind=kind_of(row), price=Decimal(price), **size)
    return total(results), value


@of_table("fund_delta")
def test_fund_gains_or_pays_what_was_published(row: Row) -> None:
    cap = {"injection_cap_rate": row["injection_cap_rate"]} if "injection_cap_rate" in row else {}
    rules = rulebook("full_cover", **cap)
    result, value = closed_at(row)
    if result < 0:
        parts = split_loss(EXACT.minus(result), fund_balance=MORE_THAN_ENOUGH, rulebook=rules, decimals=row["decimals"])
        fund, trader = EXACT.minus(parts.fund), Decimal(0)
    else:
        surplus = split_surplus(result, notional=value, rulebook=rules, decimals=row["decimals"])
        fund, trader = surplus.fund, surplus.trader
    assert fund == Decimal(row["published"])
    assert trader == Decimal(row.get("published_trader", trader))


@of_table("loss")
def test_loss_is_borne_as_published(row: Row) -> None:
    parts = split_loss(
        Decimal(row["loss"]),
        fund_balance=Decimal(row["fund_balance"]),
        rulebook=rulebook("full_cover", fund_unpaid=row["fund_unpaid"]),
        decimals=row["decimals"],
    )
    figures = {
        "published_covered": parts.fund == Decimal(row["loss"]),
        "published_fund": parts.fund,
        "published_traders": parts.to_allocate,
    }
    published = {name: row[name] for name in figures if name in row}
    assert published, "a row without a figure proves nothing"
    for name, figure in published.items():
        assert figures[name] == (figure if isinstance(figure, bool) else Decimal(figure)), name


@of_table("penalty")
def test_penalty_is_the_published_one(row: Row) -> None:
    rules = rulebook("full_cover", penalty_rate=row["penalty_rate"], surplus_split={"trader": "1"})
    parts = split_surplus(
        Decimal(row["result"]), notional=Fraction(row["notional"]), rulebook=rules, decimals=row["decimals"]
    )
    assert parts.penalty_fund == parts.penalty == Decimal(row["published"])
    assert parts.trader == Decimal(row.get("published_trader", parts.trader))


def everyone_pays(row: Row) -> Rulebook:
    """All profitable positions bear the whole loss, pro rata, with the levy that the venue may have."""
    return rulebook(
        "shared_loss",
        fund_share="0",
        traders_share="1",
        selection_coverage="1",
        allocation_base="participating",
        **({"min_levy_rate": row["min_levy_rate"]} if "min_levy_rate" in row else {}),
    )


@of_table("allocation")
def test_loss_is_shared_as_published(row: Row) -> None:
    """Where the venue hands out the last units in another way, each share is within one unit of the published one."""
    allocation = allocate(
        Decimal(row["loss"]),
        [
            Profit(position=name, trader=name, profit=Decimal(profit), opened_at=None)
            for name, profit in row["profits"].items()
        ],
        rulebook=everyone_pays(row),
        decimals=row["decimals"],
    )
    shown = row.get("shown_decimals", row["decimals"])
    ours = {share.position: round_half_even(share.amount, shown) for share in allocation.rows}
    published = {name: Decimal(amount) for name, amount in row["published"].items()}
    apart = [abs(ours[name] - amount) for name, amount in published.items()]
    assert max(apart) <= (Decimal(1).scaleb(-shown) if row.get("other_rounding") else 0), ours
    assert any(apart) is row.get("other_rounding", False), ours
    assert allocation.levy_surplus == Decimal(row.get("published_surplus", "0"))
    assert allocation.allocated - allocation.levy_surplus + allocation.residue == Decimal(row["loss"])


def opposite(name: str, quantity: str, **fields: Decimal) -> OpenPosition:
    """An open long of a contract whose short is taken over."""
    unpriced: dict[str, Any] = {"entry_price": Decimal(1), "mark_price": Decimal(1), "margin": None, "wallet": None}
    return OpenPosition(
        position=name,
        trader=name,
        contract="X-PERP",
        kind=ContractKind.LINEAR,
        multiplier=Decimal(1),
        side=PositionSide.LONG,
        quantity=Decimal(quantity),
        **(unpriced | fields),
    )


@of_table("adl_cut")
def test_counterparties_are_closed_as_published(row: Row) -> None:
    queued = adl_queue(
        [opposite(name, quantity) for name, quantity in sorted(row["order"])],
        queue=AdlQueue.EXTERNAL,
        contract="X-PERP",
        taken_over=PositionSide.SHORT,
        listed=[name for name, _ in row["order"]],
    )
    cut = adl_fills(queued, quantity=Decimal(row["quantity"]), queue=AdlQueue.EXTERNAL)
    assert {fill.position: fill.quantity for fill in cut.fills} == {
        name: Decimal(quantity) for name, quantity in row["published"].items()
    }
    assert cut.left == 0


@of_table("adl_score")
def test_score_in_the_queue_is_the_published_one(row: Row) -> None:
    entry = Decimal(1)
    held = opposite(
        "own",
        "1",
        entry_price=entry,
        mark_price=entry + Decimal(row["profit"]),
        margin=Decimal(row["margin"]),
        wallet=Decimal(row["wallet"]),
    )
    queued = adl_queue([held], queue=AdlQueue(row["queue"]), contract="X-PERP", taken_over=PositionSide.SHORT)
    assert queued[0].score is not None
    assert round_half_even(queued[0].score, row["decimals"]) == Decimal(row["published"])
