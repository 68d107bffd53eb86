"""Positions come in: COPY to a temporary table of text, checked there as a whole, then added to the cycle.

Checks are made for all rows at once. Only where one fails are rows numbered, to name the first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psycopg
from django.db import connection, transaction
from psycopg import sql

from fund import errors
from fund.models import Cycle
from fund.positions.reading import FIELDS, Table
from ledger.errors import ReferenceReused, Refused
from ledger.money import MAX_DECIMALS, MAX_INTEGER_DIGITS

_Cursor = psycopg.Cursor[tuple[int, ...]]

_NAME = sql.Literal("^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")
_AMOUNT = sql.Literal(r"^-?[0-9]+(\.[0-9]+)?$")
_TIME = sql.Literal(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the rows of one call: new ones, ones known with the same content, ones left out as asked."""

    added: int
    replayed: int
    excluded: int


@dataclass(frozen=True, slots=True)
class _Check:
    """A rule that each row keeps. `broken` is true of a row in the way; `detail` words it, `%s` is the value.

    `quick`, where there is one, passes what is fine already before it asks a regular expression, which costs
    microseconds a row: a number that reads the same after a round trip. It may fail on what is no number at all.
    """

    code: str
    field: str
    broken: str
    detail: str
    quick: str = ""


_TRADER = _Check("name_malformed", "trader", '{0} COLLATE "C" !~ {name}', "trader %s is not a name")
# The same rule of names in which reading has seen no byte but those that may stand in one.
_PLAIN_TRADER = "ascii({0}) IN (0, 43, 45, 46, 64, 95) OR octet_length({0}) > 100"
# In the order of precedence.
_CHECKS = (
    _Check("positions_malformed", "position", "length({0}) NOT BETWEEN 1 AND 200", "position %s is not 1 to 200 long"),
    _TRADER,
    _Check("positions_malformed", "contract", "length({0}) > 100", "contract %s is longer than 100"),
    _Check(
        "amount_malformed",
        "profit",
        '{0} COLLATE "C" !~ {amount}',
        "profit %s is not a plain decimal",
        quick="{0}::numeric::text IN ('NaN', 'Infinity', '-Infinity')"
        ' OR NOT ({0}::numeric::text = {0} OR {0} COLLATE "C" ~ {amount})',
    ),
    _Check(
        "amount_out_of_range",
        "profit",
        f"abs({{0}}::numeric) >= 1e{MAX_INTEGER_DIGITS}",
        f"profit %s has more than {MAX_INTEGER_DIGITS} integer digits",
        quick=f"octet_length({{0}}) > {MAX_DECIMALS} AND NOT abs({{0}}::numeric) < 1e{MAX_INTEGER_DIGITS}",
    ),
    _Check(
        "amount_precision",
        "profit",
        f"min_scale({{0}}::numeric) > {MAX_DECIMALS}",
        f"profit %s has more than {MAX_DECIMALS} decimals",
        quick=f"octet_length({{0}}) > {MAX_DECIMALS} AND min_scale({{0}}::numeric) > {MAX_DECIMALS}",
    ),
    _Check(
        "time_malformed",
        "opened_at",
        "{0} <> '' AND {0} COLLATE \"C\" !~ {time}",
        "opened_at %s is not a time with its offset",
    ),
)


def take(cycle: Cycle, table: Table, *, exclude: Mapping[str, str], default_contract: str) -> Taken:
    """Add the rows to the cycle, all or none. Raises what `positions.stream` says."""
    connection.ensure_connection()
    with transaction.atomic(), psycopg.Cursor(connection.connection) as cursor:
        _copy(cursor, table)
        staged = _Staged(cursor, table, exclude, default_contract)
        staged.check()
        rows, kept = staged.counts()
        added = staged.add(cycle)
        if added < kept:
            staged.check_known(cycle)
        cursor.execute("DROP TABLE staged_position")
    return Taken(added=added, replayed=kept - added, excluded=rows - kept)


def _copy(cursor: _Cursor, table: Table) -> None:
    """The rows as they are, in columns c1, c2… of text."""
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(_place(place)) for place in range(len(table.columns)))
    cursor.execute("DROP TABLE IF EXISTS pg_temp.staged_position")
    cursor.execute(sql.SQL("CREATE TEMPORARY TABLE staged_position ({}) ON COMMIT DROP").format(columns))
    try:
        # No text is NULL: an empty field is an empty text.
        with cursor.copy(r"COPY pg_temp.staged_position FROM STDIN (FORMAT csv, NULL E'\x01')") as copy:
            for chunk in table:
                copy.write(chunk)
    except psycopg.DataError as error:
        where = (error.diag.context or "").partition("\n")[0].partition(": ")[0].replace("COPY staged_position, ", "")
        raise errors.positions_malformed(None, f"{where}: {error.diag.message_primary}") from error


class _Staged:
    """The staged rows, with each field as an expression over their columns."""

    def __init__(self, cursor: _Cursor, table: Table, exclude: Mapping[str, str], default_contract: str) -> None:
        self.cursor = cursor
        self.plain_names = table.plain_names
        place_of = {name: _place(place) for place, name in enumerate(table.columns)}
        self.columns = {field: place_of[name] for field, name in table.source_of.items()}
        self.kept = sql.SQL(" AND ").join(
            [sql.SQL("true"), *(sql.SQL("{} <> {}").format(place_of[k], sql.Literal(v)) for k, v in exclude.items())]
        )
        contract = self.columns.get("contract", sql.SQL("''"))
        opened_at = self.columns.get("opened_at", sql.SQL("NULL"))
        self.values: Mapping[str, sql.Composable] = {
            "position": self.columns["position"],
            "trader": self.columns["trader"],
            "profit": sql.SQL("{}::numeric").format(self.columns["profit"]),
            "contract": sql.SQL("coalesce(nullif({}, ''), {})").format(contract, sql.Literal(default_contract)),
            "opened_at": sql.SQL("nullif({}, '')::timestamptz").format(opened_at),
        }
        assert tuple(self.values) == FIELDS

    def counts(self) -> tuple[int, int]:
        """All rows, and those that are not left out."""
        rows, kept = self._row("SELECT count(*), count(*) FILTER (WHERE {kept}) FROM pg_temp.staged_position")
        return rows, kept

    def check(self) -> None:
        """Raises Refused naming the first row that breaks a rule."""
        quick = sql.SQL(" OR ").join(
            sql.SQL("({})").format(self._broken(check, quick=True)) for check in _CHECKS if check.field in self.columns
        )
        try:
            with transaction.atomic():
                broken = self._row(
                    "SELECT EXISTS (SELECT FROM pg_temp.staged_position WHERE {kept} AND ({quick}))", quick=quick
                )
        except psycopg.DataError:
            # A text that is no number at all.
            broken = (1,)
        if broken[0]:
            self._refuse_first()

    def add(self, cycle: Cycle) -> int:
        """Insert the rows that are new. Returns how many."""
        try:
            # Most calls bring nothing but new positions, and looking for known ones costs a quarter of the time.
            return self._insert(cycle, sql.SQL(""))
        except psycopg.errors.UniqueViolation:
            return self._insert(cycle, sql.SQL("ON CONFLICT (cycle_id, position) DO NOTHING"))

    def _insert(self, cycle: Cycle, conflict: sql.SQL) -> int:
        query = self._composed(
            "INSERT INTO fund_cycleposition (cycle_id, {fields}) SELECT {cycle}, {values} FROM pg_temp.staged_position"
            " WHERE {kept} ORDER BY {position} {conflict}",
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
        found = self._row(
            "SELECT s.row, s.position FROM (SELECT row_number() OVER (ORDER BY ctid) AS row, {named}, {kept} AS kept"
            "  FROM pg_temp.staged_position) s"
            ' JOIN fund_cycleposition p ON p.cycle_id = {cycle} AND p.position = s.position COLLATE "C"'
            " WHERE s.kept AND (s.trader, s.profit, s.contract, s.opened_at)"
            " IS DISTINCT FROM (p.trader, p.profit, p.contract, p.opened_at) ORDER BY s.row LIMIT 1",
            cycle=sql.Literal(cycle.pk),
        )
        self.cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        if found:
            row, position = found
            raise ReferenceReused(
                str(position), f"row {row}: position {position} of {cycle} is held with other content"
            )

    def _refuse_first(self) -> None:
        checks = [check for check in _CHECKS if check.field in self.columns]
        # A CASE stops at the first rule broken, so that nothing is cast that is not a number.
        which = sql.SQL(" ").join(
            sql.SQL("WHEN {} THEN {}").format(self._broken(check, quick=False), sql.Literal(place))
            for place, check in enumerate(checks)
        )
        found = self._row(
            "SELECT s.row, s.broken, {fields} FROM (SELECT row_number() OVER (ORDER BY ctid) AS row, {texts},"
            " CASE WHEN NOT ({kept}) THEN NULL {which} END AS broken FROM pg_temp.staged_position) s"
            " WHERE s.broken IS NOT NULL ORDER BY s.row LIMIT 1",
            which=which,
        )
        assert found, "a quick check refuses what the full one takes"
        row, broken, *values = found
        check = checks[int(broken)]
        value = str(values[FIELDS.index(check.field)])
        raise Refused(check.code, f"row {row}: " + check.detail % repr(value[:100]))

    def _broken(self, check: _Check, *, quick: bool) -> sql.Composable:
        text = (check.quick if quick else "") or check.broken
        if quick and check is _TRADER and self.plain_names:
            text = _PLAIN_TRADER
        column = self.columns[check.field]
        return sql.SQL(text).format(column, name=_NAME, amount=_AMOUNT, time=_TIME)

    def _row(self, query: str, **parts: sql.Composable) -> tuple[int, ...]:
        return self.cursor.execute(self._composed(query, **parts)).fetchone() or ()

    def _composed(self, query: str, **parts: sql.Composable) -> sql.Composed:
        texts = [(field, self.columns.get(field, sql.SQL("''"))) for field in FIELDS]
        return sql.SQL(query).format(
            fields=_joined(sql.Identifier(field) for field in FIELDS),
            values=_joined(value for value in self.values.values()),
            named=_joined(
                sql.SQL("{} AS {}").format(value, sql.Identifier(field)) for field, value in self.values.items()
            ),
            texts=_joined(sql.SQL("{} AS {}").format(text, sql.Identifier(field)) for field, text in texts),
            kept=self.kept,
            **parts,
        )


def _place(place: int) -> sql.Identifier:
    return sql.Identifier(f"c{place + 1}")


def _joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
