"""OpenAPI: how a key is given, what every operation may also answer, and the shapes of pages and batches."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.serializers import PolymorphicProxySerializerExtension
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers

from ledger.rest.batch import ITEMS_MOST
from ledger.rest.examples import examples_of
from ledger.rest.fields import CountField, TextField
from ledger.rest.models import Role
from ledger.rest.paging import PARAMETERS
from ledger.rest.problems import CONTENT_TYPE
from ledger.rest.serializers import KEY_HEADER, KEY_PATTERN, FieldProblem, Problem, StrictSerializer

MethodT = TypeVar("MethodT", bound=Callable[..., Any])
_REFUSALS = {
    "400": "The request is not understood: a malformed body or query.",
    "401": "No key, or one that opens nothing.",
    "403": "The key's role, fund or trader does not cover this.",
    "404": "What the path or the body names does not exist.",
    "405": "The resource has no such method.",
    "406": "The answer is JSON, whatever is asked for.",
    "409": "The reference stands for something else.",
    "413": "The body, or the batch, is larger than is taken at once.",
    "415": "The body has another media type.",
    "422": "Understood and refused; no balance has moved.",
    "429": "More requests than the role's rate lets through: see Retry-After.",
}
KEY_PARAMETER = OpenApiParameter(
    KEY_HEADER,
    {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
    OpenApiParameter.HEADER,
    description="The reference of a body that has none: the same request again answers with the first result.",
)


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "ledger.rest.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key of the API, made by `manage.py create_key`."}


class AnyOf(PolymorphicProxySerializer):
    """Answers of several shapes. Not `oneOf`: an empty list is of every list's shape."""


class AnyOfExtension(PolymorphicProxySerializerExtension):  # type: ignore[no-untyped-call]
    target_class = "ledger.rest.schema.AnyOf"
    priority = 1

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        one_of: dict[str, Any] = super().map_serializer(auto_schema, direction)  # type: ignore[no-untyped-call]
        return {"anyOf": one_of["oneOf"]}


class ResourceSchema(AutoSchema):
    """Adds what all operations share: refusals as problem documents, the roles that a method takes."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        answers: dict[str, Any] = super()._get_response_bodies(direction)
        schema = self.resolve_serializer(Problem, "response").ref
        for status, meaning in {**_REFUSALS, "default": "Refused or failed."}.items():
            answers.setdefault(status, {"description": meaning, "content": {CONTENT_TYPE: {"schema": schema}}})
        return answers

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> dict[str, Any]:
        """A strict shape has no other fields, and no text of it is empty unless it says so."""
        mapped = super()._map_serializer(serializer, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        schema: dict[str, Any] = mapped
        shape = serializer() if isinstance(serializer, type) else serializer
        if isinstance(shape, StrictSerializer):
            schema["additionalProperties"] = False
            for name, field in shape.fields.items():
                if isinstance(field, serializers.CharField) and not field.allow_blank:
                    schema["properties"][name].setdefault("minLength", 1)
        return schema

    def get_summary(self) -> str:
        return (type(self.view).__doc__ or "").strip().partition("\n")[0]

    def get_description(self) -> str:  # type: ignore[override]
        roles: Sequence[Role] = sorted(getattr(self.view, "roles", {}).get(self.method, ()))
        described: str = super().get_description()
        return f"{described}\n\nRoles: {', '.join(roles)}." if roles else described

    def get_operation_id(self) -> str:
        answer = self.get_response_serializers()
        if isinstance(answer, type) and issubclass(answer, Page):
            return "_".join([*(token.replace("-", "_") for token in self._tokenize_path()), "list"])
        operation_id: str = super().get_operation_id()
        return operation_id

    def get_examples(self) -> list[OpenApiExample]:
        app = type(self.view).__module__.partition(".")[0]
        path = self.path.removeprefix(spectacular_settings.SCHEMA_PATH_PREFIX)
        return examples_of(app, self.get_tags()[0], f"{self.method} {path}")

    def get_tags(self) -> list[str]:
        tokens: list[str] = self._tokenize_path()
        return tokens[:1]


def listed(
    row: type[serializers.Serializer[Any]], query: type[serializers.Serializer[Any]] | None = None
) -> Callable[[MethodT], MethodT]:
    """Describe a GET that answers one page of such rows."""
    return extend_schema(parameters=[*_described(query), *PARAMETERS], responses=_page_of(row))


def shown(
    answer: type[serializers.Serializer[Any]], query: type[serializers.Serializer[Any]] | None = None
) -> Callable[[MethodT], MethodT]:
    """Describe a GET of one thing."""
    return extend_schema(parameters=_described(query), responses=answer)


def listed_in_shapes(
    row: type[serializers.Serializer[Any]],
    query: type[serializers.Serializer[Any]],
    shapes: Mapping[str, Sequence[Any]],
) -> Callable[[MethodT], MethodT]:
    """Describe a GET that answers one page of such rows, or with `?format=` another document of the same figures."""
    chosen = OpenApiParameter(
        "format",
        str,
        enum=list(shapes),
        description="The published shape of this venue; its own parameters then stand for `cursor` and `limit`.",
    )
    any_shape: list[Any] = [_page_of(row)(), *(answer for answers in shapes.values() for answer in answers)]
    answers = AnyOf(f"{_name(row)}InAnyShape", any_shape, resource_type_field_name=None, many=False)
    return extend_schema(parameters=[*_described(query), *PARAMETERS, chosen], responses=answers)


def recorded(
    body: type[serializers.Serializer[Any]],
    answer: type[serializers.Serializer[Any]],
    *,
    item: type[serializers.Serializer[Any]] | None = None,
) -> Callable[[MethodT], MethodT]:
    """Describe a POST: 201 the first time, 200 to a replay. With `item`, a batch may be sent, answered item by item."""
    if item is None:
        return extend_schema(parameters=[KEY_PARAMETER], request=body, responses={201: answer, 200: answer})
    one_or_batch = PolymorphicProxySerializer(
        f"{_name(body)}OrBatch", [body, _batch_of(body)], resource_type_field_name=None, many=False
    )
    answers = PolymorphicProxySerializer(
        f"{_name(answer)}OrBatch", [answer, _answers_of(item)], resource_type_field_name=None, many=False
    )
    return extend_schema(parameters=[KEY_PARAMETER], request=one_or_batch, responses={201: answers, 200: answers})


def acted(
    answer: type[serializers.Serializer[Any]], body: type[serializers.Serializer[Any]] | None = None
) -> Callable[[MethodT], MethodT]:
    """Describe a POST that moves something known along, and does nothing the second time: 200."""
    return extend_schema(request=body, responses=answer)


class Page(serializers.Serializer[Any]):
    """One page of a list."""

    next = serializers.URLField(allow_null=True, help_text="The next page; null on the last one.")
    previous = serializers.URLField(allow_null=True)


class ItemAnswer(serializers.Serializer[Any]):
    """What became of one item: its own status, and where it was refused a problem document's members."""

    status = CountField(help_text="As a request of its own would have been answered: 201, 200, 409, 422…")
    reference = TextField(allow_null=True)
    type = TextField(required=False)
    title = TextField(required=False)
    code = TextField(required=False)
    detail = TextField(required=False, max_length=None)
    errors = FieldProblem(many=True, required=False)  # type: ignore[assignment]  # a field, not the property


@cache
def _page_of(row: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    return type(f"{_name(row)}Page", (Page,), {"results": row(many=True)})


@cache
def _batch_of(body: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    fields = {
        "__doc__": f"Up to {ITEMS_MOST} items. `atomic`: all or none, else each stands alone.",
        "items": serializers.ListField(child=body(), max_length=ITEMS_MOST),
        "atomic": serializers.BooleanField(default=True),
    }
    return type(f"{_name(body)}Batch", (StrictSerializer,), fields)


@cache
def _answers_of(item: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    fields = {"__doc__": "One answer an item, in the same order.", "items": item(many=True)}
    return type(f"{_name(item)}Batch", (serializers.Serializer,), fields)


def _described(query: type[serializers.Serializer[Any]] | None) -> list[Any]:
    return [] if query is None else [query]


def _name(serializer: type[serializers.Serializer[Any]]) -> str:
    return serializer.__name__.removesuffix("Serializer")
