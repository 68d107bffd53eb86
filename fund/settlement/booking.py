"""Entries that are made of rows in the database and posted there: the Python process never holds their lines."""

import json
from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection

from ledger.errors import EntryRefusal, PostingRefused

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
