"""`manage.py replay FILE…`: plays scenario files, and says whether what they expect holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.markup import escape

from config.scratch import MigrationFailed, connected_to, scratch_database, urls_of_environment
from liquidation.scenario import StoryMalformed, play, read_story
from liquidation.scenario.printing import outcome

WIDTH = 140


class Command(BaseCommand):
    help = "Play scenario files through the functions of the API, each on a scratch database of its own."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--keep", action="store_true", help="play in the real database, where the books stay")
        parser.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            default=Path(settings.BASE_DIR).parent / "shared",
            help="folder of the files that stories name (default %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> str | None:
        stdout = cast(IO[str], self.stdout)
        console = Console(width=None if stdout.isatty() else WIDTH, highlight=False, file=stdout)
        failed: list[str] = []
        for path in options["files"]:
            if not _play(console, path, keep=options["keep"], data=options["data"]):
                failed.append(str(path))
        console.rule()
        held = len(options["files"]) - len(failed)
        console.print(f"{held} of {len(options['files'])} stories hold.")
        for name in failed:
            console.print(f"[red]does not hold:[/] {escape(name)}")
        if failed:
            raise SystemExit(1)
        return None


def _play(console: Console, path: Path, *, keep: bool, data: Path) -> bool:
    console.rule(escape(str(path)))
    try:
        story = read_story(path)
        console.print(f"[bold]{escape(story.title)}[/]\n{escape(story.source)}")
        with _database(keep=keep):
            played = play(story, data=data)
            console.print(*outcome(played), sep="\n")
    except (StoryMalformed, MigrationFailed, psycopg.Error) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return False
    console.print("[green]holds[/]" if played.holds else "[red]does not hold[/]")
    return played.holds


@contextmanager
def _database(*, keep: bool) -> Iterator[None]:
    """The real database, or one of the story's own that is dropped after it."""
    if keep:
        yield
        return
    with scratch_database(urls_of_environment()) as urls, connected_to(urls.service):
        yield
