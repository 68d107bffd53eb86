"""A fund's figures at every full hour or day: as they were recorded then, else as the journal has them.

Hours and days are UTC's. A figure of the journal counts what happened up to the instant, whenever it was booked.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection

from fund.models import Fund, FundSnapshot
from ledger import chart
from ledger.money import EXACT

# A snapshot of the hour is taken when its task runs: so long after the hour, it still counts as the hour's.
_LATE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
_START = datetime(1970, 1, 1, tzinfo=UTC)

_RECORDED = """
SELECT DISTINCT ON (w.fund_id, w.instant) w.instant, s.*
  FROM unnest(%s::bigint[], %s::timestamptz[]) w (fund_id, instant)
  JOIN fund_fundsnapshot s ON s.fund_id = w.fund_id AND s.taken_at >= w.instant AND s.taken_at < w.instant + %s
 ORDER BY w.fund_id, w.instant, s.taken_at"""

# What stands now, and what moved after each instant: an entry is counted by how many instants lie before it.
_NOW_AND_LATER = """
SELECT a.code, a.balance, l.passed, CASE a.normal_side WHEN 'debit' THEN -l.moved ELSE l.moved END
  FROM ledger_account a
  LEFT JOIN LATERAL (SELECT width_bucket(e.effective_at - interval '1 microsecond', %(instants)s::timestamptz[])
                                AS passed,
                            sum(p.credit - p.debit) AS moved
                       FROM ledger_posting p
                       JOIN ledger_entry e ON e.id = p.entry_id
                      WHERE p.account_id = a.id AND e.effective_at > %(oldest)s
                      GROUP BY 1) l ON true
 WHERE a.code = ANY (%(codes)s)"""

# What has no cause but itself was entered by hand. A reversal counts as what it takes back. What is set aside and comes
# back unused is part of the losses that it was for.
_MOVEMENTS = """
SELECT m.code, m.passed, m.movement, sum(m.moved)
  FROM (SELECT a.code,
               width_bucket(e.effective_at - interval '1 microsecond', %(instants)s::timestamptz[]) AS passed,
               CASE
                   WHEN o.source_kind IN ('transfer', '') THEN 'transfer'
                   WHEN o.kind IN ('reserve', 'release') OR (p.credit < p.debit) = (e.reverses_id IS NULL) THEN 'loss'
                   ELSE 'gain'
               END AS movement,
               p.credit - p.debit AS moved
          FROM ledger_account a
          JOIN ledger_posting p ON p.account_id = a.id
          JOIN ledger_entry e ON e.id = p.entry_id
          JOIN ledger_entry o ON o.id = coalesce(e.reverses_id, e.id)
         WHERE a.code = ANY (%(codes)s) AND e.effective_at > %(oldest)s AND e.effective_at <= %(newest)s) m
 GROUP BY m.code, m.passed, m.movement"""

_CODES = {"balance": chart.fund, "reserved": chart.fund_reserved, "deficit": chart.deficit}


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return timedelta(hours=1) if self is Interval.HOUR else timedelta(days=1)


class Movement(StrEnum):
    """Why a fund's balance moved."""

    GAIN = "gain"
    LOSS = "loss"
    TRANSFER = "transfer"


# By a fund's code and the later of two instants: what moved its balance between them.
Moved = Mapping[tuple[str, datetime, Movement], Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Instants of an interval from `first` to `last`, both among them; none where `last` is earlier."""

    interval: Interval
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An instant of one fund. Points follow each other from the newest on, of one instant by the fund's code."""

    at: datetime
    code: str

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.code}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """As it is written. Raises ValueError, OverflowError."""
        at, _, code = text.partition(" ")
        return cls(at=datetime.fromisoformat(at).astimezone(UTC), code=code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A fund's figures at an instant, in its currency. `recorded`: as a snapshot took them then.

    What the journal does not tell is None where no snapshot was taken: inventory at mark, gross totals.
    """

    fund: Fund
    taken_at: datetime
    recorded: bool
    balance: Decimal
    reserved: Decimal
    deficit: Decimal
    inventory: Decimal | None = None
    gross_injections: Decimal | None = None
    gross_payouts: Decimal | None = None

    @property
    def place(self) -> Place:
        return Place(at=self.taken_at, code=self.fund.code)


def span(interval: Interval, *, from_: datetime | None, to: datetime | None, now: datetime) -> Span:
    """The instants with from_ ≤ instant < to, none after `now`."""
    last = now if to is None else min(now, to - _MICROSECOND)
    first = _START if from_ is None else from_
    floor = _floored(first, interval)
    return Span(
        interval=interval, first=floor if floor == first else floor + interval.length, last=_floored(last, interval)
    )


def points(
    funds: Sequence[Fund], asked: Span, *, beyond: Place | None = None, backward: bool = False, limit: int
) -> list[Point]:
    """At most `limit` points of the funds, the newest first, from each fund's opening on; `beyond` a place, without it.

    `backward`: those before the place, the nearest first. Two queries, whatever their number.
    """
    places: list[tuple[Fund, datetime]] = []
    for fund, at in _places(sorted(funds, key=lambda fund: fund.code), asked, beyond, backward):
        if len(places) == limit:
            break
        places.append((fund, at))
    recorded = _recorded(places)
    missing = [(fund, at) for fund, at in places if (fund.pk, at) not in recorded]
    computed = balances([fund for fund, _ in missing], {at for _, at in missing})
    return [recorded.get((fund.pk, at)) or _computed(fund, at, computed[fund.code, at]) for fund, at in places]


def balances(
    funds: Collection[Fund], instants: Collection[datetime]
) -> Mapping[tuple[str, datetime], dict[str, Decimal]]:
    """`balance`, `reserved` and `deficit` of each fund at each instant, by its code and the instant, from the journal.

    One query; it reads what happened since the oldest instant.
    """
    if not funds or not instants:
        return {}
    ordered = sorted(instants)
    codes = {code(fund.code): (fund.code, name) for fund in funds for name, code in _CODES.items()}
    found: dict[tuple[str, datetime], dict[str, Decimal]] = {(fund.code, at): {} for fund in funds for at in ordered}
    with connection.cursor() as cursor:
        cursor.execute(_NOW_AND_LATER, {"codes": list(codes), "instants": ordered, "oldest": ordered[0]})
        rows = cursor.fetchall()
    stand: dict[str, Decimal] = {code: balance for code, balance, _, _ in rows}
    later = {(code, passed): moved for code, _, passed, moved in rows}
    for code, (fund_code, name) in codes.items():
        balance = stand.get(code, Decimal(0))
        for place in range(len(ordered), 0, -1):
            balance = EXACT.subtract(balance, later.get((code, place), Decimal(0)))
            found[fund_code, ordered[place - 1]][name] = balance
    return found


def movements(funds: Collection[Fund], instants: Collection[datetime]) -> Moved:
    """What moved each fund's balance and why, between each instant and the one before it, by the later one.

    One query. Their sum is the difference of the two balances. The oldest instant has nothing before it.
    """
    if not funds or len(instants) < 2:
        return {}
    ordered = sorted(instants)
    codes = {chart.fund(fund.code): fund.code for fund in funds}
    span_of_all: dict[str, Any] = {
        "codes": list(codes),
        "instants": ordered,
        "oldest": ordered[0],
        "newest": ordered[-1],
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVEMENTS, span_of_all)
        return {(codes[code], ordered[passed], Movement(movement)): moved for code, passed, movement, moved in cursor}


def _places(
    funds: Sequence[Fund], asked: Span, beyond: Place | None, backward: bool
) -> Iterator[tuple[Fund, datetime]]:
    """Instants of funds in the order of the points, or from the place backwards."""
    if not funds:
        return
    step = asked.interval.length
    first = max(asked.first, _floored(min(fund.created_at for fund in funds), asked.interval))
    start = first if backward else asked.last
    if beyond is not None:
        start = _floored(beyond.at, asked.interval)
        start = max(start, first) if backward else min(start, asked.last)
    in_turn = list(reversed(funds)) if backward else funds
    at = start
    while first <= at <= asked.last:
        for fund in in_turn:
            passed = (
                beyond is None or at != beyond.at or (fund.code < beyond.code if backward else fund.code > beyond.code)
            )
            if passed and fund.created_at <= at:
                yield fund, at
        at = at + step if backward else at - step


def _recorded(places: Sequence[tuple[Fund, datetime]]) -> Mapping[tuple[int, datetime], Point]:
    if not places:
        return {}
    funds = {fund.pk: fund for fund, _ in places}
    rows = FundSnapshot.objects.raw(_RECORDED, [[fund.pk for fund, _ in places], [at for _, at in places], _LATE])
    return {
        (row.fund_id, vars(row)["instant"]): Point(
            fund=funds[row.fund_id],
            taken_at=vars(row)["instant"],
            recorded=True,
            balance=row.balance,
            reserved=row.reserved,
            deficit=row.deficit,
            inventory=row.inventory,
            gross_injections=row.gross_injections,
            gross_payouts=row.gross_payouts,
        )
        for row in rows
    }


def _computed(fund: Fund, at: datetime, stand: Mapping[str, Decimal]) -> Point:
    return Point(
        fund=fund,
        taken_at=at,
        recorded=False,
        balance=stand["balance"],
        reserved=stand["reserved"],
        deficit=stand["deficit"],
    )


def _floored(time: datetime, interval: Interval) -> datetime:
    return time - (time - _START) % interval.length
