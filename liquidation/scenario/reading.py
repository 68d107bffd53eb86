"""A scenario file as it is read: what it says, and by name what of it is not understood."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime

from liquidation.scenario.vocabulary import CONTRACT, CURRENCY, EVENTS, EXPECTED, FUND, REMARKS, TIMES, TOP

# Where a story without a cycle begins.
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class StoryMalformed(Exception):
    """A file that is no scenario at all: the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: `values` is all that it says. `place` counts from 0; `stated` is False where it names no time."""

    place: int
    type: str
    reference: str | None
    values: Mapping[str, Any]
    at: datetime
    stated: bool

    @property
    def name(self) -> str:
        return f"#{self.place} {self.type}" + (f" {self.reference}" if self.reference else "")

    @property
    def stated_at(self) -> datetime | None:
        """When it happened, where it says so itself."""
        return self.at if self.stated else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A scenario. `unsupported` names every event, field and expectation that is not understood."""

    title: str
    source: str
    currency: Mapping[str, Any]
    contracts: Sequence[Mapping[str, Any]]
    fund: Mapping[str, Any]
    trader_floor: bool
    begins_at: datetime
    events: Sequence[Event]
    expect: Mapping[str, Any]
    unsupported: Sequence[str] = field(default=())


def read_story(path: Path) -> Story:
    """Read a scenario file. Raises StoryMalformed."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_repetition)
    except OSError as error:
        raise StoryMalformed(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise StoryMalformed(f"{path} is not JSON: {error}") from error
    return story_of(document)


def story_of(document: object) -> Story:
    """The scenario in a JSON document. Raises StoryMalformed where a part is missing or is of another shape."""
    top = _object(document, "the file")
    currency, fund = _object(top.get("currency"), "currency"), _object(top.get("fund"), "fund")
    contracts = [
        _object(each, f"contracts[{place}]") for place, each in enumerate(_list(top.get("contracts"), "contracts"))
    ]
    written = [_object(each, f"events[{place}]") for place, each in enumerate(_list(top.get("events"), "events"))]
    expect = _object(top.get("expect", {}), "expect")
    for part, names in ((currency, ("code", "decimals")), (fund, ("code", "rulebook"))):
        for name in names:
            if name not in part:
                raise StoryMalformed(f"{name} is missing in {dict(part)}")
    begins_at = next(
        (
            _time(each["starts_at"], "starts_at")
            for each in written
            if each.get("type") == "cycle" and "starts_at" in each
        ),
        BEGINNING,
    )
    return Story(
        title=str(top.get("title", "")),
        source=str(top.get("source", "")),
        currency=currency,
        contracts=contracts,
        fund=fund,
        trader_floor=top.get("trader_floor") not in (None, False, "none"),
        begins_at=begins_at,
        events=list(_events(written, begins_at)),
        expect=expect,
        unsupported=[
            *_unknown("", top, TOP),
            *_unknown("currency.", currency, CURRENCY),
            *_unknown("fund.", fund, FUND),
            *(
                name
                for place, each in enumerate(contracts)
                for name in _unknown(f"contracts[{place}].", each, CONTRACT)
            ),
            *_unknown_of_events(written),
            *_unknown_of_expect(expect),
        ],
    )


def _events(written: Sequence[Mapping[str, Any]], begins_at: datetime) -> Iterator[Event]:
    """Events without a time of their own happen one second apart; a rulebook then no later than what follows it."""
    stated = [_stated(values, place) for place, values in enumerate(written)]
    seconds = 0
    for place, values in enumerate(written):
        own = stated[place]
        at = begins_at + timedelta(seconds=seconds) if own is None else own
        seconds += own is None
        if own is None and values.get("type") == "rulebook":
            at = min([at, *(each for each in stated[place + 1 :] if each is not None)])
        reference = values.get("reference")
        yield Event(
            place=place,
            type=str(values.get("type", "")),
            reference=None if reference is None else str(reference),
            values=values,
            at=at,
            stated=own is not None,
        )


def _stated(values: Mapping[str, Any], place: int) -> datetime | None:
    own = next((values[name] for name in TIMES if values.get(name) is not None), None)
    return None if own is None else _time(own, f"events[{place}]")


def _unknown_of_events(written: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for place, values in enumerate(written):
        kind = str(values.get("type", ""))
        if kind not in EVENTS:
            yield f"events[{place}]: event type {kind!r}"
            continue
        fields = EVENTS[kind]
        if fields is not None:
            known = ("type", "reference", *TIMES, *REMARKS, *fields)
            yield from _unknown(f"events[{place}] ({kind}).", values, known)


def _unknown_of_expect(expect: Mapping[str, Any]) -> Iterator[str]:
    for name, entries in expect.items():
        if name not in EXPECTED:
            yield f"expect.{name}"
            continue
        figures = EXPECTED[name]
        for key, values in _object(entries, f"expect.{name}").items():
            if figures is not None:
                yield from _unknown(f"expect.{name}.{key}.", _object(values, f"expect.{name}.{key}"), figures)


def _unknown(prefix: str, given: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    return (f"{prefix}{name}" for name in given if name not in known)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError(f"one of {', '.join(name for name, _ in pairs)} stands twice in one object")
    return document


def _object(value: object, name: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise StoryMalformed(f"{name} is not an object")


def _list(value: object, name: str) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    raise StoryMalformed(f"{name} is not a list")


def _time(text: object, name: str) -> datetime:
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise StoryMalformed(f"{name}: {text!r} is not a time with an offset, such as 2026-01-01T00:00:00Z")
    return moment
