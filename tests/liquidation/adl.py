"""What tests of ADL do and look at: a venue's open positions, events that name them, and what is kept of an event."""

import json
from decimal import Decimal
from typing import Any

from fund.open_positions import PositionRow, replace_positions
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.models import Deleveraging
from liquidation.serializers.unfilled import DeleveragingSerializer
from tests.builders import moment
from tests.liquidation.venue import CONTRACT, FUND

BANKRUPTCY = {"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"}


def row(
    position: str, trader: str, side: str, quantity: str, entry: str, mark: str = "100", **more: str
) -> PositionRow:
    return PositionRow(
        position=position,
        trader=trader,
        contract=CONTRACT,
        side=side,
        quantity=Decimal(quantity),
        entry_price=Decimal(entry),
        mark_price=Decimal(mark),
        **{name: Decimal(value) for name, value in more.items()},
    )


def open_positions(mark: str = "100") -> None:
    """Sue has the larger profit, Tom the larger position; Liv is on the side that is taken over."""
    rows = [
        row("q1", "sue", "short", "4", "130", mark),
        row("q2", "tom", "short", "10", "110", mark),
        row("q3", "liv", "long", "5", "90", mark),
    ]
    replace_positions(fund_code=FUND, rows=rows)


def others_open(mark: str = "93") -> None:
    """The venue's next upload: nobody is left of those who were answered."""
    replace_positions(fund_code=FUND, rows=[row("q9", "zoe", "short", "50", "300", mark)])


def close(reference: str, *closed: tuple[str, str, str], seconds: int = 4, mark: str | None = None) -> None:
    """Each counterparty as (trader, position, quantity), with an entry price of 130."""
    report_adl(
        reference=reference,
        takeover="t1",
        fills=[
            Counterparty(trader=trader, position=position, quantity=Decimal(quantity), entry_price=Decimal(130))
            for trader, position, quantity in closed
        ],
        mark_price=None if mark is None else Decimal(mark),
        recorded_at=moment(seconds),
    )


def evidence(reference: str = "a1") -> dict[str, Any]:
    """The event as everybody gets it."""
    event = Deleveraging.objects.get(reference=reference)
    document: dict[str, Any] = json.loads(json.dumps(DeleveragingSerializer(event).data))
    return document
