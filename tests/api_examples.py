"""The API's examples: `python -m tests.api_examples` tells their story anew and writes the answers into the files."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.rest.steps import Step
from tests.rest.told import PUBLIC, STORY

WRITE = "BULWARK_WRITE_EXAMPLES"
PROJECT = Path(__file__).resolve().parent.parent
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
# What differs from one telling to the next: ids that the database gives, in our answers and in venues'.
_IDS = {"id", "entry", "reverses", "reversed_by", "cycle", "position"}
_MILLISECONDS = {"updateTime", "updatedTime", "time", "timestamp", "ts", "maxBalTs", "continuation"}
_DATABASES_OWN = re.compile(r"cursor=[\w-]+")


@dataclass(frozen=True)
class Told:
    """A step as it was answered. `example` is what a data file has of it."""

    step: Step
    app: str
    resource: str
    example: dict[str, Any]


def tell() -> Iterator[Told]:
    """Tell the story on empty books; every answer is held to the schema. Yields the steps that are examples."""
    # Run as a program, this is read before the servers of the tests have started, and no model may be.
    from django.utils import timezone

    from fund import snapshots
    from ledger.rest.models import Role
    from tests.rest import api

    clients = {role.value: api.client(role, name=role.value) for role in Role if role is not Role.TRADER}
    clients |= {name: api.client(Role.TREASURY, name=name) for name in ("tess", "theo")}
    clients[""] = api.stranger()
    known: dict[str, str] = {}
    for step in STORY:
        if step is PUBLIC[0]:
            snapshots.take(taken_at=timezone.now())
        response = _send(clients[step.by], step, known)
        assert response.status_code in (200, 201, 204), (step, response.content)
        document: Any = response.json() if response.content else None
        if step.known_as:
            known[step.known_as] = str(document["id"])
        if step.summary:
            yield Told(step, *_place(response), _example(step, response.status_code, document))


def same(told: Any, shown: Any, *, name: str = "") -> bool:
    """Whether two answers differ in nothing but ids of the database, times of the telling and salted hashes."""
    if isinstance(told, dict) and isinstance(shown, dict):
        return told.keys() == shown.keys() and all(same(told[key], shown[key], name=key) for key in told)
    if isinstance(told, list) and isinstance(shown, list):
        return len(told) == len(shown) and all(same(*pair, name=name) for pair in zip(told, shown, strict=True))
    if type(told) is int is type(shown) and name in _IDS:
        return True
    if name == "fingerprint":
        return bool(told) and bool(shown)
    if name in _MILLISECONDS and str(told).isdigit() and str(shown).isdigit():
        return True
    if isinstance(told, str) and isinstance(shown, str):
        return _timeless(told) == _timeless(shown)
    return type(told) is type(shown) and told == shown


def path_of(app: str, resource: str) -> Path:
    """The data file of a resource's examples."""
    return PROJECT / app / "examples" / f"{resource}.json"


def write() -> None:
    """Write the files. An answer that says the same as the one that stands there leaves it as it is."""
    files: dict[Path, list[dict[str, Any]]] = {}
    for told in tell():
        files.setdefault(path_of(told.app, told.resource), []).append(told.example)
    for path, examples in files.items():
        before = json.loads(path.read_text()) if path.exists() else []
        kept = [next((each for each in before if same(example, each)), example) for example in examples]
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


def _send(by: Any, step: Step, known: dict[str, str]) -> Any:
    from tests.rest import api

    path = step.path
    for name, value in (step.at or {}).items():
        path = path.replace(f"{{{name}}}", value.format(**known))
    query = "?" + "&".join(f"{name}={value}" for name, value in step.query.items()) if step.query else ""
    if step.body is None:
        return by.generic(step.method, f"{api.V1}{path}{query}")
    body = step.body if isinstance(step.body, str) else json.dumps(step.body)
    return by.generic(step.method, f"{api.V1}{path}{query}", body, step.media_type)


def _place(response: Any) -> tuple[str, str]:
    """App and resource of what answered."""
    view = response.resolver_match.func.view_class
    return view.__module__.partition(".")[0], response.resolver_match.route.removeprefix("api/v1/").partition("/")[0]


def _example(step: Step, status: int, document: Any) -> dict[str, Any]:
    example: dict[str, Any] = {"operation": f"{step.method} {step.path}", "summary": step.summary, "status": status}
    if step.query:
        example["query"] = dict(step.query)
    if step.body is not None:
        example["body"] = step.body
    if step.media_type != "application/json":
        example["media_type"] = step.media_type
    if isinstance(document, dict) and "secret" in document:
        document = {**document, "secret": "whsec_…"}
    return {**example, "answer": document}


def _timeless(text: str) -> str:
    """The text without what the telling gave it. Times that the story states lie in its year and stay."""
    # Allocations are hashed with a salt.
    text = _HASH.sub("hash", _DATABASES_OWN.sub("cursor", text))
    return _TIME.sub(lambda found: found[0] if found[0].startswith(("2026-01-", "2027-01-01")) else "time", text)


def main() -> None:
    os.environ[WRITE] = "1"
    raise SystemExit(
        pytest.main(["-q", "-n", "0", "tests/rest/test_examples.py::test_every_example_is_answered_as_it_says"])
    )


if __name__ == "__main__":
    main()
