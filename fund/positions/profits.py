"""Profits of a cycle's positions, from the staged rows into the cycle."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import psycopg
from django.db import connection, transaction
from psycopg import sql

from fund import errors
from fund.models import Cycle
from fund.positions.reading import Shape, Table, from_rows
from fund.positions.staging import CONTRACT, POSITION, TRADER, Check, Cursor, Staged, amount_checks, copy_in, joined
from ledger.errors import ReferenceReused, Refused
from ledger.money import plain

# In the order of `PositionProfit`.
SHAPE = Shape(
    fields=("position", "trader", "profit", "contract", "opened_at"),
    required=("position", "trader", "profit"),
    amounts=frozenset({"profit"}),
)
# In the order of precedence.
_CHECKS = (
    POSITION,
    TRADER,
    CONTRACT,
    *amount_checks("profit"),
    Check(
        "time_malformed",
        "opened_at",
        "{0} <> '' AND {0} COLLATE \"C\" !~ {time}",
        "opened_at %s is not a time with its offset",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionProfit:
    """A position's profit in the cycle, in the fund's currency: realised + change of unrealised + funding − fees."""

    position: str
    trader: str
    profit: Decimal
    contract: str = ""
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the rows of one call: new ones, ones known with the same content, ones left out as asked."""

    added: int
    replayed: int
    excluded: int


def table_of(rows: Iterable[PositionProfit]) -> Table:
    """Rows that are read already. Raises Refused `amount_malformed` as they are written."""

    def written() -> Iterator[Sequence[str]]:
        for row in rows:
            opened_at = row.opened_at.isoformat() if row.opened_at else ""
            if not row.profit.is_finite():
                raise Refused("amount_malformed", f"position {row.position}: profit {row.profit} is not an amount")
            yield row.position, row.trader, plain(row.profit), row.contract, opened_at

    return from_rows(written(), shape=SHAPE)


def take(cycle: Cycle, table: Table, *, exclude: Mapping[str, str], default_contract: str) -> Taken:
    """Add the rows to the cycle, all or none. Raises what `positions.stream` says."""
    connection.ensure_connection()
    with transaction.atomic(), psycopg.Cursor(connection.connection) as cursor:
        copy_in(cursor, table)
        staged = _Profits(cursor, table, exclude, default_contract)
        staged.check()
        rows, kept = staged.counts()
        added = staged.add(cycle)
        if added < kept:
            staged.check_known(cycle)
        cursor.execute("DROP TABLE staged_position")
    return Taken(added=added, replayed=kept - added, excluded=rows - kept)


class _Profits(Staged):
    """The staged rows, with each field as an expression over their columns."""

    def __init__(self, cursor: Cursor, table: Table, exclude: Mapping[str, str], default_contract: str) -> None:
        super().__init__(cursor, table, checks=_CHECKS, exclude=exclude)
        contract = self.columns.get("contract", sql.SQL("''"))
        opened_at = self.columns.get("opened_at", sql.SQL("NULL"))
        self.values: Mapping[str, sql.Composable] = {
            "position": self.columns["position"],
            "trader": self.columns["trader"],
            "profit": sql.SQL("{}::numeric").format(self.columns["profit"]),
            "contract": sql.SQL("coalesce(nullif({}, ''), {})").format(contract, sql.Literal(default_contract)),
            "opened_at": sql.SQL("nullif({}, '')::timestamptz").format(opened_at),
        }
        assert tuple(self.values) == SHAPE.fields

    def add(self, cycle: Cycle) -> int:
        """Insert the rows that are new. Returns how many."""
        try:
            # Most calls bring nothing but new positions, and looking for known ones costs a quarter of the time.
            return self._insert(cycle, sql.SQL(""))
        except psycopg.errors.UniqueViolation:
            return self._insert(cycle, sql.SQL("ON CONFLICT (cycle_id, position) DO NOTHING"))

    def _insert(self, cycle: Cycle, conflict: sql.SQL) -> int:
        query = sql.SQL(
            "INSERT INTO fund_cycleposition (cycle_id, {fields}) SELECT {cycle}, {values} FROM pg_temp.staged_position"
            " WHERE {kept} ORDER BY {position} {conflict}"
        ).format(
            fields=joined(sql.Identifier(field) for field in self.values),
            values=joined(self.values.values()),
            kept=self.kept,
            cycle=sql.Literal(cycle.pk),
            # In one order whoever adds them, so that two who add the same wait for each other and do not deadlock.
            position=sql.SQL('{} COLLATE "C"').format(self.columns["position"]),
            conflict=conflict,
        )
        try:
            with transaction.atomic():
                return self.cursor.execute(query).rowcount
        except psycopg.DataError as error:
            # What no pattern tells: the thirteenth month.
            raise Refused("time_malformed", f"opened_at: {error.diag.message_primary}") from error
        except psycopg.Error as error:
            if error.diag.constraint_name != "positions_frozen":
                raise
            held = Cycle.objects.values_list("positions_count", flat=True).get(pk=cycle.pk)
            raise errors.positions_frozen(str(cycle), count=held or 0) from error

    def check_known(self, cycle: Cycle) -> None:
        """Raises ReferenceReused for the first row whose position is held with other content."""
        # Of a cycle that has just come in statistics know nothing, and a million rows are not joined row by row.
        self.cursor.execute("SET LOCAL enable_nestloop = off")
        found = self.row(
            "SELECT s.row, s.position FROM (SELECT row_number() OVER (ORDER BY ctid) AS row, {named}, {kept} AS kept"
            "  FROM pg_temp.staged_position) s"
            ' JOIN fund_cycleposition p ON p.cycle_id = {cycle} AND p.position = s.position COLLATE "C"'
            " WHERE s.kept AND (s.trader, s.profit, s.contract, s.opened_at)"
            " IS DISTINCT FROM (p.trader, p.profit, p.contract, p.opened_at) ORDER BY s.row LIMIT 1",
            cycle=sql.Literal(cycle.pk),
            named=joined(sql.SQL("{} AS {}").format(value, sql.Identifier(key)) for key, value in self.values.items()),
        )
        self.cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        if found:
            row, position = found
            raise ReferenceReused(
                str(position), f"row {row}: position {position} of {cycle} is held with other content"
            )
