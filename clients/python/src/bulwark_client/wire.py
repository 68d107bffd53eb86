"""JSON as the service has it: amounts and times are strings there, Decimal and aware datetime here."""

import json
import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from bulwark_client.errors import AnswerMalformed

ShapeT = TypeVar("ShapeT")
# Metadata of a dataclass's field that takes the members which have no field of their own.
REST = "rest"


def encode(body: Any) -> bytes:
    """A body as JSON. Raises TypeError where it has a float, ValueError for a time without offset, NaN, infinity."""
    return json.dumps(written(body), ensure_ascii=False, separators=(",", ":")).encode()


def written(value: Any) -> Any:
    """The value as JSON has it; fields of a dataclass that are None are left out."""
    match value:
        case None | bool() | int():
            return value
        case Enum():
            return written(value.value)
        case str():
            return value
        case float():
            raise TypeError(f"{value!r}: a binary fraction is no amount, give a Decimal or a string")
        case Decimal():
            if not value.is_finite():
                raise ValueError(f"{value} is no amount")
            return format(value, "f")
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"{value.isoformat()}: a time needs its offset")
            return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
        case Mapping():
            return {str(name): written(each) for name, each in value.items()}
        case Sequence():
            return [written(each) for each in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            members = ((each.name, getattr(value, each.name)) for each in fields(value))
            return {name: written(member) for name, member in members if member is not None}
    raise TypeError(f"{type(value).__name__} cannot be sent: {value!r}")


def read(shape: type[ShapeT], document: Any) -> ShapeT:
    """The document as this dataclass. What it does not know is left out: the service may say more than it did.

    Raises AnswerMalformed.
    """
    try:
        reader = _reader(cast(Hashable, shape))
        made: ShapeT = reader(document)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise AnswerMalformed(f"no {shape.__name__}: {error!r} in {str(document)[:200]}") from error
    return made


@cache
def _reader(hint: Any) -> Callable[[Any], Any]:
    """What makes a value of this type of a JSON value."""
    if hint is Decimal:
        return _decimal
    if hint is datetime:
        return _moment
    if is_dataclass(hint) and isinstance(hint, type):
        return _object_reader(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (each for each in arguments if each is not type(None))
        of_inner = _reader(inner)
        return lambda value: None if value is None else of_inner(value)
    if origin is list:
        of_element = _reader(arguments[0])
        return lambda value: [of_element(each) for each in value]
    return lambda value: value


def _object_reader(shape: type[Any]) -> Callable[[Any], Any]:
    hints = get_type_hints(shape)
    members = [
        (each.name, _reader(hints[each.name]), each.default is MISSING and each.default_factory is MISSING)
        for each in fields(shape)
        if not each.metadata.get(REST)
    ]
    names = {name for name, _, _ in members}
    rest = next((each.name for each in fields(shape) if each.metadata.get(REST)), None)

    def reader(value: Any) -> Any:
        read = {name: of(value[name]) for name, of, needed in members if needed or name in value}
        if rest is not None:
            read[rest] = {name: each for name, each in value.items() if name not in names}
        return shape(**read)

    return reader


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no decimal string")
    return Decimal(value)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value} has no offset")
    return moment
