"""The venue's open positions as they come in: all of them at once, in place of those known before.

Rows are `position,trader,contract,side,quantity,entry_price,mark_price` and, where a queue ranks by them, `margin` and
`wallet`: CSV with a header, NDJSON, or JSON rows. Source: api.md, `PUT /funds/{code}/positions/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO

import psycopg
from django.db import connection, transaction
from psycopg import sql

from fund import errors, funds
from fund.models import Fund
from fund.positions.reading import READERS, Shape, Table, from_documents, from_rows
from fund.positions.staging import CONTRACT, POSITION, TRADER, Check, Staged, amount_checks, copy_in, joined
from ledger.errors import Refused
from ledger.money import plain

SHAPE = Shape(
    fields=("position", "trader", "contract", "side", "quantity", "entry_price", "mark_price", "margin", "wallet"),
    required=("position", "trader", "contract", "side", "quantity", "entry_price", "mark_price"),
    amounts=frozenset({"quantity", "entry_price", "mark_price", "margin", "wallet"}),
)
_POSITIVE = ("quantity", "entry_price", "mark_price")
# In the order of precedence.
_CHECKS = (
    POSITION,
    TRADER,
    CONTRACT,
    Check("positions_malformed", "contract", "{0} = ''", "contract %s is empty"),
    Check(
        "positions_malformed",
        "side",
        "{0} NOT IN ('long', 'short')",
        "side %s is not one of long, short",
        at_insert=True,
    ),
    *(check for field in _POSITIVE for check in amount_checks(field)),
    *(check for field in ("margin", "wallet") for check in amount_checks(field, optional=True)),
    *(
        Check("positions_malformed", field, "NOT {0}::numeric > 0", f"{field} %s is not above 0", at_insert=True)
        for field in _POSITIVE
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionRow:
    """One open position, prices in quote per unit; `margin` and `wallet` where a queue asks for them."""

    position: str
    trader: str
    contract: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin: Decimal | None = None
    wallet: Decimal | None = None


def replace_positions(*, fund_code: str, rows: Iterable[PositionRow]) -> int:
    """The venue's open positions as of now, in place of all that were known. Returns their number.

    Nobody sees a part of them. Raises NotFound `fund_unknown`; Refused `positions_malformed`, `name_malformed`,
    `amount_malformed`, `amount_out_of_range`, `amount_precision`, `position_repeated`, each naming the row, counted
    from 1 without a header.
    """
    return _replace(funds.find(fund_code), from_rows(_written(rows), shape=SHAPE))


def replace_from_documents(*, fund_code: str, rows: Iterable[object]) -> int:
    """The same with rows as JSON has them: objects, or lists of values in the order of the columns.

    Raises as `replace_positions`, and Refused `amount_must_be_string`.
    """
    return _replace(funds.find(fund_code), from_documents(rows, shape=SHAPE))


def replace_from_stream(*, fund_code: str, source: BinaryIO, format: str) -> int:
    """The same from a file of `csv` or `ndjson`, in constant memory.

    Raises as `replace_from_documents`, and Refused `positions_format`, `positions_columns`.
    """
    fund = funds.find(fund_code)
    if format not in READERS:
        raise errors.positions_format(format, READERS)
    return _replace(fund, READERS[format](source, shape=SHAPE, columns=None, exclude={}))


def _written(rows: Iterable[PositionRow]) -> Iterator[Sequence[str]]:
    for number, row in enumerate(rows, 1):
        amounts = (row.quantity, row.entry_price, row.mark_price, row.margin, row.wallet)
        for amount in amounts:
            if amount is not None and not amount.is_finite():
                raise Refused("amount_malformed", f"row {number}: {amount} is not an amount")
        texts = ("" if amount is None else plain(amount) for amount in amounts)
        yield (row.position, row.trader, row.contract, row.side, *texts)


def _replace(fund: Fund, table: Table) -> int:
    connection.ensure_connection()
    with transaction.atomic(), psycopg.Cursor(connection.connection) as cursor:
        copy_in(cursor, table)
        staged = Staged(cursor, table, checks=_CHECKS, exclude={})
        staged.check()
        # One at a time: of two uploads the one that comes second holds, as a whole. What books on the fund goes on.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('fund_openposition', %s))", [fund.pk])
        cursor.execute("DELETE FROM fund_openposition WHERE fund_id = %s", [fund.pk])
        try:
            with transaction.atomic():
                count = _insert(staged, fund)
        except (psycopg.errors.CheckViolation, psycopg.errors.StringDataRightTruncation):
            staged.refuse_first()
            raise
        except psycopg.errors.UniqueViolation:
            _refuse_repeated(staged)
            raise
        cursor.execute("DROP TABLE staged_position")
    return count


def _insert(staged: Staged, fund: Fund) -> int:
    values: dict[str, sql.Composable] = dict(staged.columns)
    for field in SHAPE.amounts & values.keys():
        values[field] = sql.SQL("nullif({}, '')::numeric").format(values[field])
    query = sql.SQL(
        "INSERT INTO fund_openposition (fund_id, {fields}) SELECT {fund}, {values} FROM pg_temp.staged_position"
    ).format(
        fields=joined(sql.Identifier(field) for field in values),
        values=joined(values.values()),
        fund=sql.Literal(fund.pk),
    )
    return staged.cursor.execute(query).rowcount


def _refuse_repeated(staged: Staged) -> None:
    """Raises Refused `position_repeated` for the first row whose position stands in an earlier one."""
    row, position, earlier = staged.row(
        "SELECT r.row, r.position, r.earlier FROM (SELECT n.row, n.position, min(n.row) OVER same AS earlier"
        " FROM (SELECT row_number() OVER (ORDER BY ctid) AS row, {position} AS position FROM pg_temp.staged_position) n"
        " WINDOW same AS (PARTITION BY n.position)) r WHERE r.row > r.earlier ORDER BY r.row LIMIT 1",
        position=staged.columns["position"],
    )
    # Rows are counted from 1, places in JSON from 0.
    where = f"items.{row - 1}.position"
    raise Refused("position_repeated", f"row {row}: position {position} stands in row {earlier} already", field=where)
