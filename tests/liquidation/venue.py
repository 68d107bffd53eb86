"""A venue to test with: one fund, its contracts, takeovers and fills, all through the real functions."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from fund import cycles, funds, rulebooks, transfers
from fund.models import Cycle, Fund
from ledger.currencies import add_currency
from ledger.money import plain
from liquidation.contracts import add_contract
from liquidation.deleveraging import Counterparty, Deleveraged, report_adl
from liquidation.fills import FillReport, ReportedFill, report_fills
from liquidation.models import Takeover
from liquidation.takeovers import Reported, TakeoverReport, report_takeovers
from liquidation.unfilled import Unfilled, report_unfilled
from tests.builders import START, moment

CONTRACT, FUND = "X-PERP", "usdt"


def open_venue(
    preset: str = "full_cover",
    *,
    contribution: str = "1000",
    kind: str = "linear",
    multiplier: str = "1",
    tick: str | None = None,
    close_fee_rate: str = "0",
    currency: str = "USDT",
    decimals: int = 8,
    **fields: object,
) -> Fund:
    """A fund `usdt` under this rulebook with one contract `X-PERP`, and money in it."""
    add_currency(code=currency, decimals=decimals)
    fund = funds.open_fund(
        code=FUND, currency=currency, preset=preset, fields=fields, opened_at=START, opened_by="treasurer"
    )
    add_contract(
        symbol=CONTRACT,
        kind=kind,
        margin_currency=currency,
        multiplier=Decimal(multiplier),
        tick=None if tick is None else Decimal(tick),
        close_fee_rate=Decimal(close_fee_rate),
        fund_code=FUND,
        created_at=START,
    )
    if Decimal(contribution):
        transfers.contribute(
            reference="opening",
            fund_code=FUND,
            amount=Decimal(contribution),
            requested_by="treasurer",
            effective_at=START,
        )
    return fund


def publish(preset: str, *, at: datetime, **fields: object) -> None:
    """A new version of the fund's rulebook from that moment on."""
    rulebooks.publish(
        fund_code=FUND, preset=preset, fields=fields, effective_from=at, published_at=at, published_by="treasurer"
    )


def takeover_report(
    reference: str = "t1",
    *,
    trader: str = "ann",
    side: str = "long",
    quantity: str = "10",
    at_price: str | None = "100",
    entry: str | None = None,
    margin: str = "0",
    mark: str | None = None,
    when: datetime | None = None,
    contract: str = CONTRACT,
) -> TakeoverReport:
    return TakeoverReport(
        reference=reference,
        contract=contract,
        trader=trader,
        side=side,
        quantity=Decimal(quantity),
        bankruptcy_price=None if at_price is None else Decimal(at_price),
        entry_price=None if entry is None else Decimal(entry),
        margin=Decimal(margin),
        mark_price=None if mark is None else Decimal(mark),
        taken_over_at=when,
    )


def take_over(reference: str = "t1", *, seconds: int = 1, **told: str | None) -> Reported:
    return report_takeovers([takeover_report(reference, **told)], recorded_at=moment(seconds))[0]  # type: ignore[arg-type]


def fill_report(
    reference: str = "f1",
    *,
    takeover: str = "t1",
    price: str | None = None,
    pnl: str | None = None,
    quantity: str = "10",
    fee: str = "0",
    when: datetime | None = None,
) -> FillReport:
    return FillReport(
        reference=reference,
        takeover=takeover,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        pnl=None if pnl is None else Decimal(pnl),
        fee=Decimal(fee),
        filled_at=when,
    )


def fill(reference: str = "f1", *, seconds: int = 2, **told: str | None) -> ReportedFill:
    return report_fills([fill_report(reference, **told)], recorded_at=moment(seconds))[0]  # type: ignore[arg-type]


def unfilled(reference: str = "t1", *, mark: str | None = None, seconds: int = 3) -> Unfilled:
    return report_unfilled(
        reference=reference, reported_at=moment(seconds), mark_price=None if mark is None else Decimal(mark)
    )


def deleverage(reference: str, takeover: str, *closed: tuple[str, str, str], seconds: int = 4) -> Deleveraged:
    """Each counterparty as (trader, quantity, entry price)."""
    return report_adl(
        reference=reference,
        takeover=takeover,
        fills=[
            Counterparty(trader=trader, quantity=Decimal(quantity), entry_price=Decimal(price))
            for trader, quantity, price in closed
        ],
        recorded_at=moment(seconds),
    )


def open_cycle(number: int = 1, *, starts: int = 0, ends: int = 3600) -> Cycle:
    return cycles.open_cycle(
        fund_code=FUND, number=number, starts_at=moment(starts), ends_at=moment(ends), opened_at=moment(starts)
    )


def figures(reference: str = "t1") -> Mapping[str, str]:
    """What became of a takeover: its figures that are not 0, and its status."""
    takeover = Takeover.objects.get(reference=reference)
    names = (
        "remaining",
        "result",
        "penalty",
        "injected",
        "to_vault",
        "to_trader",
        "to_fees",
        "paid",
        "treasury_paid",
        "to_allocate",
        "carried",
    )
    told = {name: getattr(takeover, name) for name in names}
    return {"status": takeover.status} | {name: plain(value) for name, value in told.items() if value}
