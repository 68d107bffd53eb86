"""Opening accounts. An account exists before it is posted to; what it is follows from its code and the chart."""

from collections.abc import Iterable, Mapping

import psycopg
from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from ledger import chart
from ledger.bulk import run
from ledger.errors import Refused

_OPEN = """
INSERT INTO ledger_account (code, kind, owner, currency_id, normal_side, floor, lock_rank, debits, credits, version,
                            created_at)
SELECT n.code, n.kind, n.owner, n.currency, n.normal_side, n.floor, n.lock_rank, 0, 0, 0, clock_timestamp()
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::numeric[], %s::integer[])
       AS n (code, kind, owner, currency, normal_side, floor, lock_rank)
 WHERE NOT EXISTS (SELECT FROM ledger_account a WHERE a.code = n.code COLLATE "C")
 ORDER BY n.code COLLATE "C"
ON CONFLICT (code) DO NOTHING"""


def open_missing(codes: Iterable[str], *, currency: str) -> None:
    """Open those of the accounts that do not exist yet, all in `currency`; one statement, safe against a race.

    Call it before taking locks: it may wait for another transaction that opens the same account.
    Raises Refused `account_code_malformed` or `account_currency_mismatch`.
    """
    specs = []
    for code in dict.fromkeys(codes):
        try:
            spec = chart.parse(code)
        except chart.ChartError as error:
            raise Refused("account_code_malformed", str(error)) from None
        if spec.currency not in (None, currency):
            raise Refused("account_currency_mismatch", f"account {code}: opened in {currency}")
        specs.append(spec)
    if not specs:
        return
    arguments = [
        [spec.code for spec in specs],
        [spec.kind.name for spec in specs],
        [spec.owner for spec in specs],
        [currency for _ in specs],
        [spec.kind.normal_side.value for spec in specs],
        [_floor(spec.kind) for spec in specs],
        [spec.kind.lock_rank for spec in specs],
    ]
    with transaction.atomic(savepoint=False):
        run(_OPEN, arguments)


_OPEN_TRADERS = """
INSERT INTO ledger_account (code, kind, owner, currency_id, normal_side, floor, lock_rank, debits, credits, version,
                            created_at)
SELECT n.code, {kind}, n.name, {currency}, {normal_side}, {floor}, {lock_rank}, 0, 0, 0, clock_timestamp()
  FROM (SELECT DISTINCT t.name, {before} || t.name || {after} AS code
          FROM ({names}) AS t (name)
         WHERE NOT EXISTS (SELECT FROM ledger_account a WHERE a.code = ({before} || t.name || {after}) COLLATE "C")) n
 ORDER BY n.code COLLATE "C"
ON CONFLICT (code) DO NOTHING"""


def open_for_traders(names: sql.Composable, *, currency: str) -> None:
    """Open the missing accounts of the traders that a query of one column names, all names that the chart takes.

    For names by the hundred thousand, which need not leave the database. Otherwise as `open_missing`.
    """
    kind = chart.KINDS["trader"]
    before, _, after = chart.trader("\0", currency).partition("\0")
    query = sql.SQL(_OPEN_TRADERS).format(
        names=names,
        kind=sql.Literal(kind.name),
        currency=sql.Literal(currency),
        normal_side=sql.Literal(kind.normal_side.value),
        floor=sql.Literal(_floor(kind)),
        lock_rank=sql.Literal(kind.lock_rank),
        before=sql.Literal(before),
        after=sql.Literal(after),
    )
    connection.ensure_connection()
    with transaction.atomic(savepoint=False), psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query)


def _floor(kind: chart.AccountKind) -> int | None:
    floored = settings.TRADER_FLOOR if kind.floored is None else kind.floored
    return 0 if floored else None


def kinds_by_code(codes: Iterable[str]) -> Mapping[str, chart.AccountKind]:
    """The chart's kind of each code that the chart can read; others are left out."""
    kinds = {}
    for code in codes:
        try:
            kinds[code] = chart.parse(code).kind
        except chart.ChartError:
            continue
    return kinds
