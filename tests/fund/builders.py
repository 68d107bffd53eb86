"""A venue with a fund, opened through the real functions."""

from datetime import datetime
from decimal import Decimal

from fund import cycles, funds, transfers
from fund.models import Cycle, Fund
from tests.builders import moment, open_currency

HOUR = 3600


def open_fund(
    preset: str = "shared_loss",
    *,
    code: str = "usdt",
    contribution: str = "0",
    decimals: int = 8,
    cycle_seconds: int | None = None,
    **fields: object,
) -> Fund:
    """A fund in its own currency (`usdt` in USDT), with a contribution where one is named."""
    fund = funds.open_fund(
        code=code,
        currency=open_currency(code.upper(), decimals=decimals),
        preset=preset,
        fields=fields,
        cycle_seconds=cycle_seconds,
        opened_at=moment(),
        opened_by="founder",
    )
    if contribution != "0":
        contribute("seed", contribution, fund_code=code)
    return fund


def contribute(reference: str, amount: str, *, fund_code: str = "usdt", at: datetime | None = None) -> None:
    transfers.contribute(
        reference=f"{fund_code}-{reference}",
        fund_code=fund_code,
        amount=Decimal(amount),
        requested_by="treasurer",
        effective_at=at or moment(),
    )


def open_cycle(number: int | None = None, *, fund_code: str = "usdt", hours: tuple[int, int] = (0, 8)) -> Cycle:
    """A cycle from one full hour of the story to another."""
    start, end = hours
    return cycles.open_cycle(
        fund_code=fund_code,
        number=number,
        starts_at=moment(start * HOUR),
        ends_at=moment(end * HOUR),
        opened_at=moment(start * HOUR),
    )
