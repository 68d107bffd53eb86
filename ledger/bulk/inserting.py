"""New rows, and the INSERT of them as a part of a larger statement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection, models

from ledger import arrays
from ledger.bulk.columns import ModelT, column_of, fields_of, made_row, quoted, table_of, type_of


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT that may stand in a larger statement, and its arguments."""

    query: str
    arguments: Sequence[Any]


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
    row = made_row(model, given, adding=True)
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
    given = [field.attname for field in fields_of(type(rows[0])) if _is_given(field)] if rows else []
    for row, key in zip(rows, keys, strict=True):
        row.pk = key
        for name in given:
            row.__dict__.pop(name, None)
        row._state.adding = False
        row._state.db = connection.alias


@cache
def _blank(model: type[models.Model]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]], dict[str, Any]]:
    """Columns with their defaults, defaults that are made anew each time, and fields that lead to another row."""
    fields = [field for field in fields_of(model) if not field.generated]
    made = {field.attname: field.default for field in fields if field.has_default() and callable(field.default)}
    blank = {field.attname: None if field.attname in made else field.get_default() for field in fields}
    return blank, made, {field.name: field for field in fields if field.is_relation}


@cache
def _insert_one(model: type[models.Model], source: str, columns: tuple[tuple[str, str, bool], ...]) -> str:
    values = ", ".join(
        f"{array}[%s::integer]" if array else f"%s::{type_of(column_of(model, name))}" for name, array, _ in columns
    )
    return f"{_insert_into(model, columns)} SELECT {values} FROM {source} RETURNING {quoted(model._meta.pk)} AS key"


@cache
def _insert_many(model: type[models.Model], source: str, columns: tuple[tuple[str, str, bool], ...]) -> str:
    """Every column is an argument, in their order, as one value or as an array of them; one at least is an array."""
    types = ["integer" if array else type_of(column_of(model, name)) for name, array, _ in columns]
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
        f" ORDER BY n.place RETURNING {quoted(model._meta.pk)} AS key"
    )


def _insert_into(model: type[models.Model], columns: tuple[tuple[str, str, bool], ...]) -> str:
    return f"INSERT INTO {table_of(model)} ({', '.join(quoted(column_of(model, name)) for name, _, _ in columns)})"


@cache
def _insert_names(model: type[models.Model]) -> list[str]:
    fields = [field for field in fields_of(model) if not field.primary_key and not field.generated]
    return [field.attname for field in fields if not _is_given(field)]


def _is_given(field: Any) -> bool:
    """Whether the database alone gives it its value."""
    return bool(field.has_db_default()) and not field.has_default()
