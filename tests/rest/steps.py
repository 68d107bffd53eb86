"""The steps of the story that the API's examples are told in: one call each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DAY = "2026-01-15"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One call. `path` names what earlier answers brought: `{cycle}`. Without a summary it is told, but no example."""

    by: str
    method: str
    path: str
    summary: str = ""
    # The variables of the schema's path, and what they are here: `{cycle}` as above.
    at: Mapping[str, str] | None = None
    query: Mapping[str, str] | None = None
    body: Any = None
    media_type: str = "application/json"
    # Under this name the answer's id is known from here on.
    known_as: str = ""


def time(clock: str, day: str = DAY) -> str:
    return f"{day}T{clock}Z"


def get(path: str, summary: str, *, by: str = "auditor", query: Mapping[str, str] | None = None, **at: str) -> Step:
    return Step(by=by, method="GET", path=path, summary=summary, at=at, query=query)


def post(path: str, summary: str, body: Any = None, *, by: str, known_as: str = "", **at: str) -> Step:
    return Step(by=by, method="POST", path=path, summary=summary, at=at, body=body, known_as=known_as)
