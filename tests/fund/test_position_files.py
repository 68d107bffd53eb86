"""Profits of positions streamed as files, CSV or NDJSON: what is read, what is refused, how much memory it takes."""

import io
import json
import resource
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypedDict, Unpack

import pytest

from fund import positions
from fund.models import Cycle, CyclePosition
from fund.positions import Taken
from tests.builders import refused
from tests.fund.builders import open_cycle, open_fund
from tests.fund.profits import bob, held

HEADER = "position,trader,contract,profit"


@pytest.fixture
def cycle(db: None) -> Cycle:
    open_fund()
    return open_cycle()


def csv(*lines: str, header: str = HEADER) -> io.BytesIO:
    return io.BytesIO("\n".join((header, *lines, "")).encode())


def ndjson(*documents: object) -> io.BytesIO:
    return io.BytesIO("\n".join(map(json.dumps, documents)).encode())


class Options(TypedDict, total=False):
    columns: dict[str, str]
    exclude: dict[str, str]
    default_contract: str


def stream(cycle: Cycle, source: io.BytesIO, format: str = "csv", **options: Unpack[Options]) -> Taken:
    return positions.stream(cycle_id=cycle.pk, source=source, format=format, **options)


def test_csv_is_read_by_its_header_in_any_order(cycle: Cycle) -> None:
    lines = ("500,p1,bob,2026-01-01T00:00:00+02:00", '-0.5,"p,2",bob@desk,2026-01-01T00:00:00Z')
    taken = stream(cycle, csv(*lines, header="profit,position,trader,opened_at"), default_contract="BTC-PERP")

    assert taken == Taken(2, 0, 0)
    assert held(cycle) == {"p,2": ("bob@desk", "BTC-PERP", "-0.5"), "p1": ("bob", "BTC-PERP", "500")}
    opened = CyclePosition.objects.get(position="p1").opened_at
    assert opened == datetime(2025, 12, 31, 22, tzinfo=UTC)


def test_columns_under_the_venues_names_and_rows_to_leave_out(cycle: Cycle) -> None:
    source = csv("a,u1,1.50,0", "b,u2,2,1", "c,u3,-0.00,0", header="position_id,user,realized_pnl,is_vault")

    taken = stream(
        cycle,
        source,
        columns={"position": "position_id", "trader": "user", "profit": "realized_pnl"},
        exclude={"is_vault": "1"},
        default_contract="CASCADE",
    )

    assert taken == Taken(2, 0, 1)
    assert held(cycle) == {"a": ("u1", "CASCADE", "1.5"), "c": ("u3", "CASCADE", "0")}


def test_windows_line_ends_and_a_byte_order_mark_are_read(cycle: Cycle) -> None:
    stream(cycle, io.BytesIO(b"\xef\xbb\xbfposition,trader,profit\r\np1,bob,500\r\n"))

    assert held(cycle) == {"p1": ("bob", "", "500")}


def test_a_header_alone_is_no_position(cycle: Cycle) -> None:
    assert stream(cycle, csv()) == Taken(0, 0, 0)
    assert stream(cycle, io.BytesIO(b""), "ndjson") == Taken(0, 0, 0)


@pytest.mark.parametrize(
    ("lines", "code", "detail"),
    [
        (["p1,bob,B,5", ",bob,B,5"], "positions_malformed", "row 2: position '' is not 1 to 200 long"),
        ([f"{'p' * 201},bob,B,5"], "positions_malformed", "row 1: position"),
        (["p1,,B,5"], "name_malformed", "row 1: trader '' is not a name"),
        (["p1,-bob,B,5"], "name_malformed", "row 1: trader '-bob'"),
        (["p1,b ob,B,5"], "name_malformed", "row 1: trader 'b ob'"),
        (["p1,böb,B,5"], "name_malformed", "row 1: trader 'böb'"),
        ([f"p1,{'b' * 101},B,5"], "name_malformed", "row 1: trader"),
        ([f"p1,bob,{'B' * 101},5"], "positions_malformed", "row 1: contract"),
        (["p0,bob,B,1", "p1,bob,B,"], "amount_malformed", "row 2: profit '' is not a plain decimal"),
        (["p1,bob,B,five"], "amount_malformed", "row 1: profit 'five'"),
        (["p1,bob,B,1e5"], "amount_malformed", "row 1: profit '1e5'"),
        (["p1,bob,B,+5"], "amount_malformed", "row 1: profit '+5'"),
        (["p1,bob,B, 5"], "amount_malformed", "row 1: profit ' 5'"),
        (["p1,bob,B,.5"], "amount_malformed", "row 1: profit '.5'"),
        (["p1,bob,B,1_000"], "amount_malformed", "row 1: profit '1_000'"),
        (["p1,bob,B,NaN"], "amount_malformed", "row 1: profit 'NaN'"),
        (["p1,bob,B,Infinity"], "amount_malformed", "row 1: profit 'Infinity'"),
        (["p1,bob,B,５"], "amount_malformed", "row 1: profit '５'"),
        ([f"p1,bob,B,1{'0' * 38}"], "amount_out_of_range", "row 1: profit"),
        (["p1,bob,B,0.0000000000000000001"], "amount_precision", "row 1: profit"),
        (["p1,bob,B"], "positions_malformed", "line 1: missing data"),
        (["p1,bob,B,5", "p2,bob,B,5,6"], "positions_malformed", "line 2: extra data"),
        (['p1,"bob,B,5'], "positions_malformed", "unterminated"),
        (["p1,bob,B,5", "\\.", "p2,bob,B,5"], "positions_malformed", "a line begins with"),
        (["p1,b\0b,B,5"], "positions_malformed", "invalid byte sequence"),
    ],
)
def test_a_row_that_is_none_is_named_and_nothing_is_added(
    cycle: Cycle, lines: list[str], code: str, detail: str
) -> None:
    with refused(code) as refusal:
        stream(cycle, csv(*lines))

    assert detail in refusal.value.detail
    assert held(cycle) == {}


@pytest.mark.parametrize("profit", ["007.50", "-0", "1" * 38, "-0.000000000000000001"])
def test_every_plain_decimal_is_a_profit(cycle: Cycle, profit: str) -> None:
    stream(cycle, csv(f"p1,bob,B,{profit}"))

    assert CyclePosition.objects.get().profit == Decimal(profit)


@pytest.mark.parametrize(
    ("opened_at", "code"),
    [
        ("yesterday", "time_malformed"),
        ("2026-01-01T00:00:00", "time_malformed"),
        ("2026-13-01T00:00:00Z", "time_malformed"),
    ],
)
def test_a_time_without_its_offset_is_refused(cycle: Cycle, opened_at: str, code: str) -> None:
    with refused(code):
        stream(cycle, csv(f"p1,bob,5,{opened_at}", header="position,trader,profit,opened_at"))


@pytest.mark.parametrize(
    ("header", "options", "detail"),
    [
        ("position,trader", {}, "there is no column profit"),
        ("position,trader,profit,profti", {}, "profti: nothing that a position has"),
        ("position,trader,profit,profit", {}, "the header repeats profit"),
        (HEADER, {"exclude": {"is_vault": "1"}}, "left out by is_vault"),
        (HEADER, {"columns": {"profit": "pnl"}}, "there is no column pnl"),
        (HEADER, {"columns": {"size": "profit"}}, "size: nothing that a position has"),
    ],
)
def test_columns_that_do_not_fit_are_refused(cycle: Cycle, header: str, options: Options, detail: str) -> None:
    with refused("positions_columns") as refusal:
        stream(cycle, csv("a,b,c,1", header=header), **options)

    assert detail in refusal.value.detail


def test_a_file_without_a_header_line_is_refused(cycle: Cycle) -> None:
    for source in (b"", b"\n1,2\n", b"\xff\n", b"x" * 100_000):
        with refused("positions_malformed"):
            stream(cycle, io.BytesIO(source))


def test_ndjson_is_read_line_by_line(cycle: Cycle) -> None:
    source = ndjson(
        {"position": 'p"1', "trader": "bob", "contract": "B", "profit": "500"},
        {"position": "p2\nx", "trader": "cid", "contract": None, "profit": "-1"},
    )

    assert stream(cycle, source, "ndjson", default_contract="X") == Taken(2, 0, 0)
    assert held(cycle) == {'p"1': ("bob", "B", "500"), "p2\nx": ("cid", "X", "-1")}


def test_ndjson_under_the_venues_names(cycle: Cycle) -> None:
    source = ndjson(
        {"id": "a", "user": "u1", "pnl": "1", "vault": False}, {"id": "b", "user": "u2", "pnl": "1", "vault": True}
    )

    taken = stream(
        cycle,
        source,
        "ndjson",
        columns={"position": "id", "trader": "user", "profit": "pnl"},
        exclude={"vault": "true"},
    )

    assert taken == Taken(1, 0, 1)
    assert list(held(cycle)) == ["a"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"position": "p1", "trader": "bob", "profit": 5}', "amount_must_be_string"),
        ('{"position": "p1", "trader": "bob"}', "positions_malformed"),
        ('{"position": "p1", "trader": 7, "profit": "5"}', "positions_malformed"),
        ('{"position": "p1", "trader": "bob", "profit": "5", "profit": "6"}', "positions_malformed"),
        ('{"position": "p1", "trader": "bob", "profit": "5", "size": "6"}', "positions_malformed"),
        ('["p1", "bob", "5"]', "positions_malformed"),
        ("p1,bob,5", "positions_malformed"),
        ("[" * 60_000, "positions_malformed"),
        ('"' + "x" * 70_000 + '"', "positions_malformed"),
        ('{"position": "\\ud800", "trader": "bob", "profit": "5"}', "positions_malformed"),
        ('{"position": "\\u0000", "trader": "bob", "profit": "5"}', "positions_malformed"),
    ],
)
def test_a_line_that_is_no_position_is_refused(cycle: Cycle, line: str, code: str) -> None:
    good = '{"position": "p0", "trader": "bob", "profit": "5"}\n\n'
    with refused(code):
        stream(cycle, io.BytesIO((good + line).encode()), "ndjson")

    assert held(cycle) == {}


def test_an_unknown_format_or_cycle_is_refused(cycle: Cycle) -> None:
    with refused("positions_format"):
        stream(cycle, csv(), "xlsx")
    with refused("cycle_unknown"):
        positions.add(cycle_id=cycle.pk + 1, rows=[bob()])


class Generated(io.BytesIO):
    """A file that is made while it is read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        super().__init__()
        self.lines = lines
        self.left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        assert size, "it is read in pieces"
        while len(self.left) < size and (line := next(self.lines, b"")):
            self.left += line
        taken, self.left = self.left[:size], self.left[size:]
        return taken

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self.lines, b"")


def csv_lines(count: int) -> Iterator[bytes]:
    yield b"position,trader,contract,profit\n"
    for place in range(count):
        yield b"P%07d,trader-%d,BTC-PERPETUAL,%d.12345678\n" % (place, place, place)


def ndjson_lines(count: int) -> Iterator[bytes]:
    for place in range(count):
        yield b'{"position":"P%07d","trader":"t%d","contract":"BTC-PERPETUAL","profit":"%d.1"}\n' % (
            place,
            place,
            place,
        )


@pytest.mark.parametrize(("format", "lines"), [("csv", csv_lines), ("ndjson", ndjson_lines)])
def test_memory_does_not_grow_with_the_file(cycle: Cycle, format: str, lines: Callable[[int], Iterator[bytes]]) -> None:
    stream(cycle, Generated(lines(1000)), format)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    taken = stream(cycle, Generated(lines(200_000)), format)

    assert taken == Taken(199_000, 1000, 0)
    grown_kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kibibytes < 4096
