"""The posting door on one hot account, beside a binary COPY and beside pgbench, on the same server in the same run.

Every entry debits the one fund account and credits one of a thousand traders; all guards are on. The COPY writes the
very rows that the door wrote into twins of the two tables: same columns, checks and indexes, without the triggers.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg

from benchmarks.measure import Record, median, percentile, seconds
from config.embedded.binaries import postgres_folder
from config.scratch import DatabaseUrls

ENTRIES_PER_BATCH = 4_000
ROWS_PER_BATCH = ENTRIES_PER_BATCH * 3
PGBENCH = str(postgres_folder() / "pgbench")
TRADERS = [f"trader:t{number}:USDT" for number in range(1_000)]
ENTRY = "id,reference,kind,source_kind,source_id,lines,effective_at,created_at,description,recorded_by,reverses_id"
POSTING = "id,entry_id,account_id,debit,credit,balance_after,version"


def seed() -> None:
    """The accounts, and a fund rich enough for the whole run."""
    from ledger import accounts
    from ledger.models import Currency
    from ledger.posting import Entry, Line, post

    Currency.objects.get_or_create(code="USDT", defaults={"decimals": 8})
    accounts.open_missing(["treasury:USDT", "fund:usdt", *TRADERS], currency="USDT")
    rich = Decimal(10) ** 15
    lines = [Line("treasury:USDT", debit=rich), Line("fund:usdt", credit=rich)]
    post([Entry(reference="seed", kind="fund_contribution", lines=lines, effective_at=datetime.now(UTC))])


def batch(name: str, entries: int) -> list[object]:
    """`entries` payouts from the hot fund account."""
    from ledger.posting import Entry, Line

    now = datetime.now(UTC)
    amount = Decimal("12.34567891")
    return [
        Entry(
            reference=f"{name}:{number}",
            kind="fund_payout",
            lines=[Line("fund:usdt", debit=amount), Line(TRADERS[number % 1_000], credit=amount)],
            effective_at=now,
            source_kind="takeover",
            source_id=f"{name}:{number}",
        )
        for number in range(entries)
    ]


def batches_against_copy(record: Record, urls: DatabaseUrls, *, rounds: int) -> None:
    """One client's batches and the COPY of the same rows, one after the other in every round."""
    from ledger.posting import post

    ours: list[float] = []
    floor: list[float] = []
    with psycopg.connect(urls.owner) as owner:
        owner.execute("CREATE TABLE twin_entry (LIKE ledger_entry INCLUDING ALL)")
        owner.execute("CREATE TABLE twin_posting (LIKE ledger_posting INCLUDING ALL)")
        owner.commit()
        for number in range(rounds + 2):
            entries = batch(f"batch{number}", ENTRIES_PER_BATCH)
            started = time.perf_counter()
            posted = post(entries)  # type: ignore[arg-type]
            ours.append(time.perf_counter() - started)
            first, last = posted[0].entry_id, posted[-1].entry_id
            which = f"BETWEEN {first} AND {last} ORDER BY id"
            entry_rows = _binary(owner, f"SELECT {ENTRY} FROM ledger_entry WHERE id {which}")
            posting_rows = _binary(owner, f"SELECT {POSTING} FROM ledger_posting WHERE entry_id {which}")
            owner.commit()
            floor.append(seconds(lambda: _copy(owner, entry_rows, posting_rows)))  # noqa: B023
    # The first two rounds warm caches and plans on both sides.
    copy_seconds, post_seconds = median(floor[2:]), median(ours[2:])
    record.add("copy_rows_per_s", ROWS_PER_BATCH / copy_seconds, "rows/s of a binary COPY into twin tables")
    record.add("posting_batch_rows_per_s", ROWS_PER_BATCH / post_seconds, "rows/s, 8,000 postings a call, one client")
    record.add(
        "posting_batch_vs_copy", copy_seconds / post_seconds, "one client's batches over the COPY", target="≥ 0.35"
    )


def _binary(connection: "psycopg.Connection[tuple[object, ...]]", query: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
        return b"".join(bytes(block) for block in copy)


def _copy(connection: "psycopg.Connection[tuple[object, ...]]", entry_rows: bytes, posting_rows: bytes) -> None:
    for table, columns, rows in (("twin_entry", ENTRY, entry_rows), ("twin_posting", POSTING, posting_rows)):
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)") as copy:
            copy.write(rows)
    connection.commit()


def clients_against_copy(record: Record, *, calls: int) -> None:
    """Two processes post batches to the one fund at once."""
    finished = _clients("batches", clients=2, amount=calls)
    rows = 2 * calls * ROWS_PER_BATCH
    rate = rows / max(end for _, end, _ in finished) if finished else 0.0
    record.add("posting_batch_2_rows_per_s", rate, "rows/s, 8,000 postings a call, two clients")
    ratio = rate / record.figures["copy_rows_per_s"]
    record.add("posting_batch_2_vs_copy", ratio, "two clients' batches over one client's COPY", target="≥ 0.45")


def singles_against_pgbench(record: Record, urls: DatabaseUrls, *, duration: int) -> None:
    """Durable single entries, one statement each, beside TPC-B-like at scale 1 with the same number of clients."""
    with pgbench_database(urls) as url:
        for clients, target in ((1, "≥ 1.3"), (8, "≥ 0.9")):
            ours: list[float] = []
            floor: list[float] = []
            latencies: list[float] = []
            for _ in range(3):
                floor.append(_pgbench(url, clients=clients, duration=duration))
                finished = _clients("singles", clients=clients, amount=duration)
                ours.append(sum(len(times) for _, _, times in finished) / duration)
                latencies.extend(time for _, _, times in finished for time in times)
            record.add(f"pgbench_{clients}_tps", median(floor), f"pgbench TPC-B-like, scale 1, {clients} client(s)")
            record.add(f"posting_single_{clients}_per_s", median(ours), f"single entries/s, {clients} client(s)")
            record.add(f"posting_single_{clients}_p99_ms", percentile(latencies, 0.99) * 1000, "p99 of one entry, ms")
            record.add(
                f"posting_single_{clients}_vs_tpcb",
                median(ours) / median(floor),
                f"single entries/s over TPC-B-like, {clients} client(s)",
                target=target,
            )


@contextmanager
def pgbench_database(urls: DatabaseUrls) -> Iterator[str]:
    """A database of pgbench's at scale 1 on the same server."""
    target = urls.named("pgbench").owner
    with psycopg.connect(urls.named("postgres").owner, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS pgbench WITH (FORCE)")
        connection.execute("CREATE DATABASE pgbench")
        subprocess.run([PGBENCH, "-i", "-q", "-s", "1", target], check=True, capture_output=True)
        yield target
        connection.execute("DROP DATABASE pgbench WITH (FORCE)")


def _pgbench(url: str, *, clients: int, duration: int) -> float:
    command = [PGBENCH, "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(duration), url]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([\d.]+) \(without", output)
    if found is None:
        raise RuntimeError(f"pgbench printed no tps:\n{output}")
    return float(found[1])


def _clients(role: str, *, clients: int, amount: int) -> list[tuple[float, float, list[float]]]:
    """Run client processes that start together. Returns per client: start and end in seconds, and each call's time."""
    with tempfile.TemporaryDirectory() as folder:
        gate = Path(folder) / "go"
        name = f"{role}{time.time_ns()}"
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.posting_client", role, str(amount), str(gate), name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                env=dict(os.environ),
            )
            for _ in range(clients)
        ]
        for process in processes:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError("a client did not start")
        gate.touch()
        finished = []
        for process in processes:
            output, _ = process.communicate()
            if process.returncode != 0:
                raise RuntimeError(f"a client ended with {process.returncode}")
            times = [float(number) for number in output.split()]
            finished.append((0.0, times[0], times[1:]))
        return finished
