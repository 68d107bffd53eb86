"""The outbox read from a position on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.events.models import Event
from ledger.events.recording import number


@dataclass(frozen=True, slots=True)
class Read:
    """Events in the order of their positions. `next_after` is where the next reading begins: nothing lies between."""

    events: Sequence[Event]
    next_after: int


def read(
    *,
    after: int,
    limit: int,
    kind: str | None = None,
    streams: Collection[str] | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
) -> Read:
    """At most `limit` events with a position above `after`, of this kind, of these funds, recorded in from_ ≤ t < to.

    What is committed later has a position above them all.
    """
    last = number()
    events = Event.objects.filter(position__gt=after, position__lte=last).order_by("position")
    if kind is not None:
        events = events.filter(kind=kind)
    if streams is not None:
        events = events.filter(stream__in=streams)
    if from_ is not None:
        events = events.filter(created_at__gte=from_)
    if to is not None:
        events = events.filter(created_at__lt=to)
    found = list(events[:limit])
    if len(found) == limit:
        return Read(found, found[-1].position or after)
    return Read(found, max(after, last))
