"""Every answer that a test of the API gets, held against the OpenAPI document."""

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from rest_framework.test import APIClient


def check(response: Any, *, method: str, path: str) -> None:
    """The answer's status, type and body are as the document says, without a field that it does not have."""
    operation = _operation(method, path.partition("?")[0])
    if operation is None:
        return
    described = operation["responses"].get(str(response.status_code), operation["responses"].get("default"))
    assert described is not None, f"{method} {path} says nothing of {response.status_code}"
    if "content" not in described:
        assert not response.content, f"{method} {path} {response.status_code} has a body, and describes none"
        return
    media_type = response.headers["Content-Type"]
    assert media_type in described["content"], f"{method} {path} answers {response.status_code} as {media_type}"
    schema = json.dumps(described["content"][media_type]["schema"])
    errors = [f"{error.json_path}: {error.message}" for error in _validator(schema).iter_errors(response.json())]
    assert errors == [], f"{method} {path} {response.status_code}: {errors[:3]}"


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document, objects closed: what it does not describe may not be there."""
    read: dict[str, Any] = APIClient().get("/api/v1/schema/").json()
    for schema in read["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return read


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    # Paths without a variable come first, as they do in the URLs.
    ordered = sorted(document()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations) for path, operations in ordered]


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for pattern, operations in _paths():
        if pattern.fullmatch(path):
            operation: dict[str, Any] | None = operations.get(method.lower())
            return operation
    return None


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": document()["components"]})
