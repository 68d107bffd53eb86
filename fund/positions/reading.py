"""Rows of positions on their way to the database, whatever they come as: chunks of CSV without a header.

Nothing is kept but the chunk at hand, so that a million rows need no more memory than one.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from fund import errors
from ledger.errors import Refused

_CHUNK = 1 << 18
# A line that is longer is no row of ours; without a limit one line could take all memory.
_LINE_MOST = 1 << 16
# A file of these bytes alone names its traders properly, but for the first character and the length.
_NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-,\r\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a row says of a position. `amounts` are decimals, as strings where a format has other numbers."""

    fields: tuple[str, ...]
    required: tuple[str, ...]
    amounts: frozenset[str]


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


def from_rows(rows: Iterable[Sequence[str]], *, shape: Shape) -> Table:
    """Rows that are texts already, in the order of the shape's fields."""
    return Table(shape.fields, {field: field for field in shape.fields}, _as_csv(rows))


def from_documents(rows: Iterable[object], *, shape: Shape) -> Table:
    """Rows as JSON has them: objects with the fields as names, or lists in their order, perhaps without the last."""

    field_of = {field: field for field in shape.fields}

    def written() -> Iterator[Sequence[str]]:
        for number, row in enumerate(rows, 1):
            document = row
            if isinstance(row, Sequence) and not isinstance(row, str):
                if not len(shape.required) <= len(row) <= len(shape.fields):
                    raise errors.positions_malformed(
                        number, f"{len(row)} values; the columns are {', '.join(shape.fields)}"
                    )
                document = dict(zip(shape.fields, row, strict=False))
            if not isinstance(document, Mapping):
                raise errors.positions_malformed(number, "not an object")
            yield _texts(document, number, shape=shape, field_of=field_of, required=shape.required)

    return from_rows(written(), shape=shape)


def read_csv(source: BinaryIO, *, shape: Shape, columns: Mapping[str, str] | None, exclude: Mapping[str, str]) -> Table:
    """CSV with a header. Raises Refused `positions_malformed`, `positions_columns`."""
    header, rest = _header(source)
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise errors.positions_columns(f"the header repeats {', '.join(sorted(repeated))}", header)
    source_of = _mapped(columns, header, shape)
    if columns is None and (unknown := set(header) - set(exclude) - set(shape.fields)):
        raise errors.positions_columns(f"{', '.join(sorted(unknown))}: nothing that a position has", shape.fields)
    if missing := set(exclude) - set(header):
        raise errors.positions_columns(f"rows are to be left out by {', '.join(sorted(missing))}", header)

    def chunks() -> Iterator[bytes]:
        if rest:
            yield rest
        while chunk := source.read(_CHUNK):
            yield chunk

    return Table(tuple(header), source_of, chunks())


def read_ndjson(
    source: BinaryIO, *, shape: Shape, columns: Mapping[str, str] | None, exclude: Mapping[str, str]
) -> Table:
    """One JSON object a line, amounts as strings. Raises Refused while it is read, naming the row."""
    source_of = {field: (columns or {}).get(field, field) for field in shape.fields}
    if columns is not None:
        _refuse_unknown_fields(columns, shape)
    field_of = {**dict.fromkeys(exclude, ""), **{name: field for field, name in source_of.items()}}
    required = [source_of[field] for field in shape.required]

    def written() -> Iterator[Sequence[str]]:
        for row, document in _documents(source):
            if columns is not None:
                document = {name: document.get(name) for name in field_of}
            yield _texts(document, row, shape=shape, field_of=field_of, required=required)

    return Table(tuple(field_of), source_of, _as_csv(written()))


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


def _mapped(columns: Mapping[str, str] | None, header: Sequence[str], shape: Shape) -> dict[str, str]:
    """Where each field stands: under the name that the caller gave it, else under its own."""
    given = columns or {}
    _refuse_unknown_fields(given, shape)
    source_of = {field: given.get(field, field) for field in shape.fields}
    missing = [source_of[field] for field in shape.fields if source_of[field] not in header]
    required = {source_of[field] for field in shape.required}
    if wanted := [name for name in missing if name in given.values() or name in required]:
        raise errors.positions_columns(f"there is no column {', '.join(wanted)}", header)
    return {field: name for field, name in source_of.items() if name in header}


def _refuse_unknown_fields(columns: Mapping[str, str], shape: Shape) -> None:
    if unknown := columns.keys() - set(shape.fields):
        raise errors.positions_columns(f"{', '.join(sorted(unknown))}: nothing that a position has", shape.fields)


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


def _texts(
    document: Mapping[str, object], row: int, *, shape: Shape, field_of: Mapping[str, str], required: Sequence[str]
) -> list[str]:
    """A row's values as CSV carries them, under the names of `field_of`: which field each is, or empty."""
    for name in required:
        if document.get(name) is None:
            raise errors.positions_malformed(row, f"{name} is missing")
    if unknown := document.keys() - field_of.keys():
        raise errors.positions_malformed(row, f"{', '.join(sorted(unknown))}: no such field")
    texts = []
    for name, field in field_of.items():
        value = document.get(name)
        texts.append(value if isinstance(value, str) else _text(value, field, name, row, shape))
    return texts


def _text(value: object, field: str, name: str, row: int, shape: Shape) -> str:
    """What is no string: nothing at all, or in a column to leave rows out by anything."""
    if value is None:
        return ""
    if field in shape.amounts:
        raise Refused("amount_must_be_string", f'row {row}: {name} {value} must be a decimal string such as "12.5"')
    if field:
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
