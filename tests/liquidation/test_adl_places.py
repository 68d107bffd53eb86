"""Every place in an ADL event's queue, worked out anew from the event alone.

Sources of the scores: fund/rules/adl.py.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import product
from typing import Any

import pytest

from fund.open_positions import PositionRow, replace_positions
from fund.rulebook import AdlQueue
from liquidation.rules import ContractKind, PositionSide
from tests.liquidation.adl import BANKRUPTCY, close, evidence, others_open, row
from tests.liquidation.venue import FUND, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

ORDERED = [queue for queue in AdlQueue if queue is not AdlQueue.EXTERNAL]


def anew(queue: dict[str, Any], told: dict[str, Any]) -> tuple[Fraction, Fraction | None]:
    """Profit and score of a row."""
    inverse, sign = queue["kind"] == "inverse", 1 if queue["side"] == "long" else -1
    entry, mark = Fraction(told["entry_price"]), Fraction(told["mark_price"])
    size = Fraction(told["quantity"]) * Fraction(queue["multiplier"])
    profit = sign * size * (1 / entry - 1 / mark if inverse else mark - entry)
    at_entry, at_mark = (size / price if inverse else size * price for price in (entry, mark))
    margin, wallet = (Fraction(told[name] or 0) for name in ("margin", "wallet"))
    match queue["queue"]:
        case "profit_amount":
            return profit, profit
        case "pnl_rate_x_leverage":
            rate, leverage = profit / at_entry, at_mark / (margin + profit)
            return profit, rate * leverage if profit > 0 else rate / leverage
        case "profit_x_margin_ratio":
            ratio = margin / (wallet + profit) if wallet + profit > 0 else Fraction(0)
            return profit, max(profit, Fraction(0)) / max(wallet, Fraction(1)) * ratio
        case "mark_entry_x_leverage":
            return profit, (mark / entry) ** sign * at_mark / (wallet + profit)
    return profit, None


def place(queue: dict[str, Any], told: dict[str, Any]) -> tuple[Any, str]:
    """What a row stands at its rank by."""
    if queue["queue"] == "seeded_random":
        return sha256(f"{queue['seed']}:{told['position']}".encode()).digest(), told["position"]
    _, score = anew(queue, told)
    return -score if score is not None else 0, told["position"]


def a_crowd(side: PositionSide) -> list[PositionRow]:
    """Of both sides and with marks of their own, some at a loss."""
    rows = []
    for number in range(40):
        stands = side if number % 4 else side.opposite
        entry, mark = 70 + number * 7 % 60, Decimal(100) + Decimal(number % 3) / 4
        more = {"margin": str(60 + number), "wallet": str(50 + number * 3)}
        rows.append(
            row(f"q{number}", f"t{number % 30}", stands.value, f"{1 + number % 5}", str(entry), str(mark), **more)
        )
    return rows


@pytest.mark.parametrize(("queue", "kind", "side"), list(product(ORDERED, ContractKind, PositionSide)))
@pytest.mark.parametrize("asked", [True, False])
def test_every_place_is_worked_out_anew_from_nothing_but_the_event(
    queue: AdlQueue, kind: ContractKind, side: PositionSide, asked: bool
) -> None:
    open_venue(adl={**BANKRUPTCY, "queue": queue.value}, kind=kind.value, multiplier="0.5")
    replace_positions(fund_code=FUND, rows=a_crowd(side))
    take_over(quantity="30", side=side.opposite.value)
    if asked:
        unfilled()
        others_open()

    close("a1", ("zoe", "q9", "30"))

    kept = evidence()["queue"]
    assert (kept["queue"], kept["contract"], kept["kind"], kept["side"]) == (queue, "X-PERP", kind, side)
    rows: Sequence[dict[str, Any]] = kept["rows"]
    assert len(rows) > 5
    worked_out = [anew(kept, told) for told in rows]
    assert [each["profit"] for each in rows] == [str(profit) for profit, _ in worked_out]
    assert [each["score"] for each in rows] == [score if score is None else str(score) for _, score in worked_out]
    assert sorted(rows, key=lambda told: place(kept, told)) == rows
    assert sum(Decimal(told["closes"]) for told in rows) + Decimal(kept["left"]) == 30
