"""`python -m benchmarks [--quick] [NAME…]`: measure, print, write RESULTS.md and results.json."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import django
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Record
from config.embedded import PrivateServers
from config.scratch import DatabaseUrls, scratch_database

HERE = Path(__file__).resolve().parent
# Durable: what the door acknowledges is on the disk.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, within two minutes; nothing is written")
    parser.add_argument("--write", action="store_true", help="write the results also of a quick run")
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(BENCHMARKS)}; all by default")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")

    record = Record()
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    with ExitStack() as stack:
        addresses = stack.enter_context(PrivateServers.scratch(settings=DURABLE))
        os.environ.update(addresses.environment())
        server = DatabaseUrls(addresses.owner_url, addresses.service_url)
        for number, name in enumerate(options.names or BENCHMARKS):
            with scratch_database(server) as urls:
                os.environ.update(urls.environment())
                if number == 0:
                    django.setup()
                from config.scratch import connected_to

                with connected_to(urls.service):
                    sys.stderr.write(f"{name}…\n")
                    BENCHMARKS[name](record, urls, options.quick)

    show(record)
    if options.write or not (options.quick or options.names):
        write(record, quick=options.quick)
    return 0


def run_posting(record: Record, urls: DatabaseUrls, quick: bool) -> None:
    from benchmarks import posting

    posting.seed()
    posting.batches_against_copy(record, urls, rounds=7 if quick else 15)
    posting.clients_against_copy(record, calls=5 if quick else 12)
    posting.singles_against_pgbench(record, urls, duration=3 if quick else 10)


def run_settlement(record: Record, urls: DatabaseUrls, quick: bool) -> None:
    from benchmarks import settlement

    settlement.measure(record, urls, positions=200_000 if quick else 1_000_000, rounds=3)


def run_adl(record: Record, urls: DatabaseUrls, quick: bool) -> None:
    from benchmarks import adl

    adl.measure(record, urls, positions=200_000 if quick else 1_000_000, rounds=3 if quick else 5)


def run_api(record: Record, urls: DatabaseUrls, quick: bool) -> None:
    from benchmarks import api

    api.measure(record, seconds=3 if quick else 10, rounds=3)


BENCHMARKS: dict[str, Callable[[Record, DatabaseUrls, bool], None]] = {
    "posting": run_posting,
    "settlement": run_settlement,
    "adl": run_adl,
    "api": run_api,
}


def show(record: Record) -> None:
    table = Table(title="Benchmarks", title_justify="left")
    for title in ("figure", "value", "target", "met", "what"):
        table.add_column(title, justify="right" if title in ("value", "target") else "left")
    for name, value in record.figures.items():
        met = record.met(name)
        table.add_row(
            name,
            f"{value:,}",
            record.targets.get(name, ""),
            "" if met is None else ("yes" if met else "NO"),
            record.explained[name],
        )
    Console(width=140).print(table)


def write(record: Record, *, quick: bool) -> None:
    """RESULTS.md for people, results.json for machines."""
    (HERE / "results.json").write_text(json.dumps(record.figures, indent=1) + "\n")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=HERE
    ).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# Results",
        "",
        f"`make bench{' QUICK=1' if quick else ''}`, {datetime.now(UTC):%Y-%m-%d}, commit {commit or 'unknown'}.",
        "",
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}.",
        "",
        "Ratios compare two medians of the same run; absolute values are this machine's.",
        "",
        "| figure | value | target | met | what |",
        "|---|--:|--:|---|---|",
    ]
    for name, value in record.figures.items():
        met = record.met(name)
        word = "" if met is None else ("yes" if met else "**no**")
        lines.append(f"| `{name}` | {value:,} | {record.targets.get(name, '')} | {word} | {record.explained[name]} |")
    (HERE / "RESULTS.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
