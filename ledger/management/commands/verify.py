"""`manage.py verify`: prove the books from their postings; where they do not hold, say what is wrong, exit with 1."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ledger.integrity import Tally, Verification, verify

# More findings than this are counted, not listed.
LISTED = 100


class Command(BaseCommand):
    help = "Derive every identity of the books again from the postings alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")

    def handle(self, *args: Any, **options: Any) -> None:
        with _bar() as progress:
            verification = verify(progress=progress)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(verification), ensure_ascii=False))
        else:
            self.stdout.write(_report(verification, color=self.stdout.isatty()))
        if not verification.clean:
            raise CommandError(f"the books do not hold: {verification.found} finding(s)")


def _report(verification: Verification, *, color: bool) -> str:
    table = Table(title="Verification of the books")
    table.add_column("check")
    table.add_column("rows checked", justify="right")
    table.add_column("findings", justify="right")
    for check in verification.checks:
        style = "red" if check.found else "green"
        table.add_row(check.name, f"{check.checked:,}", f"[{style}]{check.found:,}[/]")
    console = Console(force_terminal=color, width=None if color else 120, emoji=False)
    with console.capture() as capture:
        console.print(table)
        listed = verification.findings[:LISTED]
        for finding in listed:
            console.print(str(finding), markup=False, highlight=False, soft_wrap=True)
        if verification.found > len(listed):
            console.print(f"and {verification.found - len(listed):,} more", highlight=False)
        if verification.clean:
            console.print("[green]Every identity holds.[/]")
    return capture.get().rstrip("\n")


def _as_json(verification: Verification) -> dict[str, object]:
    return {
        "clean": verification.clean,
        "checked": verification.checked,
        "found": verification.found,
        "checks": [asdict(check) for check in verification.checks],
    }


@contextmanager
def _bar() -> Iterator[Callable[[Tally], None] | None]:
    """A progress bar on the terminal's error output; none where nobody watches."""
    console = Console(stderr=True, emoji=False)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(tally: Tally) -> None:
            if tally.check not in tasks:
                tasks[tally.check] = bar.add_task(tally.check, total=None)
            bar.update(tasks[tally.check], completed=tally.checked, total=tally.expected)

        yield show
