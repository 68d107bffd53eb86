"""Who is at the edge: the key, user or task on whose behalf the books are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_recorded_by: ContextVar[str] = ContextVar("recorded_by", default="")


@contextmanager
def recorded_by(name: str) -> Iterator[None]:
    """Everything posted inside is recorded as done by `name`."""
    token = _recorded_by.set(name)
    try:
        yield
    finally:
        _recorded_by.reset(token)


def recorder() -> str:
    """Whom the edge has named; empty where nobody was."""
    return _recorded_by.get()
