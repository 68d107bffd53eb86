"""BitMEX: `GET /api/v1/insurance`, a day's balance of each currency in whole units of its precision.

Ours are of midnight UTC; funds of one currency are summed up, since the venue has one fund in each.
Source: www.bitmex.com, API explorer, Insurance: Get insurance fund history.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import groupby, islice
from typing import Any

from fund import history
from fund.history import Interval, Span
from fund.models import Fund
from ledger.models import Currency
from ledger.money import EXACT, to_units, total
from ledger.rest.renderers import exact_number
from liquidation.venues.published import Published, published


def funds(query: Mapping[str, Any], *, at: datetime) -> Any:
    """What each currency's funds hold now, with the time of the last change."""
    rows = published(Fund.objects.filter(**query["filters"]), at=at)
    rows.sort(key=lambda row: (row.currency, row.code))
    return [_current(list(group)) for _, group in groupby(rows, key=lambda row: row.currency)]


def days(query: Mapping[str, Any], *, at: datetime) -> Any:
    """`count` rows from the `start`-th on, the oldest day first or, with `reverse`, the newest."""
    rows = list(Fund.objects.filter(**query["filters"]).select_related("currency"))
    asked = history.span(Interval.DAY, from_=query["startTime"], to=query["endTime"], now=at)
    places = list(islice(_places(rows, asked, query["reverse"]), query["start"], query["start"] + query["count"]))
    if not places:
        return []
    shown = {currency for _, currency in places}
    of_shown = [fund for fund in rows if fund.currency in shown]
    days_ = [day for day, _ in places]
    span = Span(interval=Interval.DAY, first=min(days_), last=max(days_))
    instants = (span.last - span.first) // Interval.DAY.length + 1
    balances: dict[tuple[datetime, str], list[Decimal]] = {}
    for point in history.points(of_shown, span, limit=len(of_shown) * instants):
        balances.setdefault((point.taken_at, point.fund.currency_id), []).append(point.balance)
    return [_row(each.code, day, total(balances[day, each.code]), each.decimals) for day, each in places]


def _places(funds_: Iterable[Fund], asked: Span, reverse: bool) -> Iterator[tuple[datetime, Currency]]:
    """Every day of every currency, from the day on that its first fund was open."""
    opened: dict[Currency, datetime] = {}
    for fund in sorted(funds_, key=lambda fund: (fund.currency_id, fund.created_at)):
        opened.setdefault(fund.currency, fund.created_at)
    if not opened:
        return
    step = Interval.DAY.length
    count = max((asked.last - max(asked.first, min(opened.values()) - step)) // step + 1, 0)
    for place in range(count):
        day = asked.last - (place if reverse else count - 1 - place) * step
        yield from ((day, currency) for currency, since in opened.items() if since <= day)


def _current(rows: list[Published]) -> dict[str, Any]:
    changed_at = max(row.changed_at for row in rows)
    return _row(rows[0].currency, changed_at, total(row.balance for row in rows), rows[0].decimals)


def _row(currency: str, at: datetime, balance: Decimal, decimals: int) -> dict[str, Any]:
    units = EXACT.create_decimal(to_units(balance, decimals))
    time = at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return {"currency": currency, "timestamp": time, "walletBalance": exact_number(units)}
