"""`manage.py replay FILE…`: plays scenario files, and says whether what they expect holds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.markup import escape

from config.scratch import MigrationFailed, connected_to, scratch_database, urls_of_environment
from ledger.money import MAX_DECIMALS
from liquidation.scenario import Played, StoryMalformed, play, read_story
from liquidation.scenario.comparing import End, as_published, comparison, figures, label, read_rulebook
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
        parser.add_argument(
            "--rulebook",
            action="append",
            default=[],
            metavar="RULEBOOK",
            help="also show how each story ends under this one: a preset, a JSON object, or a file with one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stdout = cast(IO[str], self.stdout)
        console = Console(width=None if stdout.isatty() else WIDTH, highlight=False, emoji=False, file=stdout)
        try:
            others = {label(rulebook): rulebook for rulebook in map(read_rulebook, options["rulebook"])}
            for rulebook in others.values():
                # Its amounts are held against the currency of each story; all else before the first is played.
                as_published(rulebook, decimals=MAX_DECIMALS)
        except StoryMalformed as error:
            raise CommandError(str(error)) from error
        failed = [
            str(path)
            for path in options["files"]
            if not _replay(console, path, keep=options["keep"], data=options["data"], others=others)
        ]
        console.rule()
        console.print(f"{len(options['files']) - len(failed)} of {len(options['files'])} stories hold.")
        for name in failed:
            console.print(f"[red]does not hold:[/] {escape(name)}")
        if failed:
            raise SystemExit(1)


def _replay(
    console: Console, path: Path, *, keep: bool, data: Path, others: Mapping[str, Mapping[str, object]]
) -> bool:
    """Play one file and print what came of it. Returns whether it holds."""
    console.rule(escape(str(path)))
    try:
        story = read_story(path)
        console.print(f"[bold]{escape(story.title)}[/]\n{escape(story.source)}")
        with _database(keep=keep):
            played = play(story, data=data)
            console.print(*outcome(played), sep="\n")
            ends = [End(name="as written", figures=figures(story))]
        ends += [_end_under(played, name, rulebook, data=data) for name, rulebook in others.items()]
        if others:
            console.print(comparison(story, ends))
    except (StoryMalformed, MigrationFailed, psycopg.Error) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return False
    console.print("[green]holds[/]" if played.holds else "[red]does not hold[/]")
    return played.holds


def _end_under(written: Played, name: str, rulebook: Mapping[str, object], *, data: Path) -> End:
    """How the story ends under another rulebook; nothing of it is kept."""
    with _database(keep=False):
        played = play(written.story, data=data, rulebook=rulebook)
        known = {refusal.event.place for refusal in written.refusals}
        refused = tuple(each for each in played.refusals if each.event.place not in known)
        return End(name=name, figures=figures(written.story), refused=refused)


@contextmanager
def _database(*, keep: bool) -> Iterator[None]:
    """The real database, or one of the story's own that is dropped after it."""
    if keep:
        yield
        return
    with scratch_database(urls_of_environment()) as urls, connected_to(urls.service):
        yield
