"""PostgreSQL's arrays as texts: one parameter a column, written at a fraction of what a driver's own list costs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any


def literal(elements: Iterable[str]) -> str:
    """An array of elements that need no quoting."""
    return "{" + ",".join(elements) + "}"


def texts(elements: Iterable[str]) -> str:
    """An array of any texts."""
    listed = list(elements)
    together = "".join(listed)
    if "\\" in together or '"' in together:
        listed = [element.replace("\\", "\\\\").replace('"', '\\"') for element in listed]
    return '{"' + '","'.join(listed) + '"}' if listed else "{}"


def of_values(values: Sequence[Any]) -> str:
    """An array of values of one kind, or None: texts, numbers, moments."""
    if len(values) > 1 and values.count(values[0]) == len(values):
        return literal([_element(values[0])] * len(values))
    kinds = set(map(type, values))
    if kinds == {str}:
        return texts(values)
    return literal(map(_element, values))


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return texts([str(value)])[1:-1]
    return f'"{value.isoformat()}"' if isinstance(value, datetime) else str(value)
