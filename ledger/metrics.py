"""What the service counts as it goes, for Prometheus. Figures of the books are read from them, not counted here."""

from collections import Counter as Tally
from collections.abc import Iterable

from django.db import transaction
from prometheus_client import Counter, Histogram

ENTRIES = Counter("bulwark_entries", "Entries posted, by kind.", ["kind"])
POSTINGS = Counter("bulwark_postings", "Lines of the entries posted.")
REFUSALS = Counter("bulwark_refusals", "Requests and items of batches that were refused, by code.", ["code"])
SETTLEMENT = Histogram(
    "bulwark_settlement_seconds", "Time to settle a cycle.", buckets=(0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
)
THROTTLED = Counter("bulwark_throttled", "Requests over their role's rate.", ["role"])
UNCOUNTED = Counter("bulwark_uncounted", "Requests let through because the broker could not count them.")


def posted(kinds: Iterable[str], *, lines: int) -> None:
    """Count entries of these kinds once they are committed: what is rolled back was never posted."""
    tally = Tally(kinds)

    def count() -> None:
        POSTINGS.inc(lines)
        for kind, entries in tally.items():
            ENTRIES.labels(kind).inc(entries)

    transaction.on_commit(count)
