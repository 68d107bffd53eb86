"""A venue with a fund, opened through the real functions."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from fund import cycles, funds, positions, rulebooks, transfers
from fund.models import Cycle, Fund, Shortfall
from fund.movements import Movements
from fund.planning import Cause
from fund.positions import PositionProfit
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


def lose(loss: str, *, reference: str = "t1", fund_code: str = "usdt", at: datetime | None = None) -> Shortfall:
    """A loss that a takeover would bring, without the takeover, in the cycle of its moment."""
    fund = funds.find(fund_code)
    happened = at or moment(1)
    cause = Cause(kind="venue", id=reference, noun="close", run=1, effective_at=happened)
    movements = Movements()
    with transaction.atomic():
        movements.lock([fund.pk])
        shortfall = movements.cover_shortfall(
            fund_id=fund.pk,
            version=rulebooks.in_force(fund, happened),
            loss=Decimal(loss),
            reserved=Decimal(0),
            cause=cause,
        )
        movements.post()
    return shortfall


def earn(cycle: Cycle, *profits: str, complete: bool = True) -> None:
    """Profits of positions p1, p2… of the traders t1, t2…; complete where nothing else is said."""
    positions.add(
        cycle_id=cycle.pk,
        rows=[
            PositionProfit(position=f"p{number}", trader=f"t{number}", profit=Decimal(profit))
            for number, profit in enumerate(profits, 1)
        ],
    )
    if complete:
        positions.complete(cycle_id=cycle.pk, count=len(profits), total=None, completed_at=cycle.ends_at)
