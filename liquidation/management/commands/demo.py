"""`manage.py demo`: a venue's worst day on a real server, told through the API, explained, proven."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config import serve
from config.installation import state_folder
from ledger.integrity import Tally, Verification, verify
from ledger.models import Entry
from ledger.rest.models import Role
from liquidation.demo import story
from liquidation.demo.access import Access, grant_access
from liquidation.demo.cascade import Cascade, cascade
from liquidation.demo.client import Api, CallRefused
from liquidation.demo.figures import FiguresDisagree, read_figures
from liquidation.demo.report import WIDTH, ending, report, verification_table

PORT = 8000
SECONDS_TO_SERVE = 60.0
_HINT = "\nA day that was interrupted is played to its end with the same --takeovers and --positions."


class Command(BaseCommand):
    help = "Play a cascade through the API of a real server, settle it, report what the books say, and stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end after the report")
        parser.add_argument("--takeovers", type=int, default=3_000, help="positions taken over (default %(default)s)")
        parser.add_argument(
            "--positions", type=int, default=20_000, help="positions of the cycle (default %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # The day is told in the terminal: the log says what goes wrong, not each request.
            os.environ.setdefault("LOG_LEVEL", "WARNING")
            with serve.only_scheduler(), serve.counted_together():
                self._handle(**options)
        except serve.SchedulerRuns as running:
            raise CommandError(str(running)) from None

    def _handle(self, **options: Any) -> None:
        console = Console(width=None if os.isatty(1) else WIDTH + 2, highlight=False, emoji=False)
        try:
            day = cascade(takeovers=options["takeovers"], positions=options["positions"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        if Entry.objects.exists() and not Entry.objects.filter(reference=story.FIRST_ENTRY).exists():
            raise CommandError("these books hold entries that no demo has made; it would not play into them")
        kept = state_folder() / f"demo-{connection.settings_dict['NAME']}.json"
        access = grant_access(kept, now=timezone.now())
        port = _free_port()
        with _ends_in_order(), serve.running({"web": serve.web(port)}) as children:
            url = f"http://{serve.HOST}:{port}"
            try:
                _wait_for(port)
                clean = _play(console, f"{url}/api/v1", access, day)
            except (CallRefused, FiguresDisagree, OSError, http.client.HTTPException) as error:
                hint = _HINT if getattr(error, "code", None) == "reference_reused" else ""
                raise CommandError(f"the demo did not go as it should: {error}{hint}") from error
            if not clean:
                raise CommandError("the books do not hold: see the findings above")
            console.print(ending(url, access, stays=not options["once"]))
            if not options["once"]:
                programs = {"worker": serve.worker(), "courier": serve.courier(), "beat": serve.beat()}
                with serve.signals_held(), serve.running(programs) as more:
                    serve.until_ended({**children, **more})


def _play(console: Console, url: str, access: Access, day: Cascade) -> bool:
    """Tell the day's story, print the report and the verification. Returns whether the books hold."""
    keys = story.Keys(
        engine=Api(url, access.keys[Role.ENGINE]),
        treasury=Api(url, access.keys[Role.TREASURY]),
        bookkeeper=Api(url, access.keys[Role.BOOKKEEPER]),
        auditor=Api(url, access.keys[Role.AUDITOR]),
    )
    story.open_books(keys)
    run, begun = story.run_to_play(keys)
    told = story.begin(keys, run)
    console.rule(f"[bold]Day {run}[/] · {told.date:%-d %B %Y} · {len(day.takeovers):,} liquidations in twelve minutes")
    if begun:
        console.print(f"Day {run} was interrupted and is played to its end; what was recorded is not recorded again.")
    elif run > 1:
        console.print(
            f"The books of {run - 1} earlier day(s) are here: the same cascade comes once more, as day {run}."
        )

    started = time.monotonic()
    with _progress(console) as show:
        story.tell_cascade(keys, told, day, show)
        liquidated = time.monotonic()
        story.tell_positions(keys, told, day.positions, show)
        story.settle(keys, told)
        settled = time.monotonic()
        story.tell_example(keys, told)
        figures = read_figures(keys, told)
        verification = _verify(show)
    fills = sum(len(takeover.fills) for takeover in day.takeovers)
    console.print(
        f"Through the API: {len(day.takeovers):,} takeovers, {fills:,} fills in {liquidated - started:.1f} s;"
        f" {len(day.positions):,} positions, settled, in {settled - liquidated:.1f} s."
    )
    console.print(report(figures), verification_table(verification))
    return verification.clean


def _verify(show: story.Progress) -> Verification:
    def on_tally(tally: Tally) -> None:
        show(f"verification: {tally.check}", tally.checked, tally.expected or tally.checked)

    return verify(progress=on_tally)


@contextmanager
def _progress(console: Console) -> Iterator[story.Progress]:
    """A bar for each part of the story, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def show(name: str, done: int, of: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name)
            bars.update(tasks[name], completed=done, total=of)

        yield show


@contextmanager
def _ends_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command as Ctrl-C does, servers included."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    """PORT, or 8000, or any free one where that is taken and nobody asked for it."""
    asked = os.environ.get("PORT")
    port = int(asked or PORT)
    try:
        serve.check_port(port)
    except serve.PortTaken as taken:
        if asked:
            raise CommandError(str(taken)) from None
        with socket.socket() as probe:
            probe.bind((serve.HOST, 0))
            return int(probe.getsockname()[1])
    return port


def _wait_for(port: int) -> None:
    """Until the server takes connections; its first answer waits for it to be ready. Errors: ConnectionError."""
    deadline = time.monotonic() + SECONDS_TO_SERVE
    while time.monotonic() < deadline:
        try:
            socket.create_connection((serve.HOST, port), timeout=SECONDS_TO_SERVE).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise ConnectionError(f"the web server does not listen on port {port} after {SECONDS_TO_SERVE:.0f} s")
