"""Where a story is played, and how the values of its events are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime

from fund.models import Cycle
from ledger.errors import NotFound, Refused
from ledger.money import parse_number
from liquidation.scenario.reading import Event, Story


@dataclass(slots=True)
class Stage:
    """Where a story is played: what its events name is found here."""

    story: Story
    data: Path
    fund_code: str
    preset: str = ""
    # Traders of the ADL queue by takeover, and how many of them the takeover's rest reaches.
    queues: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    # Takeovers of which the rulebook had the rest go elsewhere when nobody took it.
    not_due: set[str] = field(default_factory=set)
    # What events made that goes by another reference than theirs: an entry's or a fill's.
    made: dict[str, str] = field(default_factory=dict)
    # Cycles by the reference of the event that settled them.
    settled: dict[str, int] = field(default_factory=dict)

    @property
    def currency(self) -> str:
        return str(self.story.currency["code"])

    @property
    def first_contract(self) -> str:
        return str(self.story.contracts[0]["symbol"]) if self.story.contracts else ""

    def cycle(self, event: Event) -> Cycle:
        """The cycle that the event names by its number; without one, the latest. Raises NotFound."""
        known = Cycle.objects.filter(fund__code=self.fund_code)
        number = event.values.get("cycle")
        found = known.order_by("-number").first() if number is None else known.filter(number=int(number)).first()
        if found is None:
            raise NotFound("cycle_unknown", f"cycle {number} does not exist")
        return found


def needed(event: Event, name: str) -> Any:
    """A value that the event must have. Raises Refused `field_required`."""
    if event.values.get(name) is None:
        raise Refused("field_required", f"{event.name}: {name} is missing", field=name)
    return event.values[name]


def text(event: Event, name: str) -> str:
    """Raises Refused `field_required`, `field_malformed`."""
    value = needed(event, name)
    if isinstance(value, str):
        return value
    raise Refused("field_malformed", f"{event.name}: {name} {value!r} is not a string", field=name)


def number(event: Event, name: str) -> Decimal:
    """Raises Refused `field_required`, `amount_must_be_string`, `amount_malformed`…"""
    return parse_number(needed(event, name))


def optional(event: Event, name: str) -> Decimal | None:
    value = event.values.get(name)
    return None if value is None else parse_number(value)


def reference_of(event: Event) -> str:
    """Its own, or one made of its place where it has none."""
    return event.reference if event.reference is not None else f"event.{event.place}"


def moment(event: Event, name: str) -> datetime:
    """Raises Refused `field_required`, `time_malformed`."""
    read = parse_datetime(text(event, name))
    if read is None or read.tzinfo is None:
        raise Refused("time_malformed", f"{event.name}: {name} is no time with an offset", field=name)
    return read


def objects(event: Event, name: str, *, required: Sequence[str]) -> list[Mapping[str, Any]]:
    rows = needed(event, name)
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise Refused("field_malformed", f"{event.name}: {name} is not a list of objects", field=name)
    for row in rows:
        missing = [each for each in required if row.get(each) is None]
        if missing:
            raise Refused("field_required", f"{event.name}: {', '.join(missing)} is missing in {name}", field=name)
    return rows
