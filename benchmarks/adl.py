"""The ADL queue of 1,000,000 open positions, beside PostgreSQL sorting a million scores that are there already.

The positions are streamed in first, as a venue sends them. Each queue of the rulebooks is then asked for counterparties
of a takeover, exactly as an unfilled order asks: ranked, counted and cut. The floor is `ORDER BY score` over a table
that has nothing but the same scores, read to its end.
"""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.measure import Record, median, seconds
from benchmarks.settlement import CONTRACT, open_venue
from config.scratch import DatabaseUrls

MARK = 100.0
# A takeover of a thousandth of what is open: it closes hundreds of counterparties.
SHARE = 1_000
SEED = "2025-10-10"
_Owner = psycopg.Connection[tuple[Any, ...]]


def measure(record: Record, urls: DatabaseUrls, *, positions: int, rounds: int) -> None:
    """Stream the positions in, then ask each queue `rounds` times, every time beside its floor."""
    from fund import adl, open_positions
    from fund.models import Fund
    from fund.rulebook import AdlQueue
    from fund.rules import ContractKind, PositionSide

    open_venue()
    size = f"{positions // 1_000_000}m" if positions >= 1_000_000 else f"{positions // 1_000}k"
    add = record.add
    with _csv(positions) as (path, quantity), psycopg.connect(urls.owner) as owner:
        with path.open("rb") as source:
            taken = seconds(lambda: open_positions.replace_from_stream(fund_code="usdt", source=source, format="csv"))
        add(f"adl_open_positions_{size}_s", taken, "open positions streamed in, in place of those before, s")
        owner.autocommit = True
        owner.execute("VACUUM ANALYZE fund_openposition")
        book = adl.Book(
            fund_id=Fund.objects.get(code="usdt").pk,
            contract=CONTRACT,
            kind=ContractKind.LINEAR,
            multiplier=Decimal(1),
            side=PositionSide.SHORT,
        )
        worst = 0.0
        for policy in AdlQueue:
            # Of these two nothing is ranked: everybody is closed in proportion, or the venue's own list is taken.
            if policy in (AdlQueue.PRO_RATA, AdlQueue.EXTERNAL):
                continue
            seed = SEED if policy is AdlQueue.SEEDED_RANDOM else None
            _scores(owner, policy.value, seed)
            rank, sort = [], []
            for _ in range(rounds):
                sort.append(seconds(lambda: _sorted(owner)))
                rank.append(
                    seconds(lambda: adl.queue(book, policy=policy, seed=seed, quantity=quantity / SHARE))  # noqa: B023
                )
            ratio = median(rank) / median(sort)
            worst = max(worst, ratio)
            add(f"adl_sort_{size}_{policy.value}_s", median(sort), "the scores alone, sorted, s")
            add(f"adl_rank_{size}_{policy.value}_s", median(rank), "the queue ranked and cut, s")
            add(f"adl_rank_{size}_{policy.value}_vs_sort", ratio, "ours over the sort", target="≤ 2")
        add(f"adl_rank_{size}_vs_sort", worst, "the slowest queue over its sort", target="≤ 2")


@contextmanager
def _csv(positions: int) -> Iterator[tuple[Path, Decimal]]:
    """A file of short positions as a venue sends it, most of them in profit, and their quantity in all."""
    chance = random.Random(20251010)
    units = 0
    with tempfile.TemporaryDirectory(prefix="bulwark-bench-") as folder:
        path = Path(folder) / "open.csv"
        with path.open("w", encoding="ascii") as file:
            file.write("position,trader,contract,side,quantity,entry_price,mark_price,margin,wallet\n")
            for number in range(positions):
                thousandths = 1 + int(chance.lognormvariate(8, 1.5))
                entry = MARK * chance.lognormvariate(0.05, 0.1)
                margin = thousandths / 1000 * entry / chance.randint(1, 50)
                units += thousandths
                file.write(
                    f"p{number},trader{number * 7919 % positions},{CONTRACT},short,{thousandths / 1000:.3f},"
                    f"{entry:.4f},{MARK},{margin:.6f},{margin * chance.uniform(1, 4):.6f}\n"
                )
        yield path, Decimal(units).scaleb(-3)


def _scores(owner: _Owner, queue: str, seed: str | None) -> None:
    """Nothing but the exact scores, to 18 decimals; of a queue without one, what it orders by."""
    owner.execute("DROP TABLE IF EXISTS score")
    owner.execute(
        "CREATE TEMP TABLE score AS SELECT"
        " CASE WHEN %(queue)s = 'seeded_random' THEN b.estimate::numeric"
        " ELSE round(b.numerator / b.denominator, 18) END AS score"
        " FROM fund_adl_book_v1((SELECT id FROM fund_fund), %(contract)s, 'short', false, 1, %(queue)s, %(seed)s) b",
        {"queue": queue, "contract": CONTRACT, "seed": seed},
    )
    owner.execute("ANALYZE score")


def _sorted(owner: _Owner) -> None:
    """All of them, to the last, none sent."""
    owner.execute("SELECT score FROM score ORDER BY score DESC OFFSET 2000000000")
