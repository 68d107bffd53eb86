"""Rows of a model written and read in one statement that the server prepares: what a busy path can afford.

Django's own way compiles each query anew, and the server plans it anew.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import psycopg
from django.db import connection, models
from django.db.models.base import ModelState

from ledger import arrays

ModelT = TypeVar("ModelT", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT that may stand in a larger statement, and its arguments."""

    query: str
    arguments: Sequence[Any]


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
    shapes = [(_read_columns(model), model) if model else None for model in models_]
    for values in run(_columns(tuple(names), models_) + source, arguments):
        found: list[Any] = []
        each = iter(values)
        for shape in shapes:
            if shape is None:
                found.append(next(each))
                continue
            (columns, converters, key), model = shape
            # The columns first: where they are through, no value more is taken.
            given = dict(zip(columns, each, strict=False))
            if given[key] is None:
                found.append(None)
                continue
            for column, convert in converters:
                given[column] = convert(given[column], None, connection)
            found.append(_row(model, given, adding=False))
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
    """A row that is not saved yet, its fields by name, the others at their defaults: at a third of `model(**)`'s cost.

    Related rows are given themselves.
    """
    blank, made, related = _blank(model)
    given = blank.copy()
    for name, default in made.items():
        given[name] = default()
    others: list[tuple[Any, models.Model]] = []
    for name, value in values.items():
        field = related.get(name)
        if field is None:
            assert name in given, f"{model.__name__} has no {name}"
            given[name] = value
        elif value is not None:
            given[field.attname] = value.pk
            others.append((field, value))
    row = _row(model, given, adding=True)
    for field, value in others:
        field.set_cached_value(row, value)
    return row


def inserting(
    rows: Sequence[models.Model], source: str, *, picked: Mapping[str, tuple[str, Sequence[int | None]]]
) -> Insert:
    """The INSERT of new rows of one model, at least one, in their order; whatever their number it is one statement.

    It reads from `source`, which has one row, and returns the ids as `key`. `picked` columns are an element of an array
    of that source: its SQL name, and each row's place in it, from 1, or None. The others are as the rows have them. For
    fields that the database knows as they are: texts, numbers, moments, foreign keys.
    """
    model = type(rows[0])
    blank, made, _ = _blank(model)
    columns: list[tuple[str, str, bool]] = []
    values: list[Any] = []
    for name in _insert_names(model):
        array, column = picked.get(name) or ("", [getattr(row, name) for row in rows])
        first, count = column[0], len(rows)
        # What stands at its default in all rows is written once, or where that is nothing, not at all. What was told is
        # never looked at in this way: the server would have to plan for every case anew.
        alike = (name in made or first == blank[name]) and column.count(first) == count
        if alike and first is None:
            continue
        columns.append((name, array, alike or count == 1))
        values.append(first if alike or count == 1 else arrays.of_values(column))
    query = (_insert_one if len(rows) == 1 else _insert_many)(model, source, tuple(columns))
    return Insert(query, values)


def inserted(rows: Sequence[models.Model], keys: Sequence[Any]) -> None:
    """Have the rows know that they are in the database, by the ids that their INSERT has returned.

    What the database has given them besides is read when it is asked for.
    """
    given = [field.attname for field in _fields(type(rows[0])) if _is_given(field)] if rows else []
    for row, key in zip(rows, keys, strict=True):
        row.pk = key
        for name in given:
            row.__dict__.pop(name, None)
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


def _row(model: type[ModelT], values: dict[str, Any], *, adding: bool) -> ModelT:
    """As a row comes out of a pickle: `__init__` sets field by field, and sends signals that nobody hears here."""
    row = model.__new__(model)
    row.__dict__.update(values)
    row._state = ModelState()
    row._state.adding = adding
    row._state.db = None if adding else connection.alias
    return row


@cache
def _blank(model: type[models.Model]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]], dict[str, Any]]:
    """Columns with their defaults, defaults that are made anew each time, and fields that lead to another row."""
    fields = [field for field in _fields(model) if not field.generated]
    made = {field.attname: field.default for field in fields if field.has_default() and callable(field.default)}
    blank = {field.attname: None if field.attname in made else field.get_default() for field in fields}
    return blank, made, {field.name: field for field in fields if field.is_relation}


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
def _insert_one(model: type[models.Model], source: str, columns: tuple[tuple[str, str, bool], ...]) -> str:
    values = ", ".join(
        f"{array}[%s::integer]" if array else f"%s::{_type(_column(model, name))}" for name, array, _ in columns
    )
    return f"{_insert_into(model, columns)} SELECT {values} FROM {source} RETURNING {_quoted(model._meta.pk)} AS key"


@cache
def _insert_many(model: type[models.Model], source: str, columns: tuple[tuple[str, str, bool], ...]) -> str:
    """Every column is an argument, in their order, as one value or as an array of them; one at least is an array."""
    types = ["integer" if array else _type(_column(model, name)) for name, array, _ in columns]
    given = ", ".join(
        f"%s::{type_}{'' if alike else '[]'} AS c{place}"
        for place, (type_, (_, _, alike)) in enumerate(zip(types, columns, strict=True))
    )
    several = [place for place, (_, _, alike) in enumerate(columns) if not alike]
    unnested, named = (", ".join(f"{letter}{place}" for place in several) for letter in ("g.c", "u"))
    taken = ", ".join(
        f"{array}[{value}]" if array else value
        for place, (_, array, alike) in enumerate(columns)
        for value in [f"g.c{place}" if alike else f"n.u{place}"]
    )
    return (
        f"{_insert_into(model, columns)} SELECT {taken} FROM {source} CROSS JOIN (SELECT {given}) g"
        f" CROSS JOIN LATERAL unnest({unnested}) WITH ORDINALITY AS n ({named}, place)"
        f" ORDER BY n.place RETURNING {_quoted(model._meta.pk)} AS key"
    )


def _insert_into(model: type[models.Model], columns: tuple[tuple[str, str, bool], ...]) -> str:
    return f"INSERT INTO {_table(model)} ({', '.join(_quoted(_column(model, name)) for name, _, _ in columns)})"


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
    fields = [field for field in _fields(model) if not field.primary_key and not field.generated]
    return [field.attname for field in fields if not _is_given(field)]


def _is_given(field: Any) -> bool:
    """Whether the database alone gives it its value."""
    return bool(field.has_db_default()) and not field.has_default()


@cache
def _read_columns(model: type[models.Model]) -> tuple[list[str], list[tuple[str, Any]], str]:
    """Names, which of them have to be converted by what, and the primary key's."""
    fields = _fields(model)
    converters = [(field.attname, field.from_db_value) for field in fields if hasattr(field, "from_db_value")]
    return [field.attname for field in fields], converters, model._meta.pk.attname


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
