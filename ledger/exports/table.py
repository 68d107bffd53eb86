"""The journal as CSV (RFC 4180, UTF-8): one row a posting, in the order of the book, amounts as plain decimals."""

import csv
from collections.abc import Iterator
from io import StringIO

from ledger.exports.source import ExportedEntry, entries
from ledger.money import plain

HEADER = (
    "entry",
    "reference",
    "kind",
    "effective_at",
    "created_at",
    "description",
    "source_kind",
    "source_id",
    "recorded_by",
    "reverses",
    "line",
    "account",
    "currency",
    "debit",
    "credit",
    "balance_after",
    "version",
)


def lines(currency: str | None) -> Iterator[str]:
    yield ",".join(HEADER) + "\n"
    for entry in entries(currency):
        yield _rows(entry)


def _rows(entry: ExportedEntry) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = (
        entry.id,
        entry.reference,
        entry.kind,
        entry.effective_at.isoformat(),
        entry.created_at.isoformat(),
        entry.description,
        entry.source_kind,
        entry.source_id,
        entry.recorded_by,
        entry.reverses,
    )
    for line in entry.lines:
        amounts = (plain(line.debit), plain(line.credit), plain(line.balance_after))
        writer.writerow((*head, line.number, line.account, line.currency, *amounts, line.version))
    return text.getvalue()
