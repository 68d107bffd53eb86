"""Many rows of a model changed in one statement."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models
from psycopg import sql


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write the named fields of the rows, all of one model, by primary key: one statement, whatever their number.

    Django's own bulk_update writes one CASE branch a row and field. Rows come in id order where others change them too.
    """
    if not rows:
        return
    meta = rows[0]._meta
    columns = [_column(meta.get_field(name)) for name in (meta.pk.name, *fields)]
    names = [sql.Identifier(column.column) for column in columns]
    query = sql.SQL(
        "UPDATE {table} t SET {assignments} FROM unnest({arrays}) AS n ({names}) WHERE t.{key} = n.{key}"
    ).format(
        table=sql.Identifier(meta.db_table),
        assignments=sql.SQL(", ").join([sql.SQL("{0} = n.{0}").format(name) for name in names[1:]]),
        arrays=sql.SQL(", ").join([sql.SQL(f"%s::{_element(column)}[]") for column in columns]),
        names=sql.SQL(", ").join(names),
        key=names[0],
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [[getattr(row, column.attname) for row in rows] for column in columns])


def _column(field: object) -> Any:
    assert isinstance(field, models.Field), f"{field} has no column"
    return field


def _element(column: Any) -> str:
    return str(column.rel_db_type(connection) if column.primary_key else column.db_type(connection))
