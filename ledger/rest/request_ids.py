"""The id of the request under way: in its answer, in every line of the log, in the tasks that it sends."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-ID"
_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}\Z")
_request_id: ContextVar[str] = ContextVar("request_id", default="")


@contextmanager
def identified(given: str | None) -> Iterator[str]:
    """Everything inside belongs to the request of this id; to a new one where none was given that can be kept."""
    request_id = given if given and _SHAPE.match(given) else uuid.uuid4().hex
    token = _request_id.set(request_id)
    try:
        yield request_id
    finally:
        _request_id.reset(token)


def request_id() -> str:
    """The id; empty outside of a request."""
    return _request_id.get()
