"""Statements past Django's cursors."""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection


def run(query: str, arguments: Sequence[Any]) -> "psycopg.Cursor[Any]":
    """Run a statement that the server plans once for all the times a connection runs it. Raises psycopg's errors."""
    connection.ensure_connection()
    try:
        return psycopg.Cursor(connection.connection).execute(query.encode(), arguments)
    except psycopg.OperationalError:
        note_error()
        raise


def note_error() -> None:
    """Have Django look, before the next request or task, whether the connection still is one.

    It does so by itself after statements of its own; those that go past it would fail on a lost one again and again.
    """
    connection.errors_occurred = True
