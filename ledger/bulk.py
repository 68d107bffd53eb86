"""Rows of a model written and read in one statement that the server prepares: what a busy path can afford.

Django's own way compiles each query anew, and the server plans it anew.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
    names: dict[str, type[models.Model] | None] = {
        "r": model,
        **{f"r{place}": _foreign(model, name) for place, name in enumerate(related)},
    }
    rows: list[ModelT] = []
    for row, *others in read_joined(names, f"{_joined(model, related)} WHERE {condition}", arguments):
        for name, other in zip(related, others, strict=True):
            setattr(row, name, other)
        rows.append(row)
    return rows


def read_joined(
    names: Mapping[str, type[models.Model] | None], source: str, arguments: Sequence[Any]
) -> Iterator[list[Any]]:
    """Rows of several models from one FROM clause, in which each goes by its name; None where an outer join has none.

    A name without a model is a column as it is.
    """
    models_ = tuple(names.values())
    shapes = [_read_columns(model) if model else None for model in models_]
    for values in run(_columns(tuple(names), models_) + source, arguments):
        found: list[Any] = []
        start = 0
        for model, shape in zip(models_, shapes, strict=True):
            if model is None or shape is None:
                found.append(values[start])
                start += 1
                continue
            names_, converters, key = shape
            part = list(values[start : start + len(names_)])
            start += len(names_)
            if part[key] is None:
                found.append(None)
                continue
            for place, convert in converters:
                part[place] = convert(part[place], None, connection)
            found.append(model.from_db(connection.alias, names_, part))
        yield found


def among(column: str, values: Collection[str]) -> tuple[str, str]:
    """An SQL condition and its argument: that a column of texts has one of the values.

    A single one is compared as such. Of an array the server does not believe that it is as short every time, and plans
    the statement anew.
    """
    if len(values) == 1:
        (value,) = values
        return f"{column} = %s", value
    return f"{column} = ANY(%s::text[])", arrays.texts(values)


def new_row(model: type[ModelT], values: Mapping[str, Any]) -> ModelT:
    """A row that is not saved yet, its fields by name, the others at their defaults: at half of what `model(**)` costs.

    Related rows are given themselves.
    """
    blank, made = _blank(model)
    values = {**{name: default() for name, default in made.items()}, **values}
    given: list[Any] = []
    related: list[tuple[Any, models.Model]] = []
    for field, name, default in blank:
        value = values.get(name, default)
        if field is not None and value is not None:
            related.append((field, value))
            value = value.pk
        given.append(value)
    assert values.keys() <= _names(model), f"{model.__name__} has no {', '.join(values.keys() - _names(model))}"
    row = model(*given)
    for field, other in related:
        field.set_cached_value(row, other)
    return row


def insert_rows(rows: Sequence[models.Model], *, along: tuple[str, Sequence[Any]] = ("", ())) -> None:
    """Insert new rows of one model, in their order, and give each its id: one statement, whatever their number.

    Columns in which all rows have the same are written once. For fields that the database knows as they are: texts,
    numbers, moments, foreign keys. `along`: another INSERT with its arguments that the same statement makes.
    """
    if not rows:
        return
    with_it = f"WITH along AS ({along[0]}) " if along[0] else ""
    model = type(rows[0])
    columns = [[getattr(row, name) for row in rows] for name in _insert_names(model)]
    if len(rows) == 1:
        query, given = _insert_one(model), [column[0] for column in columns]
    else:
        same = tuple(column.count(column[0]) == len(column) for column in columns)
        given = [column[0] if alike else arrays.of_values(column) for column, alike in zip(columns, same, strict=True)]
        query, given = _insert_many(model, same), [*given, len(rows)] if all(same) else given
    found = run(with_it + query, [*along[1], *given]).fetchall()
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
    run(_update(model, tuple(fields)), values)


def run(query: str, arguments: Sequence[Any]) -> "psycopg.Cursor[Any]":
    """Run a statement that the server plans once for all the times a connection runs it. Raises psycopg's errors."""
    connection.ensure_connection()
    try:
        return psycopg.Cursor(connection.connection).execute(query.encode(), arguments)
    except psycopg.OperationalError:
        note_error()
        raise


def note_error() -> None:
    """Have Django look, before the next request or task, whether the connection still is one.

    It does so by itself after statements of its own; those that go past it would fail on a lost one again and again.
    """
    connection.errors_occurred = True


@cache
def _blank(model: type[models.Model]) -> tuple[list[tuple[Any, str, Any]], dict[str, Callable[[], Any]]]:
    """Each column's field where it leads to another row, its name and its default; and defaults made anew each time."""
    made = {field.name: field.default for field in _fields(model) if field.has_default() and callable(field.default)}
    blank = []
    for field in _fields(model):
        default = models.DEFERRED if field.generated else None if field.name in made else field.get_default()
        blank.append((field if field.is_relation else None, field.name, default))
    return blank, made


@cache
def _names(model: type[models.Model]) -> frozenset[str]:
    return frozenset(field.name for field in _fields(model))


@cache
def _columns(names: tuple[str, ...], models_: tuple[type[models.Model] | None, ...]) -> str:
    columns = [
        f"{name}.{_quoted(field)}" if model else name
        for name, model in zip(names, models_, strict=True)
        for field in (_fields(model) if model else (None,))
    ]
    return f"SELECT {', '.join(columns)} FROM "


@cache
def _joined(model: type[models.Model], related: tuple[str, ...]) -> str:
    joins = f"{_table(model)} r"
    for place, name in enumerate(related):
        other = _foreign(model, name)
        key = _quoted(other._meta.pk)
        joins += f" JOIN {_table(other)} r{place} ON r{place}.{key} = r.{_quoted(_column(model, name))}"
    return joins


@cache
def _insert_one(model: type[models.Model]) -> str:
    fields = [_column(model, name) for name in _insert_names(model)]
    table, key = _table(model), _quoted(model._meta.pk)
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
    table, key = _table(model), _quoted(model._meta.pk)
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
    table, key = _table(model), _quoted(columns[0])
    return f"UPDATE {table} t SET {assignments} FROM unnest({given}) AS n ({names}) WHERE t.{key} = n.{key}"


@cache
def _fields(model: type[models.Model]) -> list[Any]:
    return list(model._meta.concrete_fields)


@cache
def _insert_names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in _fields(model) if not field.primary_key and not field.generated]


@cache
def _read_columns(model: type[models.Model]) -> tuple[list[str], list[tuple[int, Any]], int]:
    """Names, what has to be converted, and where the primary key stands."""
    fields = _fields(model)
    converters = [(place, field.from_db_value) for place, field in enumerate(fields) if hasattr(field, "from_db_value")]
    return [field.attname for field in fields], converters, fields.index(model._meta.pk)


def _foreign(model: type[models.Model], name: str) -> type[models.Model]:
    other: type[models.Model] = _column(model, name).related_model
    return other


def _column(model: type[models.Model], name: str) -> Any:
    field = next((field for field in _fields(model) if name in (field.name, field.attname)), None)
    assert field is not None, f"{name} has no column"
    return field


def _type(field: Any) -> str:
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)
