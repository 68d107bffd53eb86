"""The client's shapes against the OpenAPI document: a field more or less on either side is found here."""

import types
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from bulwark_client.errors import FieldProblem, Problem
from bulwark_client.shapes import batches, cycles, events, funds, ledger, reports, takeovers
from bulwark_client.wire import REST

from tests.rest import contract

pytestmark = pytest.mark.django_db

# The name in the document, where it differs from the client's.
NAMED: dict[type, str] = {
    takeovers.NewFill: "NewFillOfAny",
    funds.Holding: "Inventory",
    batches.EntryOutcome: "EntryItemAnswer",
    batches.TakeoverOutcome: "TakeoverItemAnswer",
    batches.FillOutcome: "FillItemAnswer",
}
OWN = {batches.Outcome, cycles.Uploaded}
SHAPES = [
    shape
    for module in (ledger, funds, cycles, takeovers, reports, events, batches)
    for shape in vars(module).values()
    if is_dataclass(shape) and isinstance(shape, type) and shape.__module__ == module.__name__ and shape not in OWN
] + [Problem, FieldProblem]


def schema_of(shape: type) -> dict[str, Any]:
    schemas = contract.document()["components"]["schemas"]
    schema: dict[str, Any] = schemas[NAMED.get(shape, shape.__name__)]
    return schema


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_shape_has_the_fields_of_the_document(shape: type) -> None:
    schema = schema_of(shape)
    named = {each.name for each in fields(shape) if not each.metadata.get(REST)}

    if any(each.metadata.get(REST) for each in fields(shape)):
        assert named < set(schema["properties"])
    else:
        assert named == set(schema["properties"])


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_each_field_has_the_type_of_the_document(shape: type) -> None:
    schema, hints = schema_of(shape), get_type_hints(shape)
    for each in fields(shape):
        if not each.metadata.get(REST):
            described = schema["properties"][each.name]
            assert type_of(described) in spelt(hints[each.name]), (each.name, described)
            # What the service may leave out has a default here.
            needed = each.default is MISSING and each.default_factory is MISSING
            assert not needed or each.name in schema["required"], each.name


def type_of(described: dict[str, Any]) -> str:
    """One word for what the document says of a field, `?` behind it where null is allowed."""
    parts = described.get("oneOf") or described.get("anyOf") or described.get("allOf") or [described]
    null = any(part.get("type") == "null" for part in parts)
    part = next(part for part in parts if part.get("type") != "null")
    kind = part.get("type")
    if isinstance(kind, list):
        null, kind = null or "null" in kind, next(each for each in kind if each != "null")
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        target = contract.document()["components"]["schemas"][name]
        word = "text" if target.get("type") == "string" else name
    elif "pattern" in part and kind == "string":
        word = "amount"
    elif part.get("format") == "date-time":
        word = "time"
    else:
        word = {"string": "text", "integer": "count", "boolean": "truth", "array": "list", None: "any"}[kind]
    return word + ("?" if null else "")


def spelt(hint: Any) -> set[str]:
    """The words that a type of the client's stands for."""
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (each for each in get_args(hint) if each is not type(None))
        return {word + mark for word in spelt(inner) for mark in ("", "?")}
    if is_dataclass(hint) and isinstance(hint, type):
        return {NAMED.get(hint, hint.__name__)}
    if get_origin(hint) is list:
        return {"list"}
    words = {Decimal: "amount", datetime: "time", str: "text", int: "count", bool: "truth"}
    return {words[hint]} if hint in words else {"any"}
