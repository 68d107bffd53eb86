"""Kinds of events: each app that makes some has a module `events` with `KINDS`. This one knows none itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps

from ledger.money import plain


@dataclass(frozen=True, slots=True)
class Happened:
    """An event that is to be recorded. `stream` is what order is kept in. `once`: told again, it is one event."""

    kind: str
    stream: str
    data: Mapping[str, object]
    occurred_at: datetime
    once: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event: its name, when it happens, and the names of its data, which are API."""

    name: str
    meaning: str
    fields: tuple[str, ...]

    def happened(self, data: Mapping[str, object], *, stream: str, at: datetime, once: str = "") -> Happened:
        """One event of this kind. Amounts become decimal strings, times RFC 3339. `once` is the kind's own."""
        assert tuple(data) == self.fields, f"{self.name} has {self.fields}, not {tuple(data)}"
        told = {name: _told(value) for name, value in data.items()}
        named = f"{self.name}:{once}" if once else ""
        return Happened(kind=self.name, stream=stream, data=told, occurred_at=at, once=named)


@cache
def known() -> Mapping[str, Kind]:
    """Every kind of every installed app, by name."""
    found: dict[str, Kind] = {}
    for app in apps.get_app_configs():
        module = f"{app.name}.events"
        if find_spec(module) is not None:
            for kind in getattr(import_module(module), "KINDS", ()):
                assert kind.name not in found, f"{kind.name} is defined twice"
                found[kind.name] = kind
    return found


def _told(value: object) -> object:
    match value:
        case Decimal():
            return plain(value)
        case datetime():
            return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
        case None | bool() | int():
            return value
        case _:
            return str(value)
