"""Examples of calls and their answers, from the data files beside the apps: `<app>/examples/<resource>.json`.

The tests send each of them and hold the answer against the one that stands there; `python -m tests.api_examples`
writes the answers anew.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from drf_spectacular.utils import OpenApiExample


@dataclass(frozen=True, slots=True)
class Example:
    """One call. `operation` is method and path as the schema has it, below the prefix."""

    operation: str
    summary: str
    status: int
    answer: Any
    query: dict[str, str] | None = None
    body: Any = None
    media_type: str = "application/json"


def examples_of(app: str, resource: str, operation: str) -> list[OpenApiExample]:
    """What the schema shows of this operation."""
    shown = []
    for number, example in enumerate(each for each in read_examples(app, resource) if each.operation == operation):
        name = f"{operation} {number + 1}"
        if example.body is not None:
            shown.append(
                OpenApiExample(
                    f"{name} request",
                    summary=example.summary,
                    value=example.body,
                    media_type=example.media_type,
                    request_only=True,
                )
            )
        query = "&".join(f"{key}={value}" for key, value in (example.query or {}).items())
        shown.append(
            OpenApiExample(
                f"{name} answer",
                summary=example.summary + (f": ?{query}" if query else ""),
                value=example.answer,
                status_codes=[str(example.status)],
                response_only=True,
            )
        )
    return shown


@cache
def read_examples(app: str, resource: str) -> Sequence[Example]:
    """The examples of a resource's operations in this app; none where there is no file."""
    file = files(app).joinpath("examples", f"{resource}.json")
    return [Example(**each) for each in json.loads(file.read_text())] if file.is_file() else []
