"""Events as tests look at them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ledger.events.kinds import Happened, Kind
from ledger.events.models import Event
from ledger.events.reading import read
from tests.builders import moment

MOVED = Kind("test.moved", "Something of a test's.", ("name",))


def moved(name: str, *, stream: str = "usdt", once: str = "") -> Happened:
    return MOVED.happened({"name": name}, stream=stream, at=moment(), once=once)


def names(after: int = 0) -> list[str]:
    """The names that `moved` gave, in the order in which every reader has them."""
    return [event.data["name"] for event in read(after=after, limit=1000).events]


def told() -> list[str]:
    """Kinds of all events, in their order."""
    return [event.kind for event in read(after=0, limit=1000).events]


def data_of(kind: str) -> dict[str, Any]:
    """Data of the only event of this kind."""
    data: dict[str, Any] = Event.objects.get(kind=kind).data
    return data


@contextmanager
def telling(*kinds: str) -> Iterator[None]:
    """What happens inside tells these kinds, in this order, and nothing else."""
    before = read(after=0, limit=1000)
    yield
    assert [event.kind for event in read(after=before.next_after, limit=1000).events] == list(kinds)
