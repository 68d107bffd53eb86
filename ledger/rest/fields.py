"""Strict fields: what has another JSON type, or is written in another way, is refused rather than converted."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import ProhibitNullCharactersValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from ledger.money import MoneyError, parse_number, plain

# The journal adds a prefix to it, and its own column has 200 characters.
REFERENCE_LENGTH = 160
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?P<offset>[Zz]|[+-]\d{2}:\d{2})?", re.ASCII)
# What can be added to and subtracted from without leaving the calendar.
_YEARS = range(1970, 3000)
_BIGINT = 2**63


@extend_schema_field({"type": "string", "pattern": r"^-?[0-9]{1,38}(\.[0-9]+)?$", "examples": ["12.5"]})
class AmountField(serializers.Field[Decimal, Any, str, Decimal]):
    """An amount, price, quantity or rate: a decimal string. How many decimals a currency keeps is for the books."""

    def to_internal_value(self, data: Any) -> Decimal:
        try:
            return parse_number(data)
        except MoneyError as error:
            raise serializers.ValidationError(error.detail, code=error.code) from None

    def to_representation(self, value: Decimal) -> str:
        # A row that was not read back has the whole numbers of its defaults.
        return plain(Decimal(value))


class TextField(serializers.CharField):
    """A JSON string, kept as it is written."""

    default_error_messages: ClassVar[dict[str, Any]] = {"string_expected": "a string is expected"}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("string_expected")
        return data


class ReferenceField(TextField):
    """The caller's own id of an event. It stands in paths, so it is printable and has no slash."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "reference_malformed": "a reference is printable text without a slash, and neither . nor .."
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=REFERENCE_LENGTH, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.isprintable() or "/" in text or text in {".", ".."}:
            self.fail("reference_malformed")
        return text


@extend_schema_field({"type": "string", "format": "date-time"})
class TimeField(serializers.Field[datetime, Any, str, datetime]):
    """RFC 3339 with an offset; what is finer than a microsecond is cut off."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "time_malformed": 'a time is written as "2026-01-31T12:00:00Z"',
        "time_without_offset": 'a time needs its offset: "Z" or "+02:00"',
        "time_out_of_range": "a time lies between the years 1970 and 2999",
    }

    def to_internal_value(self, data: Any) -> datetime:
        match = _TIME.fullmatch(data) if isinstance(data, str) else None
        if match is None:
            self.fail("time_malformed")
        if match["offset"] is None:
            self.fail("time_without_offset")
        try:
            time = datetime.fromisoformat(match[0].upper()).astimezone(UTC)
        except ValueError:
            self.fail("time_malformed")
        except OverflowError:
            self.fail("time_out_of_range")
        # By its offset a time may lie in another year than it is written with.
        if time.year not in _YEARS:
            self.fail("time_out_of_range")
        return time

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


class CountField(serializers.IntegerField):
    """A JSON integer, or its digits in a query; never a truth value or a fraction."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "a whole number is expected"}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 0)
        kwargs.setdefault("max_value", _BIGINT - 1)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        digits = isinstance(data, str) and data.isascii() and data.isdigit() and len(data) < 20
        if not digits and (not isinstance(data, int) or isinstance(data, bool)):
            self.fail("invalid")
        return int(data)


class TruthField(serializers.BooleanField):
    """JSON's true and false alone."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "true or false is expected"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class FlagField(TruthField):
    """A truth value of a query: the texts `true` and `false` alone."""

    def to_internal_value(self, data: Any) -> bool:
        if data not in {"true", "false"}:
            self.fail("invalid")
        return bool(data == "true")


@extend_schema_field({})
class DocumentField(serializers.Field[Any, Any, Any, Any]):
    """Any JSON value, read by the domain, not here: a rulebook's field."""

    def to_internal_value(self, data: Any) -> Any:
        _check_texts(data)
        return data

    def to_representation(self, value: Any) -> Any:
        return value


def _check_texts(value: Any) -> None:
    """Refuse, anywhere inside, texts that the database cannot hold."""
    if isinstance(value, str):
        ProhibitNullCharactersValidator()(value)
        ProhibitSurrogateCharactersValidator()(value)
    elif isinstance(value, dict):
        for name, element in value.items():
            _check_texts(name)
            _check_texts(element)
    elif isinstance(value, list):
        for element in value:
            _check_texts(element)
