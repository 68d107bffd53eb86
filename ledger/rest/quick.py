"""Well-formed objects read, and things shown, at a fraction of what their serializer costs, and to the same result.

What is anything but plainly well-formed is left to the serializer, which says what is wrong with it.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from rest_framework import serializers
from rest_framework.fields import empty

from ledger.money import MoneyError, parse_number
from ledger.rest.fields import AmountField, ReferenceField, TextField, TimeField

# What a reader answers where it leaves the value to the serializer.
LEFT = object()
Reader = Callable[[Any], Any]
Writer = Callable[[Any], dict[str, Any]]


@cache
def reader_of(shape: Any) -> Reader | None:
    """A function that reads such an object, or answers LEFT; None for a shape with a field not known here."""
    fields: list[tuple[str, Reader, bool, Any]] = []
    for name, field in shape().fields.items():
        read = _reader(field)
        made = callable(field.default) and field.default is not empty
        if read is None or made or field.source != name or hasattr(shape, f"validate_{name}"):
            return None
        fields.append((name, read, field.required, field.default))
    if shape.validate is not serializers.Serializer.validate:
        return None
    most = len(fields)

    def read_object(item: Any) -> Any:
        if type(item) is not dict or len(item) > most:
            return LEFT
        found, known = {}, 0
        for name, read, required, default in fields:
            if name in item:
                value = read(item[name])
                if value is LEFT:
                    return LEFT
                found[name] = value
                known += 1
            elif required:
                return LEFT
            elif default is not empty:
                found[name] = default
        # A name is left over: there is no such field.
        return found if known == len(item) else LEFT

    return read_object


@cache
def writer_of(shape: Any) -> Writer:
    """A function that shows a thing as a serializer of this shape does."""
    return _writer(shape())


def _writer(serializer: Any) -> Writer:
    usual: Writer = serializer.to_representation
    if type(serializer).to_representation is not serializers.Serializer.to_representation:
        return usual
    fields: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = []
    for field in serializer._readable_fields:
        if type(field).get_attribute is not serializers.Field.get_attribute:
            return usual
        get = _itself if field.source == "*" else attrgetter(field.source)
        nested = isinstance(field, serializers.Serializer)
        fields.append((field.field_name, get, _writer(field) if nested else field.to_representation))

    def write(thing: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, get, show in fields:
            try:
                value = get(thing)
            except (AttributeError, ObjectDoesNotExist):
                # A mapping, or something on the way to an attribute is missing.
                return usual(thing)
            if callable(value):
                return usual(thing)
            shown[name] = None if value is None else show(value)
        return shown

    return write


def _itself(thing: Any) -> Any:
    return thing


def _reader(field: Any) -> Reader | None:
    # Exactly these: a field made of one of them may read in another way.
    kind = type(field)
    if kind in (TextField, ReferenceField):
        return _text(field, as_name=kind is ReferenceField)
    if kind is AmountField:
        return _or_null(_amount, field)
    if kind is TimeField:
        return _or_null(_time, field)
    if kind is serializers.ListSerializer and field.allow_empty and not field.allow_null:
        item: Any = type(field.child)
        read = reader_of(item)
        return None if read is None or field.max_length or field.min_length else _list(read)
    return None


def _text(field: Any, *, as_name: bool) -> Reader:
    most = field.max_length if field.max_length is not None else float("inf")

    def read(value: Any) -> Any:
        # What is printable has none of the characters that are refused.
        if type(value) is not str or not 0 < len(value) <= most or not value.isprintable():
            return LEFT
        return LEFT if value.isspace() or (as_name and ("/" in value or value in {".", ".."})) else value

    return _or_null(read, field)


def _or_null(read: Reader, field: Any) -> Reader:
    return (lambda value: None if value is None else read(value)) if field.allow_null else read


def _amount(value: Any) -> Any:
    try:
        return parse_number(value)
    except MoneyError:
        return LEFT


def _time(value: Any) -> Any:
    return _parsed_time(value) if type(value) is str else LEFT


@lru_cache(maxsize=4096)
def _parsed_time(text: str) -> Any:
    """A batch has the same moment many times over."""
    try:
        return TimeField().to_internal_value(text)
    except serializers.ValidationError:
        return LEFT


def _list(read: Reader) -> Reader:
    def read_list(value: Any) -> Any:
        if type(value) is not list or not value:
            return LEFT
        found = [read(item) for item in value]
        return LEFT if any(item is LEFT for item in found) else found

    return read_list
