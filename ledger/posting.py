"""The posting door: the only writer of the journal.

`post` is one statement around one SQL call (`ledger/sql/post_entries.sql`), set-based, whatever the number of entries.
All entries are taken or none is: a refusal raises and leaves a transaction, where there is one, to be rolled back.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from django.db import connection, transaction
from django.db.models import Model

from ledger import metrics
from ledger.actor import recorded_by as recorded_by
from ledger.actor import recorder
from ledger.arrays import literal, texts
from ledger.bulk import Insert, inserted, inserting, note_error
from ledger.errors import EntryRefusal, PostingRefused
from ledger.models import AMOUNT_LIMIT, POSTINGS_PER_ENTRY

_ZERO = Decimal(0)
_LINES_MOST = POSTINGS_PER_ENTRY - 1
# What the database answers to an amount beyond the limit: check_violation, numeric_value_out_of_range.
_TOO_LARGE = frozenset({"23514", "22003"})

# Arrays travel as literals: several times faster to bind than lists.
_CALL = """SELECT entry_ids, replayed FROM ledger_post_entries_v1(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::boolean[], %s::text[], %s::bigint[],
    %s::smallint[], %s, %s::text[], %s::integer[], %s::smallint[], %s::integer[], %s::boolean[], %s::numeric[])"""

# Both inserts read from the door, so it is through before they begin: events come after what they tell has been locked.
_CALL_BESIDE = """WITH door AS MATERIALIZED ({call}), told AS ({told}), new AS ({rows})
    SELECT entry_ids, replayed, ARRAY(SELECT key FROM new) FROM door"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an entry: exactly one of `debit` and `credit` is positive, in units of the account's currency."""

    account: str
    debit: Decimal = _ZERO
    credit: Decimal = _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A balanced transaction to be posted.

    `reference` is the idempotency key, for ever. `effective_stated` is False where the caller named no time: a replay
    then need not name the same one.
    """

    reference: str
    kind: str
    lines: Sequence[Line]
    effective_at: datetime
    effective_stated: bool = True
    description: str = ""
    source_kind: str = ""
    source_id: str = ""
    reverses: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """`replayed`: the reference was known, with the same content, and nothing was posted again."""

    entry_id: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """What the statement that posts inserts as well: of entries and rows all are there or none is.

    `rows` are new rows of one model that has an `entry`; `places` say which of the call's entries it is, from 0, or
    None. They get their ids and their entries. `told` makes another INSERT that reads from a source of one row.
    """

    rows: Sequence[Model]
    places: Sequence[int | None]
    told: Callable[[str], Insert]


def post(entries: Sequence[Entry], *, beside: Beside | None = None) -> list[Posted]:
    """Post the entries, all or none, in their order, and insert what is `beside` them. Returns one `Posted` an entry.

    Raises PostingRefused naming every entry in the way: `entry_lines`, `posting_one_sided`, `account_unknown`,
    `entry_unbalanced`, `entry_mixes_currencies`, `amount_precision`, `amount_out_of_range`, `account_floor`,
    `reference_reused`, `entry_already_reversed`.
    """
    if not entries and beside is None:
        return []
    try:
        entry_ids, replayed = _call_door(entries) if beside is None else _call_door_beside(entries, beside)
    except psycopg.Error as error:
        refused = _refusals(error, entries)
        if refused is None:
            raise
        raise PostingRefused(refused) from error
    if not replayed:
        metrics.posted((entry.kind for entry in entries), lines=sum(len(entry.lines) for entry in entries))
        return [Posted(entry_id, False) for entry_id in entry_ids]
    again = set(replayed)
    new = [entry for place, entry in enumerate(entries, 1) if place not in again]
    metrics.posted((entry.kind for entry in new), lines=sum(len(entry.lines) for entry in new))
    return [Posted(entry_id, place in again) for place, entry_id in enumerate(entry_ids, 1)]


def _call_door(entries: Sequence[Entry]) -> tuple[Sequence[int], Sequence[int]]:
    """Ids of the entries, and the places of those that were known, from 1."""
    entry_ids, replayed = _run(_CALL, _arguments(entries))
    return entry_ids, replayed


def _call_door_beside(entries: Sequence[Entry], beside: Beside) -> tuple[Sequence[int], Sequence[int]]:
    places = [None if place is None else place + 1 for place in beside.places]
    told, rows = beside.told("door"), inserting(beside.rows, "door", picked={"entry_id": ("door.entry_ids", places)})
    query = _CALL_BESIDE.format(call=_CALL, told=told.query, rows=rows.query)
    arguments = (*_arguments(entries), *told.arguments, *rows.arguments)
    entry_ids, replayed, keys = _run(query, arguments)
    inserted(beside.rows, keys)
    row: Any
    for row, place in zip(beside.rows, beside.places, strict=True):
        if place is not None:
            row.entry_id = entry_ids[place]
    # Without entries the door has no ids to give.
    return entry_ids or [], replayed


def _run(query: str, arguments: Sequence[Any]) -> Any:
    """Run one statement bound by the server, in the caller's transaction or else in its own, and return its row."""
    connection.ensure_connection()
    # A failure inside an atomic block marks the block for rollback; alone, the statement is its own transaction.
    block = transaction.atomic(savepoint=False) if connection.in_atomic_block else nullcontext()
    try:
        with block, psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(query.encode(), arguments, binary=True)
            return cursor.fetchone()
    except psycopg.OperationalError:
        note_error()
        raise


def _arguments(entries: Sequence[Entry]) -> tuple[Any, ...]:
    """The call's arrays. Refuses what has no place in them: an entry of too few or too many lines, a two-sided line."""
    accounts: dict[str, int] = {}
    line_entry: list[int] = []
    line_number: list[int] = []
    line_account: list[int] = []
    line_debit: list[str] = []
    line_amount: list[Decimal] = []
    refusals: list[EntryRefusal] = []
    for place, entry in enumerate(entries, 1):
        if not 2 <= len(entry.lines) <= _LINES_MOST:
            detail = f"entry {entry.reference}: {len(entry.lines)} line(s), an entry has from 2 to {_LINES_MOST}"
            refusals.append(EntryRefusal(place - 1, "entry_lines", detail))
        for number, line in enumerate(entry.lines, 1):
            debit = line.debit
            amount = debit if debit else line.credit
            if not amount.is_finite() or amount <= 0 or (debit and line.credit):
                detail = (
                    f"entry {entry.reference}: account {line.account} has debit {line.debit} and credit {line.credit},"
                    " a line has exactly one of them, positive"
                )
                refusals.append(EntryRefusal(place - 1, "posting_one_sided", detail))
            line_entry.append(place)
            line_number.append(number)
            line_account.append(accounts.setdefault(line.account, len(accounts) + 1))
            line_debit.append("t" if debit else "f")
            line_amount.append(amount)
    if refusals:
        raise PostingRefused(refusals)
    return (
        texts(entry.reference for entry in entries),
        texts(entry.kind for entry in entries),
        texts(entry.source_kind for entry in entries),
        texts(entry.source_id for entry in entries),
        literal(f'"{entry.effective_at.isoformat()}"' for entry in entries),
        literal("t" if entry.effective_stated else "f" for entry in entries),
        texts(entry.description for entry in entries),
        literal("NULL" if entry.reverses is None else str(entry.reverses) for entry in entries),
        literal(str(len(entry.lines)) for entry in entries),
        recorder(),
        texts(accounts),
        literal(map(str, line_entry)),
        literal(map(str, line_number)),
        literal(map(str, line_account)),
        literal(line_debit),
        literal(map(str, line_amount)),
    )


def _refusals(error: psycopg.Error, entries: Sequence[Entry]) -> list[EntryRefusal] | None:
    """What the database's refusal means, or None where it is no refusal but a failure."""
    diagnosis = error.diag
    if error.sqlstate == "BW001":
        return [EntryRefusal(**refusal) for refusal in json.loads(diagnosis.message_detail or "[]")]
    code = diagnosis.constraint_name or ""
    if error.sqlstate == "BW003":
        message = diagnosis.message_primary or code
        # Of references that begin with one another the longest is the one that is meant.
        named = max(
            (place for place, entry in enumerate(entries) if message.startswith(f"entry {entry.reference}")),
            key=lambda place: len(entries[place].reference),
            default=0,
        )
        return [EntryRefusal(named, code, message)]
    if error.sqlstate in _TOO_LARGE:
        return [
            EntryRefusal(
                place,
                "amount_out_of_range",
                f"entry {entry.reference}: account {line.account} has debit {line.debit} and credit {line.credit},"
                f" an amount is less than {AMOUNT_LIMIT:.0e}",
            )
            for place, entry in enumerate(entries)
            for line in entry.lines
            if max(line.debit, line.credit) >= AMOUNT_LIMIT
        ] or None
    if error.sqlstate == "23505" and code == "ledger_entry_reverses_id_key":
        place, entry = next((place, entry) for place, entry in enumerate(entries) if entry.reverses is not None)
        detail = f"entry {entry.reference}: an entry that it reverses has been reversed already"
        return [EntryRefusal(place, "entry_already_reversed", detail)]
    return None
