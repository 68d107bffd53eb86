"""Rows read."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

from ledger import arrays
from ledger.bulk.columns import ModelT, column_of, fields_of, foreign_of, made_row, quoted, table_of
from ledger.bulk.running import run


def read_rows(
    model: type[ModelT], condition: str, arguments: Sequence[Any], *, related: tuple[str, ...] = ()
) -> list[ModelT]:
    """The model's rows that fit the SQL condition, with the rows that the foreign keys `related` lead to.

    The model's table goes by the name `r` in the condition. Foreign keys that may be null are none to follow.
    """
    names: dict[str, type[models.Model] | None] = {
        "r": model,
        **{f"r{place}": foreign_of(model, name) for place, name in enumerate(related)},
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
            found.append(made_row(model, given, adding=False))
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


@cache
def _columns(names: tuple[str, ...], models_: tuple[type[models.Model] | None, ...]) -> str:
    columns = [
        f"{name}.{quoted(field)}" if model else name
        for name, model in zip(names, models_, strict=True)
        for field in (fields_of(model) if model else (None,))
    ]
    return f"SELECT {', '.join(columns)} FROM "


@cache
def _joined(model: type[models.Model], related: tuple[str, ...]) -> str:
    joins = f"{table_of(model)} r"
    for place, name in enumerate(related):
        other = foreign_of(model, name)
        key = quoted(other._meta.pk)
        joins += f" JOIN {table_of(other)} r{place} ON r{place}.{key} = r.{quoted(column_of(model, name))}"
    return joins


@cache
def _read_columns(model: type[models.Model]) -> tuple[list[str], list[tuple[str, Any]], str]:
    """Names, which of them have to be converted by what, and the primary key's."""
    fields = fields_of(model)
    converters = [(field.attname, field.from_db_value) for field in fields if hasattr(field, "from_db_value")]
    return [field.attname for field in fields], converters, model._meta.pk.attname
