"""How a row is shown: amounts a person can read, and links from everything to everything it names."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Field, ForeignKey, GeneratedField, Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from ledger.fields import AmountField
from ledger.money import EXACT, plain

NONE = "–"
Column = Callable[[Any], str]
# Style and alignment of amounts go by these endings (`bulwark.css`): the admin makes a class of a column's name.
_AMOUNT_SUFFIX = "_amount"


def grouped(value: Decimal) -> str:
    """`1,234,567.5`: thousands apart, no trailing zeros, every digit that the book has."""
    sign, digits = ("-", plain(value)[1:]) if value < 0 else ("", plain(value))
    integer, point, fraction = digits.partition(".")
    return f"{sign}{int(integer):,}{point}{fraction}"


def percent(share: Decimal) -> str:
    """`8.188825 %`, of a share of 1."""
    return f"{grouped(EXACT.scaleb(share, 2))} %"


def amount_html(value: Decimal | None) -> SafeString:
    """An amount as a cell shows it; negative ones stand out, a missing one is a dash."""
    if value is None:
        return mark_safe(NONE)
    return format_html('<span class="amount{}">{}</span>', " negative" if value < 0 else "", grouped(value))


def side_html(value: Decimal) -> SafeString:
    """One side of a two-column table: empty where nothing stands on it."""
    return amount_html(value) if value else mark_safe("")


def object_url(row: Model) -> str | None:
    """The row's own page in the admin, None where its model has none."""
    try:
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return None


def object_link(row: Model | None, text: str | None = None) -> SafeString:
    """A link to the row's own page; its text alone where there is none."""
    if row is None:
        return mark_safe(NONE)
    url = object_url(row)
    return format_html('<a href="{}">{}</a>', url, text or row) if url else format_html("{}", text or row)


def list_link(model: type[Model], text: str, **filters: object) -> SafeString:
    """A link to the list of the rows that the filters leave."""
    return format_html('<a href="{}">{}</a>', list_url(model, **filters), text)


def list_url(model: type[Model], **filters: object) -> str:
    """The list of a model's rows, filtered."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return reverse(name, query={key: str(value) for key, value in filters.items()})


def account_link(code: str, text: str | None = None) -> SafeString:
    """The page of the account with this code, looked up when the link is followed."""
    return format_html('<a href="{}">{}</a>', reverse("admin:ledger_account_by_code", args=[code]), text or code)


def amount(name: str, description: str | None = None) -> Column:
    """A column of amounts, read from an attribute or annotation of that name and sorted by it."""

    def column(row: Any) -> str:
        return amount_html(getattr(row, name))

    column.__name__ = f"{name}{_AMOUNT_SUFFIX}"
    return admin.display(column, description=description or name.replace("_", " "), ordering=name)


def linked(name: str, description: str | None = None) -> Column:
    """A column that links to the row behind a foreign key."""

    def column(row: Any) -> str:
        return object_link(getattr(row, name))

    column.__name__ = f"{name}_link"
    return admin.display(column, description=description or name.replace("_", " "), ordering=name)


def column_of(model: type[Model], name: str) -> str | Column:
    """The column for a field: amounts and foreign keys as above, everything else as the admin shows it."""
    field: Field[Any, Any] | None = next((each for each in model._meta.fields if each.name == name), None)
    if isinstance(field, GeneratedField):
        field = field.output_field
    if isinstance(field, AmountField):
        return amount(name)
    if isinstance(field, ForeignKey):
        return linked(name)
    return name
