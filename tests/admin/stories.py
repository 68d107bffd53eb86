"""Small stories that admin pages are read over: a fund, a contract, takeovers closed with a gain or a loss."""

from decimal import Decimal

from fund import cycles, funds, positions, transfers
from fund.models import Cycle, Fund
from liquidation.contracts import add_contract
from liquidation.fills import FillReport, report_fills
from liquidation.takeovers import TakeoverReport, report_takeovers
from tests.builders import START, moment, open_currency


def open_fund(code: str = "usdt", *, preset: str = "full_cover", contribution: str = "1000", **fields: object) -> Fund:
    """A fund in USDT that somebody has paid into."""
    open_currency()
    fund = funds.open_fund(
        code=code, currency="USDT", preset=preset, fields=fields, opened_at=START, opened_by="the lead"
    )
    if contribution != "0":
        transfers.contribute(
            reference=f"start-{code}",
            fund_code=code,
            amount=Decimal(contribution),
            requested_by="the lead",
            effective_at=START,
        )
    return fund


def trade_contract(symbol: str = "BTC-PERP", *, fund: str = "usdt") -> None:
    add_contract(
        symbol=symbol,
        kind="linear",
        margin_currency="USDT",
        multiplier=Decimal(1),
        fund_code=fund,
        created_at=START,
    )


def take_over(reference: str, *, trader: str = "ann", margin: str = "1000", seconds: int = 0) -> None:
    """One long BTC-PERP, taken over at 28,000."""
    report = TakeoverReport(
        reference=reference,
        contract="BTC-PERP",
        trader=trader,
        side="long",
        quantity=Decimal(1),
        bankruptcy_price=Decimal(28000),
        margin=Decimal(margin),
        taken_over_at=moment(seconds),
    )
    report_takeovers([report], recorded_at=moment(seconds))


def fill(reference: str, takeover: str, price: str, *, quantity: str = "1", fee: str = "0", seconds: int = 0) -> None:
    report = FillReport(
        reference=reference,
        takeover=takeover,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        filled_at=moment(seconds),
    )
    report_fills([report], recorded_at=moment(seconds))


def cycle_with_profits(*profits: str, code: str = "usdt") -> Cycle:
    """An hour's cycle with these profits, of traders p1, p2…, complete."""
    cycle = cycles.open_cycle(fund_code=code, starts_at=START, ends_at=moment(3600), opened_at=START)
    rows = [
        positions.PositionProfit(position=f"pos{n}", trader=f"p{n}", contract="BTC-PERP", profit=Decimal(profit))
        for n, profit in enumerate(profits, 1)
    ]
    positions.add(cycle_id=cycle.pk, rows=rows)
    positions.complete(
        cycle_id=cycle.pk,
        count=len(rows),
        total=sum((row.profit for row in rows), Decimal(0)),
        completed_at=moment(3600),
    )
    return cycle


def loss_shared_by_traders() -> Cycle:
    """The worked example of rulebooks.md: a loss of 1,000, 800 of it for profits of 500, 300, 150 and 50."""
    open_fund(preset="shared_loss")
    trade_contract()
    cycle = cycle_with_profits("500", "300", "150", "50")
    take_over("t1")
    fill("f1", "t1", "27000")
    return cycle
