"""Rows of a model written and read in one statement that the server prepares: what a busy path can afford.

Django's own way compiles each query anew, and the server plans it anew.
"""

from ledger.bulk.inserting import Insert, inserted, inserting, new_row
from ledger.bulk.reading import among, read_joined, read_rows
from ledger.bulk.running import note_error, run
from ledger.bulk.updating import update_rows

__all__ = [
    "Insert",
    "among",
    "inserted",
    "inserting",
    "new_row",
    "note_error",
    "read_joined",
    "read_rows",
    "run",
    "update_rows",
]
