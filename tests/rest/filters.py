"""The lists of the API and their filters as the schema has them, and a second word on what each filter selects."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.rest import contract

PAGING = {"cursor", "limit", "after", "format"}
V1 = "/api/v1/"
# Fits no row: the others leave some out, this one leaves out all.
NOTHING = {"integer": "999999999", "string": "nothing-such"}
# Filters whose values are a closed list that the schema writes as a text.
CLOSED = {("events/", "kind"), ("traders/{trader}/statement/", "type")}
# Filters that are not a field of the row itself.
INSIDE = {
    ("entries/", "account"): ("lines", "account"),
    ("takeovers/{reference}/adl/", "trader"): ("fills", "trader"),
}
Filters = dict[str, dict[str, Any]]


def lists(document: dict[str, Any] | None = None) -> dict[str, Filters]:
    """The filters of every list by its path below /api/v1/: each filter's schema by its name."""
    found: dict[str, Filters] = {}
    for path, operations in (document or contract.document())["paths"].items():
        parameters = operations.get("get", {}).get("parameters", [])
        query = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        # Venues' own paths have the venues' parameters, and none of them is a list with `results`.
        if "limit" in query and ("cursor" in query or path.endswith("/events/")):
            found[path.removeprefix(V1)] = {name: schema for name, schema in query.items() if name not in PAGING}
    return found


def row_fields(path: str) -> dict[str, Any]:
    """What the schema says of the fields of a list's rows."""
    schema = contract.document()["paths"][V1 + path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    page = _component(schema)
    if "anyOf" in page:
        page = _component(page["anyOf"][0])
    fields: dict[str, Any] = _component(page["properties"]["results"]["items"])["properties"]
    return fields


def values(path: str, name: str, schema: dict[str, Any], rows: Sequence[Any]) -> list[str]:
    """What to ask the filter for: each of its choices, or values of the rows and one that no row has."""
    if "enum" in schema:
        return [choice for choice in schema["enum"] if choice]
    if schema["type"] == "boolean":
        return ["true", "false"]
    known = sorted({value for row in rows for value in _read(path, _column(name), row)})
    picked = [str(known[place]) for place in sorted({0, len(known) // 2, len(known) - 1})] if known else []
    if schema.get("format") == "date-time":
        return [*picked, (_time(known[-1]) + timedelta(seconds=1)).isoformat()] if known else []
    return picked if (path, name) in CLOSED else [*picked, NOTHING[schema["type"]]]


def selected(path: str, name: str, value: str, rows: Sequence[Any]) -> list[Any]:
    """Those of the rows that the filter is to leave, in their order."""
    if name == "in_force_at":
        started = [row for row in rows if _time(row["effective_from"]) <= _time(value)]
        held = max(started, key=lambda row: (_time(row["effective_from"]), row["version"]), default=None)
        return [row for row in rows if row is held]
    return [row for row in rows if any(_fits(name, each, value) for each in _read(path, _column(name), row))]


def of_one_row(path: str, filters: Filters, row: Any) -> dict[str, str]:
    """All filters of the list at once, so that they fit this row."""
    asked: dict[str, str] = {}
    for name in filters.keys() - {"interval"}:
        for value in _read(path, _column(name), row)[:1]:
            if name.endswith("to"):
                asked[name] = (_time(value) + timedelta(seconds=1)).isoformat()
            elif value not in ("", True, False):
                asked[name] = str(value)
    return asked


def malformed(path: str, name: str, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Values that the filter refuses, each with the code of the refusal."""
    if schema.get("format") == "date-time":
        yield "yesterday", "time_malformed"
        yield "2026-01-01T00:00:00", "time_without_offset"
    elif (path, name) == ("events/", "kind"):
        yield "nothing-such", "event_kind_unknown"
    elif "enum" in schema or "pattern" in schema:
        yield "nothing-such", "choice_unknown"
    elif schema["type"] == "integer":
        yield "1.5", "field_malformed"
        yield str(2**64), "field_malformed"
    elif schema["type"] == "boolean":
        yield "1", "field_malformed"
    else:
        yield "x" * 300, "too_long"
        yield "\0", "text_malformed"


def _component(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = contract.document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _column(name: str) -> str:
    """The row's field that a filter is about."""
    if name in ("from", "to"):
        return "taken_at"
    if name == "in_force_at":
        return "effective_from"
    stem, _, last = name.rpartition("_")
    return f"{stem}_at" if last in ("from", "to") else name


def _read(path: str, column: str, row: Any) -> list[Any]:
    """The values that the row has of a filter: one, several of them inside it, or none where it is null."""
    if (path, column) in INSIDE:
        inner, field = INSIDE[path, column]
        return [each[field] for each in row[inner]]
    return [] if row[column] is None else [row[column]]


def _fits(name: str, of_row: Any, value: str) -> bool:
    if name == "from" or name.endswith("_from"):
        return _time(of_row) >= _time(value)
    if name == "ends_to":
        return _time(of_row) <= _time(value)
    if name == "to" or name.endswith("_to"):
        return _time(of_row) < _time(value)
    if name.endswith("_at"):
        return _time(of_row) == _time(value)
    if isinstance(of_row, bool):
        return of_row is (value == "true")
    return str(of_row) in (value.split(",") if name == "type" else [value])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
