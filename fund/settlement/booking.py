"""Entries that are made of rows in the database and posted there: the Python process never holds their lines."""

import json
from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection
from django.db.models import QuerySet

from ledger import metrics
from ledger.errors import EntryRefusal, PostingRefused
from ledger.models import Entry

# What the posting door raises with every entry that it refuses.
_REFUSED = "BW001"


def call(query: str, parameters: Mapping[str, Any]) -> Any:
    """Run one statement that calls the posting door, in the caller's transaction, and return its value.

    Raises PostingRefused.
    """
    assert connection.in_atomic_block, "what is booked belongs to the caller's transaction"
    try:
        with psycopg.Cursor(connection.connection) as cursor:
            row = cursor.execute(query, parameters).fetchone()
    except psycopg.Error as error:
        if error.sqlstate != _REFUSED:
            raise
        refusals = json.loads(error.diag.message_detail or "[]")
        raise PostingRefused([EntryRefusal(**refusal) for refusal in refusals]) from error
    assert row is not None
    return row[0]


def count(entries: QuerySet[Entry]) -> None:
    """Tell the metrics of entries that were booked here. They are few, however many lines they have."""
    booked = list(entries.values_list("kind", "lines"))
    metrics.posted((kind for kind, _ in booked), lines=sum(lines for _, lines in booked))
