"""Deribit: `public/get_last_settlements_by_currency`. A settled cycle is a settlement of type `bankruptcy`.

The loss is `session_bankruptcy`; the fund and the treasury `funded` of it, traders bore what was `socialized`. What was
taken from them is the `session_tax`, negative as the venue has it, and its rate that of all profits.
Source: docs.deribit.com, public/get_last_settlements_by_currency.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fund.estimates import RATE_DECIMALS
from fund.models import Cycle
from ledger.money import EXACT, floor_to
from ledger.rest.renderers import exact_number
from liquidation.venues.published import milliseconds, moment

_ZERO = Decimal(0)
# What the book settles; deliveries and daily settlements of contracts are the venue's.
KIND = "bankruptcy"
# What the venue says where nothing follows.
NO_MORE = "none"


def settlements(query: Mapping[str, Any], *, at: datetime) -> Any:
    """`count` settlements, the newest first, after those that `continuation` came with."""
    rows = Cycle.objects.filter(status=Cycle.Status.SETTLED, settled_at__lte=at, **query["filters"])
    if query["search_start_timestamp"] is not None:
        rows = rows.filter(settled_at__lt=moment(query["search_start_timestamp"] + 1))
    if query["continuation"] is not None:
        rows = rows.filter(pk__lt=query["continuation"])
    if query["type"] not in (None, KIND):
        rows = rows.none()
    found = list(rows.order_by("-id")[: query["count"] + 1])
    page = found[: query["count"]]
    continuation = str(page[-1].pk) if len(found) > len(page) else NO_MORE
    return {
        "jsonrpc": "2.0",
        "result": {"settlements": [_settlement(cycle) for cycle in page], "continuation": continuation},
    }


def _settlement(cycle: Cycle) -> dict[str, Any]:
    assert cycle.settled_at is not None, f"{cycle} is settled"
    taken, surplus = cycle.allocated or _ZERO, cycle.levy_surplus or _ZERO
    profits = cycle.profit_total or _ZERO
    rate = floor_to(Fraction(taken) / Fraction(profits), RATE_DECIMALS) if profits else _ZERO
    amounts = {
        "session_profit_loss": cycle.positions_profit or _ZERO,
        "session_bankruptcy": cycle.loss or _ZERO,
        "funded": EXACT.add(cycle.fund_paid or _ZERO, cycle.treasury_paid or _ZERO),
        "socialized": EXACT.subtract(taken, surplus),
        "session_tax": EXACT.minus(taken),
        "session_tax_rate": rate,
    }
    numbers = {name: exact_number(amount) for name, amount in amounts.items()}
    return {"type": KIND, "timestamp": milliseconds(cycle.settled_at), **numbers}
