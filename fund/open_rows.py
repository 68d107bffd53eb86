"""The venue's open positions as they come in: CSV with a header, NDJSON, or rows of values, read one at a time.

Columns are those of `adl.PositionRow`; `margin` and `wallet` may be left out, empty or null. Numbers are strings.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from fund import errors
from fund.adl import PositionRow
from ledger.errors import Refused
from ledger.money import MoneyError, parse_number

TEXTS = ("position", "trader", "contract", "side")
NUMBERS = ("quantity", "entry_price", "mark_price")
OPTIONAL = ("margin", "wallet")
COLUMNS = (*TEXTS, *NUMBERS, *OPTIONAL)
# A line that is longer is no row of ours; without a limit one line could take all memory.
_LINE_MOST = 1 << 16


def read_csv(source: BinaryIO) -> Iterator[PositionRow]:
    """Raises Refused `positions_columns`, `positions_malformed` and what is wrong with an amount, naming the row."""
    reader = csv.reader(_lines(source), strict=True)
    try:
        header = next(reader, [])
        if set(header) - set(COLUMNS) or set(TEXTS + NUMBERS) - set(header) or len(set(header)) < len(header):
            raise errors.positions_columns(f"the header is {', '.join(header)[:200]!r}", COLUMNS)
        for number, values in enumerate(reader, 1):
            if len(values) != len(header):
                raise errors.positions_malformed(number, f"{len(values)} values under {len(header)} columns")
            yield _row(number, dict(zip(header, values, strict=True)))
    except csv.Error as error:
        raise errors.positions_malformed(None, f"line {reader.line_num}: {error}") from None


def read_ndjson(source: BinaryIO) -> Iterator[PositionRow]:
    """One JSON object a line. Raises as `read_csv`."""
    for number, line in enumerate((line for line in _lines(source) if line.strip()), 1):
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise errors.positions_malformed(number, f"not a JSON object of its own line: {error}") from None
        yield _of_document(number, document)


def from_documents(rows: Iterable[Any]) -> Iterator[PositionRow]:
    """Objects with the columns as names, or lists in their order. Raises as `read_csv`."""
    for number, row in enumerate(rows, 1):
        if isinstance(row, Sequence) and not isinstance(row, str):
            if not len(TEXTS + NUMBERS) <= len(row) <= len(COLUMNS):
                raise errors.positions_malformed(number, f"{len(row)} values; the columns are {', '.join(COLUMNS)}")
            yield _row(number, dict(zip(COLUMNS, row, strict=False)))
        else:
            yield _of_document(number, row)


def _lines(source: BinaryIO) -> Iterator[str]:
    number = 0
    while line := source.readline(_LINE_MOST + 1):
        number += 1
        if len(line) > _LINE_MOST:
            raise errors.positions_malformed(None, f"line {number} is longer than {_LINE_MOST} bytes")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise errors.positions_malformed(None, f"line {number}: {error}") from None


def _of_document(number: int, document: Any) -> PositionRow:
    if not isinstance(document, Mapping):
        raise errors.positions_malformed(number, "not an object")
    if unknown := document.keys() - set(COLUMNS):
        raise errors.positions_malformed(number, f"{', '.join(sorted(unknown))}: no such field")
    return _row(number, document)


def _row(number: int, values: Mapping[str, Any]) -> PositionRow:
    texts: dict[str, str] = {}
    for name in TEXTS:
        text = values.get(name)
        if not isinstance(text, str) or not text.isprintable():
            raise errors.positions_malformed(number, f"{name} {text!r} is not a text")
        texts[name] = text
    if len(texts["contract"]) > 100:
        raise errors.positions_malformed(number, "contract is longer than 100")
    return PositionRow(
        position=texts["position"],
        trader=texts["trader"],
        contract=texts["contract"],
        side=texts["side"],
        quantity=_number(number, "quantity", values.get("quantity")),
        entry_price=_number(number, "entry_price", values.get("entry_price")),
        mark_price=_number(number, "mark_price", values.get("mark_price")),
        margin=_optional(number, "margin", values.get("margin")),
        wallet=_optional(number, "wallet", values.get("wallet")),
    )


def _optional(number: int, name: str, value: Any) -> Decimal | None:
    return None if value in (None, "") else _number(number, name, value)


def _number(number: int, name: str, value: Any) -> Decimal:
    try:
        return parse_number(value)
    except MoneyError as error:
        raise Refused(error.code, f"row {number}: {name} {error.detail}") from None
