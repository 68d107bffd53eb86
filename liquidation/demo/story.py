"""The story of one demo: a day of the venue, told through the API as the venue's own systems would tell it."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from ledger.money import plain
from liquidation.demo.cascade import CONTRACTS, Cascade, DemoPosition, DemoTakeover
from liquidation.demo.client import Api

FUND = "usdt"
CURRENCY, DECIMALS = "USDT", 6
RULEBOOK = "shared_loss"
# The house's capital, paid in once, and what the treasury fills the fund up to before each day.
CAPITAL = Decimal(100_000_000)
FUND_BEFORE = Decimal(8_000_000)
FIRST_ENTRY = "demo:capital"

# The invented days follow one another from here; the cascade begins a quarter past nine in the evening.
FIRST_DAY = datetime(2025, 10, 10, tzinfo=UTC)
_CYCLE_STARTS, _CYCLE_ENDS, _CASCADE_STARTS = timedelta(hours=16), timedelta(hours=24), timedelta(hours=21, minutes=15)
_EXAMPLE_AT = timedelta(hours=23)

# The venue reports such a stretch of time in one batch of takeovers and one of fills; the fills of takeovers above this
# notional, in USDT, one by one, over so many connections.
_SECONDS_A_BATCH = 10
_LARGE = 5_000_000
_CONNECTIONS = 4
_ROWS_A_CHUNK = 1000

# The example that venues explain their fund with: bankrupt at 28,000, closed at 28,200, 200 per BTC into the fund.
EXAMPLE_BANKRUPTCY, EXAMPLE_CLOSE, EXAMPLE_MARGIN = "28000", "28200", "1000"


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """The API, once for each role that takes part."""

    engine: Api
    treasury: Api
    bookkeeper: Api
    auditor: Api


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One day of the demo: `run` counts from 1 and stands in every reference; `cycle` is the API's id of its cycle."""

    run: int
    cycle: int

    @property
    def date(self) -> datetime:
        return FIRST_DAY + timedelta(days=self.run - 1)

    @property
    def cascade_at(self) -> datetime:
        return self.date + _CASCADE_STARTS

    @property
    def example(self) -> str:
        """Reference of the example's takeover."""
        return f"day-{self.run}:example"


# Told how far a part of the story has come: its name, how much is done, of how much.
Progress = Callable[[str, int, int], None]


def run_to_play(keys: Keys) -> tuple[int, bool]:
    """Number of the day to play, and whether it had begun: a day that was interrupted is played to its end."""
    cycles = list(keys.auditor.rows(f"/funds/{FUND}/cycles/"))
    last = max(cycles, key=lambda cycle: int(cycle["number"]), default=None)
    if last is None:
        return 1, False
    if last["status"] != "settled":
        return int(last["number"]), True
    return int(last["number"]) + 1, False


def open_books(keys: Keys) -> None:
    """Currency, fund, contracts and the house's capital. Sent again, it is all known already."""
    keys.bookkeeper.post("/currencies/", {"code": CURRENCY, "decimals": DECIMALS})
    keys.treasury.post("/funds/", {"code": FUND, "currency": CURRENCY, "rulebook": {"preset": RULEBOOK}})
    for contract in CONTRACTS:
        document = {
            "symbol": contract.symbol,
            "kind": "linear",
            "margin_currency": CURRENCY,
            "multiplier": "1",
            "fund": FUND,
        }
        keys.treasury.post("/contracts/", document)
    capital = {
        "reference": FIRST_ENTRY,
        "kind": "capital",
        "effective_at": _text(FIRST_DAY),
        "description": "The house pays its capital in",
        "lines": [
            {"account": f"custody:{CURRENCY}", "debit": plain(CAPITAL)},
            {"account": f"treasury:{CURRENCY}", "credit": plain(CAPITAL)},
        ],
    }
    keys.bookkeeper.post("/entries/", capital)


def begin(keys: Keys, run: int) -> Day:
    """Fill the fund up for the day, and open the day's cycle."""
    date = FIRST_DAY + timedelta(days=run - 1)
    reference = f"day-{run}"
    if not list(keys.auditor.rows(f"/funds/{FUND}/contributions/", reference=reference)):
        missing = FUND_BEFORE - Decimal(keys.auditor.get(f"/funds/{FUND}/")["balance"])
        if missing > 0:
            document = {"reference": reference, "amount": plain(missing), "effective_at": _text(date)}
            keys.treasury.post(f"/funds/{FUND}/contributions/", document)
    cycle = keys.bookkeeper.post(
        f"/funds/{FUND}/cycles/",
        {"number": run, "starts_at": _text(date + _CYCLE_STARTS), "ends_at": _text(date + _CYCLE_ENDS)},
        once=f"cycle-{reference}",
    )
    return Day(run=run, cycle=int(cycle["id"]))


def tell_cascade(keys: Keys, day: Day, cascade: Cascade, progress: Progress) -> None:
    """Report every takeover and every fill, a few seconds of the day at a time.

    Several connections report the large ones beside each other, as the engine's processes would; all others go at once.
    """
    done = 0
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        for _, group in groupby(cascade.takeovers, key=lambda takeover: int(takeover.second) // _SECONDS_A_BATCH):
            batch = list(group)
            keys.engine.post("/takeovers/", {"items": [_takeover(day, takeover) for takeover in batch]})
            large = [takeover for takeover in batch if takeover.notional >= _LARGE]
            list(pool.map(lambda takeover: _report_fills(keys.engine, day, takeover), large))
            small = [takeover for takeover in batch if takeover.notional < _LARGE]
            fills = [
                {**fill, "takeover": _reference(day, takeover)} for takeover in small for fill in _fills(day, takeover)
            ]
            if fills:
                keys.engine.post("/fills/", {"items": fills})
            done += len(batch)
            progress("liquidations", done, len(cascade.takeovers))


def tell_positions(keys: Keys, day: Day, positions: Sequence[DemoPosition], progress: Progress) -> None:
    """Stream the profits in, the first half as CSV and the other as NDJSON, and freeze them with count and total."""
    if keys.auditor.get(f"/cycles/{day.cycle}/")["positions_complete_at"] is not None:
        # An interrupted day that is played to its end: they are frozen already.
        return
    path = f"/cycles/{day.cycle}/positions/"
    half = len(positions) // 2
    parts = (
        (_csv(positions[:half]), "text/csv"),
        (_ndjson(positions[half:]), "application/x-ndjson"),
    )
    sent = 0
    for chunks, content_type in parts:
        keys.engine.stream(path, chunks, content_type=content_type)
        sent = half if sent == 0 else len(positions)
        progress("profits of positions", sent, len(positions))
    total = sum((position.profit for position in positions), Decimal(0))
    document = {"count": len(positions), "total": plain(total)}
    keys.engine.post(f"{path}complete/", document, once=f"complete-{day.run}")


def settle(keys: Keys, day: Day) -> Any:
    """Settle the day's cycle. Returns it."""
    return keys.bookkeeper.post(f"/cycles/{day.cycle}/settle/", {}, once=f"settle-{day.run}")


def tell_example(keys: Keys, day: Day) -> None:
    """One BTC bankrupt at 28,000, closed at 28,200."""
    at = day.date + _EXAMPLE_AT
    takeover = {
        "reference": day.example,
        "contract": "BTC-PERP",
        "trader": "example",
        "side": "long",
        "quantity": "1",
        "bankruptcy_price": EXAMPLE_BANKRUPTCY,
        "margin": EXAMPLE_MARGIN,
        "taken_over_at": _text(at),
    }
    fill = {
        "reference": f"{day.example}:fill",
        "price": EXAMPLE_CLOSE,
        "quantity": "1",
        "fee": "0",
        "filled_at": _text(at + timedelta(seconds=1)),
    }
    keys.engine.post("/takeovers/", takeover)
    keys.engine.post(f"/takeovers/{day.example}/fills/", fill)


def _takeover(day: Day, takeover: DemoTakeover) -> dict[str, str]:
    return {
        "reference": _reference(day, takeover),
        "contract": takeover.contract,
        "trader": takeover.trader,
        "side": takeover.side,
        "quantity": plain(takeover.quantity),
        "bankruptcy_price": plain(takeover.bankruptcy_price),
        "margin": plain(takeover.margin),
        "entry_price": plain(takeover.entry_price),
        "taken_over_at": _text(day.cascade_at + timedelta(seconds=takeover.second)),
    }


def _report_fills(engine: Api, day: Day, takeover: DemoTakeover) -> None:
    """The fills of one takeover, one call each."""
    for fill in _fills(day, takeover):
        engine.post(f"/takeovers/{_reference(day, takeover)}/fills/", fill)


def _fills(day: Day, takeover: DemoTakeover) -> list[dict[str, str]]:
    return [
        {
            "reference": f"{_reference(day, takeover)}:{number}",
            "price": plain(fill.price),
            "quantity": plain(fill.quantity),
            "fee": plain(fill.fee),
            "filled_at": _text(day.cascade_at + timedelta(seconds=fill.second)),
        }
        for number, fill in enumerate(takeover.fills, 1)
    ]


def _reference(day: Day, takeover: DemoTakeover) -> str:
    return f"day-{day.run}:{takeover.number}"


def _csv(positions: Sequence[DemoPosition]) -> Iterator[bytes]:
    yield b"position,trader,contract,profit\n"
    for start in range(0, len(positions), _ROWS_A_CHUNK):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            (row.position, row.trader, row.contract, plain(row.profit))
            for row in positions[start : start + _ROWS_A_CHUNK]
        )
        yield text.getvalue().encode()


def _ndjson(positions: Sequence[DemoPosition]) -> Iterator[bytes]:
    for start in range(0, len(positions), _ROWS_A_CHUNK):
        rows = (
            {"position": row.position, "trader": row.trader, "contract": row.contract, "profit": plain(row.profit)}
            for row in positions[start : start + _ROWS_A_CHUNK]
        )
        yield "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
