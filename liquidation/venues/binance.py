"""Binance: `GET /fapi/v1/insuranceBalance`. One group per fund: the symbols that share it, and its one asset.

Source: developers.binance.com, USDⓈ-M futures, Insurance Fund Balance.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fund.models import Fund
from ledger.money import plain
from liquidation import errors
from liquidation.venues.published import Published, milliseconds, of_contract, published


def funds(query: Mapping[str, Any], *, at: datetime) -> Any:
    """All groups, or with `symbol` the one that it belongs to. Raises Refused `contract_unknown`."""
    rows = published(Fund.objects.filter(**query["filters"]), at=at)
    symbol = query["symbol"]
    if symbol is None:
        return [_group(row) for row in rows]
    found = of_contract(rows, symbol)
    if found is None:
        raise errors.contract_unknown(symbol)
    return _group(found)


def _group(row: Published) -> dict[str, Any]:
    asset = {
        "asset": row.currency,
        "marginBalance": plain(row.balance),
        "updateTime": milliseconds(row.changed_at),
    }
    return {"symbols": list(row.contracts), "assets": [asset]}
