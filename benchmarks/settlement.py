"""Streaming in a cycle's positions and settling it, beside a plain COPY and beside sorting and inserting the same rows.

The profits are lognormal, half of the positions lose, and the shape is chosen so that 90 % of the profit lies with
some 14 % of the positions, as in a real cascade: of 1,000,000 positions about 140,000 are charged.
"""

import random
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.measure import Record, median, seconds
from config.scratch import DatabaseUrls

STARTS_AT = datetime(2026, 1, 1, tzinfo=UTC)
LENGTH = timedelta(hours=8)
# With this spread the top 28 % of lognormal profits hold 90 % of them.
SPREAD = 1.865
CONTRACT = "X-PERP"
TWINS = {
    "twin_position": "fund_cycleposition",
    "twin_allocation": "fund_allocation",
    "twin_entry": "ledger_entry",
    "twin_posting": "ledger_posting",
    "twin_account": "ledger_account",
}
# All but the balance, which the database generates.
ACCOUNT = "id, code, kind, owner, normal_side, floor, lock_rank, debits, credits, version, created_at, currency_id"
_Owner = psycopg.Connection[tuple[Any, ...]]


def measure(record: Record, urls: DatabaseUrls, *, positions: int, rounds: int) -> None:
    """Stream in and settle a cycle of `positions`, `rounds` times, each round beside its floors."""
    from fund import cycles, settlement
    from fund import positions as cycle_positions

    open_venue()
    copy, stream, floor, settle = [], [], [], []
    stream_grown, settle_grown = [], []
    charged = 0
    with _csv(positions) as (path, profit), psycopg.connect(urls.owner) as owner:
        for twin, table in TWINS.items():
            owner.execute(f"CREATE TABLE {twin} (LIKE {table} INCLUDING ALL)")
        owner.commit()
        for number in range(1, rounds + 1):
            cycle = _cycle_with_a_loss(number, loss=profit / 10)
            owner.execute("TRUNCATE twin_position")
            owner.commit()
            copy.append(seconds(lambda: _plain_copy(owner, path)))
            before = _peak_mebibytes()
            with path.open("rb") as source:
                stream.append(
                    seconds(lambda: cycle_positions.stream(cycle_id=cycle.pk, source=source, format="csv"))  # noqa: B023
                )
            stream_grown.append(_peak_mebibytes() - before)
            cycle_positions.complete(cycle_id=cycle.pk, count=positions, total=None, completed_at=cycle.ends_at)
            cycles.end(cycle_id=cycle.pk)
            before = _peak_mebibytes()
            settle.append(
                seconds(lambda: settlement.settle_cycle(cycle_id=cycle.pk, settled_at=cycle.ends_at))  # noqa: B023
            )
            settle_grown.append(_peak_mebibytes() - before)
            _outputs(owner, cycle.pk)
            floor.append(seconds(lambda: _sort_and_insert(owner, cycle.pk)))  # noqa: B023
            owner.execute("DROP TABLE out_account, out_entry, out_posting, out_allocation")
            charged = _count(owner, "SELECT count(*) FROM fund_allocation WHERE cycle_id = %s", cycle.pk)

    size = f"{positions // 1_000_000}m" if positions >= 1_000_000 else f"{positions // 1_000}k"
    add = record.add
    add(f"positions_{size}_charged", charged, f"positions charged of {positions:,}")
    add(f"positions_{size}_copy_s", median(copy), "plain COPY of the same rows into a twin table, s")
    add(f"positions_{size}_stream_s", median(stream), "positions streamed in and checked, s")
    add("positions_stream_vs_copy", median(copy) / median(stream), "the COPY's time over ours", target="≥ 0.3")
    add("positions_stream_python_mib", max(stream_grown), "growth of the Python process, MiB")
    add(f"settle_{size}_floor_s", median(floor), "sort the profits and insert the same output rows, s")
    add(f"settle_{size}_s", median(settle), "the cycle settled, everything booked, s")
    add(f"settle_{size}_vs_floor", median(settle) / median(floor), "ours over the floor", target="≤ 2.5")
    add(f"settle_{size}_python_mib", max(settle_grown), "growth of the Python process, MiB")


def open_venue() -> None:
    """A fund of 20 / 80 that can pay for everything, and one contract."""
    from fund import funds, transfers
    from ledger.models import Currency
    from liquidation.contracts import add_contract

    Currency.objects.get_or_create(code="USDT", defaults={"decimals": 8})
    funds.open_fund(
        code="usdt", currency="USDT", preset="shared_loss", fields={}, opened_at=STARTS_AT, opened_by="benchmark"
    )
    rich = Decimal(10) ** 15
    transfers.contribute(
        reference="seed", fund_code="usdt", amount=rich, requested_by="benchmark", effective_at=STARTS_AT
    )
    add_contract(
        symbol=CONTRACT,
        kind="linear",
        margin_currency="USDT",
        multiplier=Decimal(1),
        fund_code="usdt",
        created_at=STARTS_AT,
    )


def _cycle_with_a_loss(number: int, *, loss: Decimal) -> Any:
    """An open cycle with one takeover that lost `loss`."""
    from fund import cycles
    from liquidation.fills import FillReport, report_fills
    from liquidation.takeovers import TakeoverReport, report_takeovers

    starts_at = STARTS_AT + number * LENGTH
    cycle = cycles.open_cycle(
        fund_code="usdt", number=number, starts_at=starts_at, ends_at=starts_at + LENGTH, opened_at=starts_at
    )
    takeover = TakeoverReport(
        reference=f"t{number}",
        contract=CONTRACT,
        trader="bankrupt",
        side="long",
        quantity=Decimal(1),
        bankruptcy_price=Decimal(1),
        margin=Decimal(0),
        taken_over_at=starts_at,
    )
    fill = FillReport(
        reference=f"f{number}", takeover=f"t{number}", quantity=Decimal(1), pnl=-loss, filled_at=starts_at
    )
    report_takeovers([takeover], recorded_at=starts_at)
    report_fills([fill], recorded_at=starts_at)
    return cycle


@contextmanager
def _csv(positions: int) -> Iterator[tuple[Path, Decimal]]:
    """A file of positions as a venue sends it, and the sum of its profits, in whole units."""
    chance = random.Random(20251010)
    gained = 0.0
    with tempfile.TemporaryDirectory(prefix="bulwark-bench-") as folder:
        path = Path(folder) / "positions.csv"
        with path.open("w", encoding="ascii") as file:
            file.write("position,trader,contract,profit\n")
            for number in range(positions):
                profit = chance.lognormvariate(5, SPREAD) * (1 if number % 2 else -1)
                gained += max(profit, 0.0)
                file.write(f"p{number},trader{number * 7919 % positions},{CONTRACT},{profit:.8f}\n")
        yield path, Decimal(round(gained))


def _plain_copy(owner: _Owner, path: Path) -> None:
    """The rows as they are, into a table with the same columns, checks and indexes."""
    owner.execute("ALTER TABLE twin_position ALTER COLUMN cycle_id SET DEFAULT 1")
    copy_in = "COPY twin_position (position, trader, contract, profit) FROM STDIN (FORMAT csv, HEADER)"
    with owner.cursor() as cursor, path.open("rb") as source, cursor.copy(copy_in) as copy:
        while block := source.read(1 << 20):
            copy.write(block)
    owner.commit()


def _outputs(owner: _Owner, cycle: int) -> None:
    """The rows that settling the cycle wrote, set aside: journal, new totals of accounts, allocations."""
    entries = f"(SELECT DISTINCT entry_id FROM fund_allocation WHERE cycle_id = {cycle})"
    owner.execute(f"CREATE TEMP TABLE out_allocation AS SELECT * FROM fund_allocation WHERE cycle_id = {cycle}")
    owner.execute(f"CREATE TEMP TABLE out_entry AS SELECT * FROM ledger_entry WHERE id IN {entries}")
    owner.execute(f"CREATE TEMP TABLE out_posting AS SELECT * FROM ledger_posting WHERE entry_id IN {entries}")
    owner.execute(
        f"CREATE TEMP TABLE out_account AS SELECT {ACCOUNT} FROM ledger_account"
        " WHERE id IN (SELECT account_id FROM out_posting)"
    )
    owner.execute("TRUNCATE twin_account")
    owner.commit()


def _sort_and_insert(owner: _Owner, cycle: int) -> None:
    """What no settlement can do without: sort the profits, write the rows."""
    owner.execute(
        "SELECT max(place) FROM (SELECT row_number() OVER (ORDER BY profit DESC, position) AS place"
        " FROM fund_cycleposition WHERE cycle_id = %s AND profit > 0) ranked",
        [cycle],
    )
    owner.execute(f"INSERT INTO twin_account ({ACCOUNT}) SELECT * FROM out_account")
    for name in ("entry", "posting", "allocation"):
        owner.execute(f"INSERT INTO twin_{name} SELECT * FROM out_{name}")
    owner.commit()


def _count(owner: _Owner, query: str, *arguments: object) -> int:
    row = owner.execute(query.encode(), arguments).fetchone()
    owner.commit()
    assert row is not None
    return int(row[0])


def _peak_mebibytes() -> float:
    """Most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
