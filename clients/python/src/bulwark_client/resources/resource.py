"""What the nouns have in common: read one, read all, record an event, act, send a batch."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

from bulwark_client import wire
from bulwark_client.shapes.batches import Outcome
from bulwark_client.transport import JSON, Answer, Transport

ROWS_OF_A_PAGE = 1000
ITEMS_OF_A_BATCH = 10_000
ShapeT = TypeVar("ShapeT")
ItemT = TypeVar("ItemT")
OutcomeT = TypeVar("OutcomeT", bound=Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list, and the address of the next one."""

    results: list[Any]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """What became of each item of a batch."""

    items: list[Any]


class Resource:
    """The calls of one noun."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _one(self, path: str, shape: type[ShapeT], **query: Any) -> ShapeT:
        answer = self._transport.call("GET", path, query=query, repeatable=True)
        return wire.read(shape, answer.document)

    def _rows(self, path: str, shape: type[ShapeT], query: Mapping[str, Any]) -> Iterator[ShapeT]:
        """Every row of a list, page after page, as they are asked for."""
        asked: Mapping[str, Any] | None = {"limit": ROWS_OF_A_PAGE, **query}
        while asked is not None:
            page = wire.read(Page, self._transport.call("GET", path, query=asked, repeatable=True).document)
            for row in page.results:
                yield wire.read(shape, row)
            # `next` is a whole address; the host that the service saw need not be the one that the caller sees.
            asked = dict(parse_qsl(urlsplit(page.next).query, keep_blank_values=True)) if page.next else None

    def _record(self, path: str, body: Any, shape: type[ShapeT], *, key: str | None = None) -> ShapeT:
        """Record an event that carries its reference, or its `key`."""
        answer = self._transport.call("POST", path, body=wire.encode(body), key=key, repeatable=True)
        return wire.read(shape, answer.document)

    def _act(self, path: str, shape: type[ShapeT], body: Any = None) -> ShapeT:
        """Move along what is known. The service does nothing the second time, so it may be said twice."""
        encoded = None if body is None else wire.encode(body)
        answer = self._transport.call("POST", path, body=encoded, repeatable=True)
        return wire.read(shape, answer.document)

    def _once(self, method: str, path: str, body: Any, shape: type[ShapeT], *, repeatable: bool = False) -> ShapeT:
        """A call that is not tried again by itself, where it is not said to be repeatable."""
        answer = self._transport.call(method, path, body=wire.encode(body), repeatable=repeatable)
        return wire.read(shape, answer.document)

    def _send(self, method: str, path: str, body: bytes, media_type: str = JSON) -> Answer:
        """Send rows that are known by their names; the same rows again change nothing."""
        return self._transport.call(method, path, body=body, media_type=media_type, repeatable=True)

    def _batches(
        self, path: str, items: Iterable[ItemT], shape: type[OutcomeT], *, atomic: bool, size: int
    ) -> Iterator[OutcomeT]:
        """What became of each item, in order; a call for each `size` of them, made as the outcomes are asked for."""
        if not 0 < size <= ITEMS_OF_A_BATCH:
            raise ValueError(f"{size} items a call: from 1 to {ITEMS_OF_A_BATCH}")
        remaining = iter(items)
        while batch := list(islice(remaining, size)):
            body = wire.encode({"items": batch, "atomic": atomic})
            answer = self._transport.call("POST", path, body=body, repeatable=True)
            for outcome in wire.read(Items, answer.document).items:
                yield wire.read(shape, outcome)


def new_key() -> str:
    """An idempotency key for a call whose body has no reference."""
    return str(uuid4())


def segment(name: str | int) -> str:
    """A name as a segment of a path. Raises ValueError for what no path can carry."""
    text = str(name)
    if not text or "/" in text or text in {".", ".."}:
        raise ValueError(f"{text!r} cannot stand in a path")
    return quote(text, safe="")
