"""What a check works with: findings, the count of its rows, and rows read in constant memory."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from ledger.money import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One identity that does not hold. `subject` names the entry or account, `code` the identity."""

    code: str
    subject: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.code}: {self.subject}: expected {self.expected}, found {self.actual}"


class Tally:
    """Rows that a check has looked at, of as many as it expects to; None where it cannot know."""

    def __init__(self, check: str, report: "Callable[[Tally], None] | None" = None) -> None:
        self.check = check
        self.checked = 0
        self.expected: int | None = None
        self._report = report

    def expect(self, rows: int) -> None:
        self.expected = rows
        self._tell()

    def add(self, rows: int) -> None:
        self.checked += rows
        self._tell()

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self)


def stream(query: str, parameters: Mapping[str, int | str] | None = None) -> Iterator[tuple[Any, ...]]:
    """The query's rows through a server-side cursor: a ruined book has more of them than memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        while chunk := cursor.fetchmany(1000):
            yield from chunk


def single(query: str, parameters: Mapping[str, int | str] | None = None) -> tuple[Any, ...]:
    """The only row of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    assert row is not None
    return row


def shown(amount: Decimal | None) -> str:
    """An amount as a finding shows it; a damaged book may hold what is no amount."""
    if amount is None:
        return "none"
    return plain(amount) if amount.is_finite() else str(amount)
