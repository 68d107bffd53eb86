"""Profits of positions: one to be told, and those that a cycle holds."""

from decimal import Decimal

from fund.models import Cycle, CyclePosition
from fund.positions import PositionProfit
from ledger.money import plain


def held(cycle: Cycle) -> dict[str, tuple[str, str, str]]:
    rows = CyclePosition.objects.filter(cycle=cycle).order_by("position")
    return {row.position: (row.trader, row.contract, plain(row.profit)) for row in rows}


def bob(profit: str = "500", *, position: str = "p1", trader: str = "bob") -> PositionProfit:
    return PositionProfit(position=position, trader=trader, contract="BTC-PERP", profit=Decimal(profit))
