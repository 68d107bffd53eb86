"""Rows changed."""

from collections.abc import Sequence
from functools import cache

from django.db import models

from ledger import arrays
from ledger.bulk.columns import column_of, quoted, table_of, type_of
from ledger.bulk.running import run


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write the named fields of the rows, all of one model, by primary key: one statement, whatever their number.

    Django's own bulk_update writes one CASE branch a row and field. Rows come in id order where others change them too.
    """
    if not rows:
        return
    model = type(rows[0])
    names = [model._meta.pk.attname, *(column_of(model, name).attname for name in fields)]
    values = [arrays.of_values([getattr(row, name) for row in rows]) for name in names]
    run(_update(model, tuple(fields)), values)


@cache
def _update(model: type[models.Model], fields: tuple[str, ...]) -> str:
    columns = [model._meta.pk, *(column_of(model, name) for name in fields)]
    assignments = ", ".join(f"{quoted(column)} = n.{quoted(column)}" for column in columns[1:])
    given = ", ".join(f"%s::{type_of(column)}[]" for column in columns)
    names = ", ".join(quoted(column) for column in columns)
    table, key = table_of(model), quoted(columns[0])
    return f"UPDATE {table} t SET {assignments} FROM unnest({given}) AS n ({names}) WHERE t.{key} = n.{key}"
