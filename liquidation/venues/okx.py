"""OKX: `GET /api/v5/public/insurance-fund`. One object per fund with what its balance was and why it moved.

`regular_update` is the balance, now and at each midnight UTC; the other types are a day's movement up to midnight,
one a day, `adl` an ADL event. `instFamily` is a contract of the fund, or the fund's own code.
Source: www.okx.com, docs v5, public data, Get security fund.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from fund import history
from fund.history import Interval, Movement
from fund.models import Fund
from fund.peaks import Peak, peaks
from fund.rulebook import AdlTrigger
from ledger.money import plain
from liquidation.models import Deleveraging
from liquidation.venues.published import Published, in_dollars, milliseconds, moment, of_contract, published

REGULAR_UPDATE, ADL = "regular_update", "adl"
_MOVEMENTS = {
    Movement.GAIN: "liquidation_balance_deposit",
    Movement.LOSS: "bankruptcy_loss",
    Movement.TRANSFER: "platform_revenue",
}
TYPES = (REGULAR_UPDATE, *_MOVEMENTS.values(), ADL)
INSTRUMENT_TYPES = ("MARGIN", "SWAP", "FUTURES", "OPTION")
_ADL_TYPES = {
    AdlTrigger.DRAWDOWN: "rate_adl_start",
    AdlTrigger.PNL_DRAWDOWN: "rate_adl_start",
    AdlTrigger.FUND_INSUFFICIENT: "bal_adl_start",
    AdlTrigger.UNFILLED: "pos_adl_start",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Detail:
    """One row: the balance at a time, and what it is told for."""

    kind: str
    at: datetime
    balance: Decimal
    amount: Decimal | None = None
    adl: str = ""


def funds(query: Mapping[str, Any], *, at: datetime) -> Any:
    """The funds with their balance as it stands."""
    return _answer({row: [_current(row)] for row in _asked(query, at)}, query)


def days(query: Mapping[str, Any], *, at: datetime) -> Any:
    """The funds with at most `limit` details each, the newest first: older than `after`, newer than `before`."""
    rows = _asked(query, at)
    newest = at if query["after"] is None else min(at, moment(query["after"]) - _MILLISECOND)
    oldest = _EPOCH if query["before"] is None else moment(query["before"]) + _MILLISECOND
    wanted = TYPES if query["type"] is None else (query["type"],)
    span = history.span(Interval.DAY, from_=oldest, to=None, now=newest)
    instants = [span.last - place * Interval.DAY.length for place in range(query["limit"] + 1)]
    of_funds = [row.fund for row in rows]
    events: list[Deleveraging] = []
    if ADL in wanted:
        # One more than is shown tells whether those of the last time are all there.
        since = max(oldest, instants[-1])
        events = newest_adl(of_funds, since=since, until=newest, most=query["limit"] + 1)
    stand = history.balances(of_funds, {*instants, *(event.occurred_at for event in events)})
    moved = history.movements(of_funds, instants)
    found: dict[Published, list[_Detail]] = {}
    for row in rows:
        details = [_current(row)] if oldest <= row.changed_at <= newest else []
        for day in instants[:-1]:
            if max(span.first, row.fund.created_at) <= day:
                details += _of_day(row, day, stand[row.code, day]["balance"], moved)
        own = [event for event in events if event.takeover.contract.fund_id == row.fund.pk]
        details += [_of_event(event, stand[row.code, event.occurred_at]["balance"]) for event in own]
        found[row] = _cut([detail for detail in details if detail.kind in wanted], query["limit"])
    return _answer(found, query)


def _asked(query: Mapping[str, Any], at: datetime) -> list[Published]:
    rows = published(Fund.objects.filter(**query["filters"]), at=at)
    family = query["instFamily"]
    if family is None:
        return rows
    named = of_contract(rows, family)
    return [named] if named else [row for row in rows if row.code == family]


def _answer(found: Mapping[Published, Sequence[_Detail]], query: Mapping[str, Any]) -> Any:
    events = [
        (row.code, each.at, each.balance) for row, details in found.items() for each in details if each.kind == ADL
    ]
    highest = dict(zip(events, peaks(events), strict=True))
    data = [
        {
            "details": [_shown(each, row, highest.get((row.code, each.at, each.balance))) for each in details],
            "instFamily": query["instFamily"] or row.code,
            "instType": query["instType"],
            "total": in_dollars(row.balance, row.currency),
        }
        for row, details in found.items()
    ]
    return {"code": "0", "data": data, "msg": ""}


def _shown(detail: _Detail, row: Published, peak: Peak | None) -> dict[str, str]:
    peak = peak if detail.kind == ADL else None
    return {
        "adlType": detail.adl,
        "amt": "" if detail.amount is None else plain(detail.amount),
        "balance": plain(detail.balance),
        "ccy": row.currency,
        "maxBal": "" if peak is None else plain(peak.balance),
        "maxBalTs": "" if peak is None else str(milliseconds(peak.reached_at)),
        "ts": str(milliseconds(detail.at)),
        "type": detail.kind,
    }


def _current(row: Published) -> _Detail:
    return _Detail(kind=REGULAR_UPDATE, at=row.changed_at, balance=row.balance)


def _of_day(row: Published, day: datetime, balance: Decimal, moved: history.Moved) -> Iterator[_Detail]:
    yield _Detail(kind=REGULAR_UPDATE, at=day, balance=balance)
    for movement, kind in _MOVEMENTS.items():
        yield _Detail(kind=kind, at=day, balance=balance, amount=moved.get((row.code, day, movement), Decimal(0)))


def newest_adl(funds_: Sequence[Fund], *, since: datetime, until: datetime, most: int) -> list[Deleveraging]:
    """At most so many ADL events of each fund, the newest first, without their queues: a cascade has thousands."""
    place = Window(RowNumber(), partition_by=F("takeover__contract__fund"), order_by=["-occurred_at", "-id"])
    events = Deleveraging.objects.filter(
        takeover__contract__fund__in=funds_, occurred_at__gte=since, occurred_at__lte=until
    )
    newest = events.annotate(place=place).filter(place__lte=most).order_by("-occurred_at", "-id")
    return list(newest.select_related("takeover__contract", "takeover__rulebook").defer("queue"))


def _of_event(event: Deleveraging, balance: Decimal) -> _Detail:
    policy = event.takeover.rulebook.fields.get("adl")
    kind = _ADL_TYPES[AdlTrigger(policy["trigger"])] if policy else ""
    return _Detail(kind=ADL, at=event.occurred_at, balance=balance, adl=kind)


def _cut(details: list[_Detail], limit: int) -> list[_Detail]:
    """The newest, at most `limit`. Those of one time stay together where they can: the next page begins after it."""
    details.sort(key=lambda detail: -milliseconds(detail.at))
    kept: list[_Detail] = []
    for _, group in groupby(details, key=lambda detail: milliseconds(detail.at)):
        together = list(group)
        if kept and len(kept) + len(together) > limit:
            break
        kept += together
    return kept[:limit]
