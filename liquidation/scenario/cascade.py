"""A published cascade as a story: each liquidation that went to counterparties, and the shortfalls left behind.

The data names time, contract, price and notional of a liquidation, and for a contract and a span of time how far its
liquidations ended beyond bankruptcy. A liquidation's bankruptcy price follows from both.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from ledger.money import EXACT, MoneyError, parse_number, plain, round_half_even
from liquidation.scenario.reading import Story, StoryMalformed, story_of

CURRENCY, DECIMALS = "USDC", 8
FUND = "usdc"
# A price has at most so many decimals.
PRICE_DECIMALS = 18
# The cycle that has the whole of it.
HOURS = 8
# The rulebook it is played under: what the market does not take is closed against counterparties at mark, and the
# venue names them itself.
OWN: Mapping[str, object] = {
    "preset": "full_cover",
    "adl": {"trigger": "unfilled", "queue": "external", "price": "mark"},
}
# Of a liquidation that is known by its value alone: contracts of one unit of the currency each.
BY_VALUE = "-VALUE"
_LIQUIDATIONS, _SHORTFALLS, _POSITIONS = "liquidations.csv.gz", "shortfalls.csv.gz", "positions.csv.gz"

Row = Mapping[str, str]


@dataclass(slots=True)
class _Liquidation:
    at: int
    coin: str
    side: str
    quantity: Decimal
    price: Decimal
    contract: str
    notional: Decimal
    shortfall: Decimal = field(default=Decimal(0))


def read_cascade(folder: Path, *, contribution: Decimal) -> Story:
    """The story in a folder with `liquidations.csv.gz`, `shortfalls.csv.gz` and `positions.csv.gz`.

    `contribution`: what the fund begins with. The story names its positions by file, so it is played with `folder` as
    its data. Raises StoryMalformed where a file is missing or says what no liquidation can.
    """
    try:
        liquidations = [_liquidation(row) for row in _rows(folder / _LIQUIDATIONS)]
        for row in _rows(folder / _SHORTFALLS):
            _share(row, liquidations)
        liquidations = [each if _bankruptcy_price(each) >= 0 else _by_value(each) for each in liquidations]
        liquidations.sort(key=lambda each: each.at)
        return story_of(_document(folder, liquidations, contribution))
    except OSError as error:
        raise StoryMalformed(f"{error.filename}: {error.strerror}") from error
    except (KeyError, ValueError, MoneyError) as error:
        raise StoryMalformed(f"{folder}: {error!r}") from error


def _rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _liquidation(row: Row) -> _Liquidation:
    liquidation = _Liquidation(
        at=int(row["time_ms"]),
        coin=row["coin"],
        # Who was closed against it held the other side; where nothing says so, the market fell.
        side="short" if row["adl_position_side"] == "LONG" else "long",
        quantity=parse_number(row["size"] or "0"),
        price=parse_number(row["price"] or "0"),
        contract=row["coin"],
        notional=parse_number(row["notional"]),
    )
    return liquidation if liquidation.quantity else _by_value(liquidation)


def _by_value(liquidation: _Liquidation) -> _Liquidation:
    """Without a price of its own, or as a short that cannot have lost as much: some other position of its time did."""
    return replace(
        liquidation,
        side="long",
        quantity=liquidation.notional,
        price=Decimal(1),
        contract=f"{liquidation.coin}{BY_VALUE}",
    )


def _share(row: Row, liquidations: Sequence[_Liquidation]) -> None:
    """Among the liquidations of its contract and time by their notional, the last one having what is left."""
    first, last, whole = int(row["t_start_ms"]), int(row["t_end_ms"]), parse_number(row["shortfall_usd"])
    among = [each for each in liquidations if each.coin == row["coin"] and first <= each.at <= last]
    size = sum((Fraction(each.notional) for each in among), Fraction(0))
    if not size:
        raise ValueError(f"shortfall {row['shortfall_id']} of {row['coin']}: no liquidation at its time")
    left = whole
    for each in among:
        part = min(round_half_even(Fraction(whole) * Fraction(each.notional) / size, DECIMALS), left)
        if each is among[-1]:
            part = left
        each.shortfall, left = EXACT.add(each.shortfall, part), EXACT.subtract(left, part)


def _document(folder: Path, liquidations: Sequence[_Liquidation], contribution: Decimal) -> Mapping[str, object]:
    begins = datetime.fromtimestamp(liquidations[0].at / 1000, UTC).replace(minute=0, second=0, microsecond=0)
    begins -= timedelta(hours=begins.hour % HOURS)
    return {
        "title": f"{folder.name}: {len(liquidations):,} liquidations that went to counterparties",
        "source": f"{_LIQUIDATIONS}, {_SHORTFALLS}, {_POSITIONS}",
        "currency": {"code": CURRENCY, "decimals": DECIMALS},
        "contracts": [
            {"symbol": symbol, "kind": "linear", "multiplier": "1"} for symbol in _symbols(folder, liquidations)
        ],
        "fund": {"code": FUND, "contribution": plain(contribution), "rulebook": OWN},
        "events": [
            {
                "type": "cycle",
                "number": 1,
                "starts_at": begins.isoformat(),
                "ends_at": (begins + timedelta(hours=HOURS)).isoformat(),
            },
            *_events(liquidations),
            {
                "type": "positions_csv",
                "cycle": 1,
                "path": _POSITIONS,
                "columns": {
                    "position": "position_id",
                    "trader": "user",
                    "contract": "coin",
                    "profit": "realized_pnl",
                },
                "exclude": {"is_vault": "1"},
            },
        ],
    }


def _symbols(folder: Path, liquidations: Iterable[_Liquidation]) -> list[str]:
    traded = {row["coin"] for row in _rows(folder / _POSITIONS)}
    return sorted(traded | {each.contract for each in liquidations})


def _events(liquidations: Iterable[_Liquidation]) -> Iterator[Mapping[str, object]]:
    numbers: defaultdict[str, int] = defaultdict(int)
    for each in liquidations:
        numbers[each.coin] += 1
        reference = f"{each.coin}.{numbers[each.coin]}"
        at = datetime.fromtimestamp(each.at / 1000, UTC).isoformat()
        yield {
            "type": "takeover",
            "reference": reference,
            "contract": each.contract,
            "trader": "liquidated",
            "side": each.side,
            "quantity": plain(each.quantity),
            "bankruptcy_price": plain(round_half_even(_bankruptcy_price(each), PRICE_DECIMALS)),
            "margin": "0",
            "mark_price": plain(each.price),
            "taken_over_at": at,
        }
        yield {
            "type": "adl",
            "reference": f"adl.{reference}",
            "takeover": reference,
            "mark_price": plain(each.price),
            "occurred_at": at,
            # Of their entry nothing is known, and nothing here depends on it.
            "fills": [{"trader": "counterparties", "quantity": plain(each.quantity), "entry_price": plain(each.price)}],
        }


def _bankruptcy_price(each: _Liquidation) -> Fraction:
    """At which closing at the price leaves the shortfall."""
    apart = Fraction(each.shortfall) / Fraction(each.quantity)
    return Fraction(each.price) + (apart if each.side == "long" else -apart)
