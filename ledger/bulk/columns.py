"""What a model's columns are called and of what type, and rows made of their values."""

from functools import cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState

ModelT = TypeVar("ModelT", bound=models.Model)


def made_row(model: type[ModelT], values: dict[str, Any], *, adding: bool) -> ModelT:
    """As a row comes out of a pickle: `__init__` sets field by field, and sends signals that nobody hears here."""
    row = model.__new__(model)
    row.__dict__.update(values)
    row._state = ModelState()
    row._state.adding = adding
    row._state.db = None if adding else connection.alias
    return row


@cache
def fields_of(model: type[models.Model]) -> list[Any]:
    return list(model._meta.concrete_fields)


def foreign_of(model: type[models.Model], name: str) -> type[models.Model]:
    other: type[models.Model] = column_of(model, name).related_model
    return other


def column_of(model: type[models.Model], name: str) -> Any:
    field = next((field for field in fields_of(model) if name in (field.name, field.attname)), None)
    assert field is not None, f"{name} has no column"
    return field


def type_of(field: Any) -> str:
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def table_of(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)
