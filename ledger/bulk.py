"""Rows of a model written and read in one statement that the server prepares: what a busy path can afford.

Django's own way compiles each query anew, and the server plans it anew.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import psycopg
from django.db import connection, models

from ledger import arrays

ModelT = TypeVar("ModelT", bound=models.Model)


def read_rows(
    model: type[ModelT], condition: str, arguments: Sequence[Any], *, related: tuple[str, ...] = ()
) -> list[ModelT]:
    """The model's rows that fit the SQL condition, with the rows that the foreign keys `related` lead to.

    The model's table goes by the name `r` in the condition. Foreign keys that may be null are none to follow.
    """
    query = rows_query(model, condition, related=related)
    return made_rows(model, _run(query, arguments).fetchall(), related=related)


def rows_query(model: type[ModelT], condition: str, *, related: tuple[str, ...] = ()) -> str:
    """What `read_rows` asks."""
    return _select(model, related) + condition


def made_rows(model: type[ModelT], found: Sequence[Sequence[Any]], *, related: tuple[str, ...] = ()) -> list[ModelT]:
    """What `read_rows` makes of the answer."""
    models_: list[type[models.Model]] = [model, *(_foreign(model, name) for name in related)]
    rows: list[ModelT] = []
    for values in found:
        made: list[Any] = []
        start = 0
        for each in models_:
            names, converters = _read_columns(each)
            part = list(values[start : start + len(names)])
            start += len(names)
            for place, convert in converters:
                part[place] = convert(part[place], None, connection)
            made.append(each.from_db(connection.alias, names, part))
        row = made[0]
        for name, other in zip(related, made[1:], strict=True):
            setattr(row, name, other)
        rows.append(row)
    return rows


def read_together(*queries: tuple[str, Sequence[Any]]) -> list[list[Any]]:
    """What several queries find that do not depend on each other: sent at once, the server is waited for once."""
    connection.ensure_connection()
    with connection.connection.pipeline():
        cursors = [_run(query, arguments) for query, arguments in queries]
        return [cursor.fetchall() for cursor in cursors]


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model, in their order, and give each its id: one statement, whatever their number.

    Columns in which all rows have the same are written once. For fields that the database knows as they are: texts,
    numbers, moments, foreign keys.
    """
    if not rows:
        return
    model = type(rows[0])
    columns = [[getattr(row, name) for row in rows] for name in _insert_names(model)]
    if len(rows) == 1:
        found = _run(_insert_one(model), [column[0] for column in columns]).fetchall()
    else:
        same = tuple(column.count(column[0]) == len(column) for column in columns)
        given = [column[0] if alike else arrays.of_values(column) for column, alike in zip(columns, same, strict=True)]
        found = _run(_insert_many(model, same), [*given, len(rows)] if all(same) else given).fetchall()
    for row, (key,) in zip(rows, found, strict=True):
        row.pk = key
        row._state.adding = False
        row._state.db = connection.alias


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write the named fields of the rows, all of one model, by primary key: one statement, whatever their number.

    Django's own bulk_update writes one CASE branch a row and field. Rows come in id order where others change them too.
    """
    if not rows:
        return
    model = type(rows[0])
    names = [model._meta.pk.attname, *(_column(model, name).attname for name in fields)]
    values = [arrays.of_values([getattr(row, name) for row in rows]) for name in names]
    _run(_update(model, tuple(fields)), values)


def _run(query: str, arguments: Sequence[Any]) -> "psycopg.Cursor[Any]":
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection).execute(query.encode(), arguments)


@cache
def _select(model: type[models.Model], related: tuple[str, ...]) -> str:
    columns = [f"r.{_quoted(field)}" for field in _fields(model)]
    joins = ""
    for place, name in enumerate(related):
        other = _foreign(model, name)
        columns += [f"r{place}.{_quoted(field)}" for field in _fields(other)]
        table, key = connection.ops.quote_name(other._meta.db_table), _quoted(other._meta.pk)
        joins += f" JOIN {table} r{place} ON r{place}.{key} = r.{_quoted(_column(model, name))}"
    table = connection.ops.quote_name(model._meta.db_table)
    return f"SELECT {', '.join(columns)} FROM {table} r{joins} WHERE "


@cache
def _insert_one(model: type[models.Model]) -> str:
    fields = [_column(model, name) for name in _insert_names(model)]
    table, key = connection.ops.quote_name(model._meta.db_table), _quoted(model._meta.pk)
    names, values = ", ".join(map(_quoted, fields)), ", ".join(f"%s::{_type(field)}" for field in fields)
    return f"INSERT INTO {table} ({names}) VALUES ({values}) RETURNING {key}"


@cache
def _insert_many(model: type[models.Model], same: tuple[bool, ...]) -> str:
    """Every column is an argument in the order of the fields, as one value or as an array of them."""
    fields = [_column(model, name) for name in _insert_names(model)]
    given = ", ".join(
        f"%s::{_type(field)}{'' if alike else '[]'} AS c{place}"
        for place, (field, alike) in enumerate(zip(fields, same, strict=True))
    )
    arrays_ = [place for place, alike in enumerate(same) if not alike]
    unnested = ", ".join(f"g.c{place}" for place in arrays_)
    named = ", ".join([*(f"u{place}" for place in arrays_), "place"])
    if arrays_:
        each = f"unnest({unnested}) WITH ORDINALITY AS n ({named})"
    else:
        each = "generate_series(1, %s::integer) AS n (place)"
    values = ", ".join(f"g.c{place}" if alike else f"n.u{place}" for place, alike in enumerate(same))
    table, key = connection.ops.quote_name(model._meta.db_table), _quoted(model._meta.pk)
    names = ", ".join(_quoted(field) for field in fields)
    return (
        f"INSERT INTO {table} ({names}) SELECT {values} FROM (SELECT {given}) g CROSS JOIN LATERAL {each}"
        f" ORDER BY n.place RETURNING {key}"
    )


@cache
def _update(model: type[models.Model], fields: tuple[str, ...]) -> str:
    columns = [model._meta.pk, *(_column(model, name) for name in fields)]
    assignments = ", ".join(f"{_quoted(column)} = n.{_quoted(column)}" for column in columns[1:])
    given = ", ".join(f"%s::{_type(column)}[]" for column in columns)
    names = ", ".join(_quoted(column) for column in columns)
    table, key = connection.ops.quote_name(model._meta.db_table), _quoted(columns[0])
    return f"UPDATE {table} t SET {assignments} FROM unnest({given}) AS n ({names}) WHERE t.{key} = n.{key}"


@cache
def _fields(model: type[models.Model]) -> list[Any]:
    return list(model._meta.concrete_fields)


@cache
def _insert_names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in _fields(model) if not field.primary_key and not field.generated]


@cache
def _read_columns(model: type[models.Model]) -> tuple[list[str], list[tuple[int, Any]]]:
    fields = _fields(model)
    converters = [(place, field.from_db_value) for place, field in enumerate(fields) if hasattr(field, "from_db_value")]
    return [field.attname for field in fields], converters


def _foreign(model: type[models.Model], name: str) -> type[models.Model]:
    other: type[models.Model] = _column(model, name).related_model
    return other


def _column(model: type[models.Model], name: str) -> Any:
    field = next((field for field in _fields(model) if name in (field.name, field.attname)), None)
    assert field is not None, f"{name} has no column"
    return field


def _type(field: Any) -> str:
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)
