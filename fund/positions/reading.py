"""Rows of positions on their way to the database, whatever they come as: chunks of CSV without a header.

Nothing is kept but the chunk at hand, so that a million rows need no more memory than one.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO

from fund import errors
from ledger.errors import Refused
from ledger.money import plain

# What a row says of a position, in the order of `PositionProfit`.
FIELDS = ("position", "trader", "profit", "contract", "opened_at")
REQUIRED = FIELDS[:3]

_CHUNK = 1 << 18
# A line that is longer is no row of ours; without a limit one line could take all memory.
_LINE_MOST = 1 << 16
# A file of these bytes alone names its traders properly, but for the first character and the length.
_NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-,\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionProfit:
    """A position's profit in the cycle, in the fund's currency: realised + change of unrealised + funding − fees."""

    position: str
    trader: str
    profit: Decimal
    contract: str = ""
    opened_at: datetime | None = None


@dataclass(slots=True)
class Table:
    """Rows as chunks of CSV. `source_of` names each field's place in `columns`; fields without one are absent.

    `plain_names` turns False when bytes have passed that no trader's name has.
    """

    columns: tuple[str, ...]
    source_of: Mapping[str, str]
    chunks: Iterator[bytes]
    plain_names: bool = True

    def __iter__(self) -> Iterator[bytes]:
        before = b"\n"
        for chunk in self.chunks:
            if chunk.translate(None, _NAME_BYTES):
                self.plain_names = False
                # To COPY such a line is the end of the data: what follows would be left out in silence.
                if b"\n\\." in before + chunk:
                    raise errors.positions_malformed(None, "a line begins with \\.")
            yield chunk
            before = chunk[-2:]


def from_rows(rows: Iterable[PositionProfit]) -> Table:
    """Rows that are read already."""

    def written() -> Iterator[Sequence[str]]:
        for row in rows:
            opened_at = row.opened_at.isoformat() if row.opened_at else ""
            if not row.profit.is_finite():
                raise Refused("amount_malformed", f"position {row.position}: profit {row.profit} is not an amount")
            yield row.position, row.trader, plain(row.profit), row.contract, opened_at

    return Table(FIELDS, dict(zip(FIELDS, FIELDS, strict=True)), _as_csv(written()))


def read_csv(source: BinaryIO, *, columns: Mapping[str, str] | None, exclude: Mapping[str, str]) -> Table:
    """CSV with a header. Raises Refused `positions_malformed`, `positions_columns`."""
    header, rest = _header(source)
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise errors.positions_columns(f"the header repeats {', '.join(sorted(repeated))}", header)
    source_of = _mapped(columns, header)
    if columns is None:
        _refuse_unknown(set(header) - set(exclude), header)
    if missing := set(exclude) - set(header):
        raise errors.positions_columns(f"rows are to be left out by {', '.join(sorted(missing))}", header)

    def chunks() -> Iterator[bytes]:
        if rest:
            yield rest
        while chunk := source.read(_CHUNK):
            yield chunk

    return Table(tuple(header), source_of, chunks())


def read_ndjson(source: BinaryIO, *, columns: Mapping[str, str] | None, exclude: Mapping[str, str]) -> Table:
    """One JSON object a line, amounts as strings. Raises Refused while it is read, naming the row."""
    source_of = {field: (columns or {}).get(field, field) for field in FIELDS}
    if columns is not None:
        _refuse_unknown_fields(columns)
    names = tuple(dict.fromkeys((*source_of.values(), *exclude)))
    strict_text = {source_of[field]: field for field in FIELDS}
    required = [source_of[field] for field in REQUIRED]

    def written() -> Iterator[Sequence[str]]:
        for row, document in _documents(source):
            for name in required:
                if document.get(name) is None:
                    raise errors.positions_malformed(row, f"{name} is missing")
            if columns is None and (unknown := document.keys() - names):
                raise errors.positions_malformed(row, f"{', '.join(sorted(unknown))}: no such field")
            yield [_text(document.get(name), strict_text.get(name), name, row) for name in names]

    return Table(names, source_of, _as_csv(written()))


READERS: Mapping[str, Callable[..., Table]] = {"csv": read_csv, "ndjson": read_ndjson}


def _header(source: BinaryIO) -> tuple[list[str], bytes]:
    """The names in the first line, and what was read beyond it."""
    read = b""
    while b"\n" not in read and len(read) <= _LINE_MOST:
        chunk = source.read(_CHUNK)
        if not chunk:
            break
        read += chunk
    line, _, rest = read.partition(b"\n")
    try:
        names = next(csv.reader([line.decode("utf-8-sig").rstrip("\r")], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise errors.positions_malformed(None, f"the header cannot be read: {error}") from error
    if not names or len(line) > _LINE_MOST:
        raise errors.positions_malformed(None, "the first line is to name the columns")
    return names, rest


def _mapped(columns: Mapping[str, str] | None, header: Sequence[str]) -> dict[str, str]:
    """Where each field stands: under the name that the caller gave it, else under its own."""
    given = columns or {}
    _refuse_unknown_fields(given)
    source_of = {field: given.get(field, field) for field in FIELDS}
    missing = [source_of[field] for field in FIELDS if source_of[field] not in header]
    if wanted := [name for name in missing if name in given.values() or name in REQUIRED]:
        raise errors.positions_columns(f"there is no column {', '.join(wanted)}", header)
    return {field: name for field, name in source_of.items() if name in header}


def _refuse_unknown_fields(columns: Mapping[str, str]) -> None:
    if unknown := columns.keys() - set(FIELDS):
        raise errors.positions_columns(f"{', '.join(sorted(unknown))}: nothing that a position has", FIELDS)


def _refuse_unknown(names: set[str], header: Sequence[str]) -> None:
    if unknown := names - set(FIELDS):
        raise errors.positions_columns(f"{', '.join(sorted(unknown))}: nothing that a position has", header)


def _documents(source: BinaryIO) -> Iterator[tuple[int, dict[str, object]]]:
    row = 0
    while line := source.readline(_LINE_MOST + 1):
        if len(line) > _LINE_MOST:
            raise errors.positions_malformed(row + 1, f"the line is longer than {_LINE_MOST} bytes")
        if not line.strip():
            continue
        row += 1
        try:
            document = json.loads(line, object_pairs_hook=_without_repetition)
        except (ValueError, RecursionError) as error:
            raise errors.positions_malformed(row, f"not a JSON object of its own line: {error}") from error
        if not isinstance(document, dict):
            raise errors.positions_malformed(row, "not a JSON object")
        yield row, document


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name is repeated")
    return document


def _text(value: object, field: str | None, name: str, row: int) -> str:
    """A value as CSV carries it. What a position has is a string; a column to leave rows out by may be anything."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if field == "profit":
        raise Refused("amount_must_be_string", f'row {row}: {name} {value} must be a decimal string such as "12.5"')
    if field is not None:
        raise errors.positions_malformed(row, f"{name} is not a string")
    return json.dumps(value)


def _as_csv(rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow(row)
        if text.tell() >= _CHUNK:
            yield _encoded(text)
            text.seek(0)
            text.truncate()
    if text.tell():
        yield _encoded(text)


def _encoded(text: io.StringIO) -> bytes:
    try:
        return text.getvalue().encode()
    except UnicodeEncodeError as error:
        raise errors.positions_malformed(None, "a text has half a character (a lone surrogate)") from error
