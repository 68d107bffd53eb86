"""Bybit: `GET /v5/market/insurance`. One row per fund: its coin, the symbols that share it, its balance.

Source: bybit-exchange.github.io, v5, Get Insurance Pool.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fund.models import Fund
from ledger.money import plain
from liquidation.venues.published import in_dollars, milliseconds, published


def funds(query: Mapping[str, Any], *, at: datetime) -> Any:
    """All funds, or those of one coin. `value` is in dollars, "" where the book knows no price."""
    rows = published(Fund.objects.filter(**query["filters"]), at=at)
    updated = max((row.changed_at for row in rows), default=at)
    pools = [
        {
            "coin": row.currency,
            "symbols": ",".join(row.contracts),
            "balance": plain(row.balance),
            "value": in_dollars(row.balance, row.currency),
        }
        for row in rows
    ]
    return {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"updatedTime": str(milliseconds(updated)), "list": pools},
        "retExtInfo": {},
        "time": milliseconds(at),
    }
