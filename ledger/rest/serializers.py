"""Shapes: objects without unknown fields, queries without unknown parameters, and what refusals look like."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from ledger.errors import Refused
from ledger.rest.fields import CountField, TextField
from ledger.rest.problems import QueryRefused
from ledger.rest.quick import LEFT, reader_of, writer_of

KEY_HEADER = "Idempotency-Key"
# Printable ASCII: what a header holds for certain on every way through the net.
KEY_PATTERN = "[ -~]{0,200}"
# Paging's own parameters stand beside the filters of every list.
_PAGING = {"cursor", "limit"}
ShapeT = TypeVar("ShapeT", bound=serializers.BaseSerializer[Any])


def check_key(request: Request) -> None:
    """Raises Refused `idempotency_key_malformed`."""
    key = request.headers.get(KEY_HEADER, "")
    if not re.fullmatch(KEY_PATTERN, key):
        detail = f"{KEY_HEADER}: printable ASCII, at most 200 characters, not {key[:60]!r}"
        raise Refused("idempotency_key_malformed", detail, status=400)


def instance_of(shape: type[ShapeT]) -> ShapeT:
    """The one of its kind that reads and shows without keeping anything: making one copies every field."""
    kind: Any = shape
    made: ShapeT = _made(kind)
    return made


@cache
def _made(shape: Any) -> Any:
    return shape()


def document(shape: type[serializers.BaseSerializer[Any]], thing: Any) -> dict[str, Any]:
    """The thing as the serializer shows it."""
    kind: Any = shape
    return writer_of(kind)(thing)


class StrictSerializer(serializers.Serializer[Any]):
    """An object with these fields and no others. It checks the shape; what the values mean is the domain's."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The fields; one of choices names them where it refuses a value."""
        fields = super().get_fields()
        for field in fields.values():
            if isinstance(field, serializers.ChoiceField):
                choices = ", ".join(str(choice) for choice in field.choices)
                field.error_messages = {
                    **field.error_messages,
                    "invalid_choice": f'"{{input}}" is not one of {choices}',
                }
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError("an object is expected", code="object_expected")
        unknown = {
            name: [ErrorDetail("there is no such field", code="field_unknown")]
            for name in data
            if name not in self.fields
        }
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            raise ValidationError({**cast(dict[str, Any], error.detail), **unknown}) from None
        if unknown:
            raise ValidationError(unknown)
        return value

    @classmethod
    def read_body(cls, request: Request) -> dict[str, Any]:
        """The request's body, read; the header `Idempotency-Key` is its reference where it has none.

        Raises ValidationError with every field that is wrong.
        """
        body, key, serializer = request.data, request.headers.get(KEY_HEADER), instance_of(cls)
        if key and isinstance(body, Mapping) and "reference" not in body and "reference" in serializer.fields:
            body = {**body, "reference": key}
        quick = reader_of(cls)
        found: Any = LEFT if quick is None else quick(body)
        read: dict[str, Any] = serializer.run_validation(body) if found is LEFT else found
        return read


class QuerySerializer(StrictSerializer):
    """Parameters of a query. A field's `source` names the look-up that it filters by."""

    @classmethod
    def read(cls, request: Request, *, paged: bool = False) -> dict[str, Any]:
        """The parameters of this request. Raises QueryRefused with every parameter that is unknown or malformed."""
        given = request.query_params
        repeated = [name for name in given if len(given.getlist(name)) > 1]
        if repeated:
            raise QueryRefused({name: [ErrorDetail("given twice", code="parameter_repeated")] for name in repeated})
        shape = instance_of(cls)
        try:
            values = {name: value for name, value in given.items() if not (paged and name in _PAGING)}
            read: dict[str, Any] = shape.run_validation(values)
        except ValidationError as error:
            known = [*shape.fields, *(sorted(_PAGING) if paged else [])]
            text = f"there is no such parameter; known here: {', '.join(known) or 'none'}"
            unknown = {name: [ErrorDetail(text, code="field_unknown")] for name in given if name not in known}
            raise QueryRefused({**cast(dict[str, Any], error.detail), **unknown}) from None
        return read


class NoQuery(QuerySerializer):
    """No parameter at all."""


class NoBody(StrictSerializer):
    """A body without a field, or none."""


class FieldProblem(serializers.Serializer[Any]):
    """One thing wrong with a request."""

    pointer = TextField(required=False, max_length=None, help_text="JSON pointer to the field of the body.")
    parameter = TextField(required=False, max_length=None, help_text="Name of the parameter of the query.")
    code = TextField()
    detail = TextField(max_length=None)


class Problem(serializers.Serializer[Any]):
    """RFC 9457 problem details. With `errors`, `code` is that of the first."""

    type = TextField()
    title = TextField()
    status = CountField()
    code = TextField(help_text="Stable, in snake case.")
    detail = TextField(max_length=None, help_text="With the values in it, for a person.")
    request_id = TextField(required=False, help_text="The answer's X-Request-ID, which stands in the log.")
    errors = FieldProblem(many=True, required=False)  # type: ignore[assignment]  # a field, not the property
