"""Rows on their way in: COPY to a temporary table of text, checked there as a whole.

Checks are made for all rows at once. Only where one fails are rows numbered, to name the first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import transaction
from psycopg import sql

from fund import errors
from fund.positions.reading import Table
from ledger.errors import Refused
from ledger.money import MAX_DECIMALS, MAX_INTEGER_DIGITS

Cursor = psycopg.Cursor[tuple[Any, ...]]

_NAME = sql.Literal("^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")
_AMOUNT = sql.Literal(r"^-?[0-9]+(\.[0-9]+)?$")
_TIME = sql.Literal(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that each row keeps. `broken` is true of a row in the way; `detail` words it, `%s` is the value.

    `quick`, where there is one, passes what is fine already before it asks a regular expression, which costs
    microseconds a row: a number that reads the same after a round trip. It may fail on what is no number at all.
    `at_insert`: the table the rows are for has the rule itself, so that they are only asked when it refuses one.
    """

    code: str
    field: str
    broken: str
    detail: str
    quick: str = ""
    at_insert: bool = False


POSITION = Check(
    "positions_malformed", "position", "length({0}) NOT BETWEEN 1 AND 200", "position %s is not 1 to 200 long"
)
TRADER = Check("name_malformed", "trader", '{0} COLLATE "C" !~ {name}', "trader %s is not a name")
CONTRACT = Check("positions_malformed", "contract", "length({0}) > 100", "contract %s is longer than 100")
# The rule of names for those in which reading has seen no byte but what may stand in one.
_PLAIN_TRADER = "ascii({0}) IN (0, 43, 45, 46, 64, 95) OR octet_length({0}) > 100"


def amount_checks(field: str, *, optional: bool = False) -> tuple[Check, ...]:
    """That a column has plain decimals which the books can hold; where it is `optional`, or nothing."""
    given = "{0} <> '' AND " if optional else ""
    number = "nullif({0}, '')::numeric" if optional else "{0}::numeric"
    return (
        Check(
            "amount_malformed",
            field,
            f'{given}{{0}} COLLATE "C" !~ {{amount}}',
            f"{field} %s is not a plain decimal",
            quick=f"{number}::text IN ('NaN', 'Infinity', '-Infinity')"
            f' OR NOT ({number}::text = {{0}} OR {{0}} COLLATE "C" ~ {{amount}})',
        ),
        Check(
            "amount_out_of_range",
            field,
            f"{given}abs({{0}}::numeric) >= 1e{MAX_INTEGER_DIGITS}",
            f"{field} %s has more than {MAX_INTEGER_DIGITS} integer digits",
            quick=f"octet_length({{0}}) > {MAX_DECIMALS} AND NOT abs({{0}}::numeric) < 1e{MAX_INTEGER_DIGITS}",
        ),
        Check(
            "amount_precision",
            field,
            f"{given}min_scale({{0}}::numeric) > {MAX_DECIMALS}",
            f"{field} %s has more than {MAX_DECIMALS} decimals",
            quick=f"octet_length({{0}}) > {MAX_DECIMALS} AND min_scale({{0}}::numeric) > {MAX_DECIMALS}",
        ),
    )


def copy_in(cursor: Cursor, table: Table) -> None:
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


class Staged:
    """The staged rows. `values`: what each column of the target gets, an expression over `columns`.

    `kept` is true of the rows that are not left out.
    """

    def __init__(self, cursor: Cursor, table: Table, *, checks: Sequence[Check], exclude: Mapping[str, str]) -> None:
        self.cursor = cursor
        self.plain_names = table.plain_names
        place_of = {name: _place(place) for place, name in enumerate(table.columns)}
        self.columns = {field: place_of[name] for field, name in table.source_of.items()}
        self.checks = [check for check in checks if check.field in self.columns]
        self.kept = sql.SQL(" AND ").join(
            [sql.SQL("true"), *(sql.SQL("{} <> {}").format(place_of[k], sql.Literal(v)) for k, v in exclude.items())]
        )

    def counts(self) -> tuple[int, int]:
        """All rows, and those that are not left out."""
        rows, kept = self.row("SELECT count(*), count(*) FILTER (WHERE {kept}) FROM pg_temp.staged_position")
        return rows, kept

    def check(self) -> None:
        """Raises Refused naming the first row that breaks a rule."""
        quick = sql.SQL(" OR ").join(
            sql.SQL("({})").format(self._broken(check, quick=True)) for check in self.checks if not check.at_insert
        )
        try:
            with transaction.atomic():
                broken = self.row(
                    "SELECT EXISTS (SELECT FROM pg_temp.staged_position WHERE {kept} AND ({quick}))", quick=quick
                )
        except psycopg.DataError:
            # A text that is no number at all.
            broken = (1,)
        if broken[0]:
            self.refuse_first()

    def refuse_first(self) -> None:
        """Raises Refused naming the first row that breaks a rule; there is one."""
        # A CASE stops at the first rule broken, so that nothing is cast that is not a number.
        which = sql.SQL(" ").join(
            sql.SQL("WHEN {} THEN {}").format(self._broken(check, quick=False), sql.Literal(place))
            for place, check in enumerate(self.checks)
        )
        texts = joined(self.columns[check.field] for check in self.checks)
        found = self.row(
            "SELECT s.row, s.broken, s.texts[s.broken + 1] FROM (SELECT row_number() OVER (ORDER BY ctid) AS row,"
            " ARRAY[{texts}] AS texts, CASE WHEN NOT ({kept}) THEN NULL {which} END AS broken"
            " FROM pg_temp.staged_position) s WHERE s.broken IS NOT NULL ORDER BY s.row LIMIT 1",
            which=which,
            texts=texts,
        )
        assert found, "a quick check or the table refuses what the full checks take"
        row, broken, value = found
        check = self.checks[broken]
        raise Refused(check.code, f"row {row}: " + check.detail % repr(value[:100]))

    def row(self, query: str, **parts: sql.Composable) -> tuple[Any, ...]:
        """The first row of a query over `pg_temp.staged_position`, where `{kept}` and the parts are put in."""
        return self.cursor.execute(sql.SQL(query).format(kept=self.kept, **parts)).fetchone() or ()

    def _broken(self, check: Check, *, quick: bool) -> sql.Composable:
        text = (check.quick if quick else "") or check.broken
        if quick and check is TRADER and self.plain_names:
            text = _PLAIN_TRADER
        return sql.SQL(text).format(self.columns[check.field], name=_NAME, amount=_AMOUNT, time=_TIME)


def joined(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _place(place: int) -> sql.Identifier:
    return sql.Identifier(f"c{place + 1}")
