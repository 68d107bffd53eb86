"""`manage.py whatif`: a cycle under other rulebooks, side by side. Nothing is booked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from config.scratch import MigrationFailed, connected_to, scratch_database, urls_of_environment
from fund.models import Cycle, Fund
from fund.rulebook import PRESETS, publish_fields, to_json
from fund.settlement import Preview, compare
from ledger.money import MoneyError, parse_amount
from liquidation.scenario import Story, StoryMalformed, play, read_story
from liquidation.scenario.cascade import DECIMALS, read_cascade
from liquidation.scenario.comparing import as_published, read_rulebook
from liquidation.scenario.prospects import Prospect, prospects

# Six rulebooks side by side, each amount on one line.
WIDTH = 164


class Command(BaseCommand):
    help = "Show what other rulebooks would have made of a cycle: of the books, of a scenario file or of a cascade."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cycle", type=int, metavar="N", help="the cycle's number (default: the latest)")
        parser.add_argument("--fund", metavar="CODE", help="of which fund; may be left out where there is one")
        parser.add_argument(
            "--rulebook",
            action="append",
            default=[],
            metavar="RULEBOOK",
            help="a preset, a JSON object with a preset and the fields that differ, or a file with one "
            "(default: every preset that needs no rates of its own)",
        )
        told = parser.add_mutually_exclusive_group()
        told.add_argument(
            "--scenario", type=Path, metavar="FILE", help="of a scenario file, played on a scratch database"
        )
        told.add_argument("--cascade", type=Path, metavar="DIR", help="of a published cascade's data, likewise")
        parser.add_argument(
            "--contribution", default="50000000", metavar="AMOUNT", help="what the fund of --cascade begins with"
        )
        parser.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            default=Path(settings.BASE_DIR).parent / "shared",
            help="folder of the files that a scenario names (default %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stdout = cast(IO[str], self.stdout)
        console = Console(width=None if stdout.isatty() else WIDTH, highlight=False, emoji=False, file=stdout)
        try:
            documents = [read_rulebook(text) for text in options["rulebook"] or _complete_presets()]
            with _books(**options):
                cycle = _cycle(options["fund"], options["cycle"])
                others = [as_published(document, decimals=cycle.fund.currency.decimals) for document in documents]
                told = compare(cycle_id=cycle.pk, others=others)
                console.print(prospects([_own(cycle, told[0]), *map(_prospect, documents, told[1:])]))
        except (StoryMalformed, MigrationFailed, MoneyError, psycopg.Error) as error:
            raise CommandError(str(error)) from error


def _own(cycle: Cycle, told: Preview) -> Prospect:
    """The rulebook that the cycle is settled by, with what differs from its preset."""
    fields, preset = to_json(told.rulebook), told.rulebook.preset
    required = {name: fields[name] for name in PRESETS[preset].required}
    plain = to_json(publish_fields(preset, required, decimals=cycle.fund.currency.decimals))
    differing = {name: value for name, value in fields.items() if value != plain[name] or name in required}
    return Prospect(name="own", fields={"preset": preset, **differing}, told=told)


def _prospect(document: Mapping[str, object], told: Preview) -> Prospect:
    fields = {name: value for name, value in document.items() if name != "preset"}
    return Prospect(name=told.rulebook.preset, fields=fields, told=told)


def _complete_presets() -> list[str]:
    return [name for name, preset in PRESETS.items() if not preset.required]


@contextmanager
def _books(**options: Any) -> Iterator[None]:
    """The real ones; or those of a story, on a database of its own that is dropped afterwards."""
    story, data = _story(**options)
    if story is None:
        yield
        return
    with scratch_database(urls_of_environment()) as urls, connected_to(urls.service):
        played = play(story, data=data)
        refused = [refusal for refusal in played.refusals if not _expected(story, refusal.event)]
        if refused:
            first = refused[0]
            raise CommandError(f"{first.event.name} was refused ({first.code}): {first.detail}")
        yield


def _story(
    *, scenario: Path | None, cascade: Path | None, contribution: str, data: Path, **_: object
) -> tuple[Story | None, Path]:
    if cascade is not None:
        return read_cascade(cascade, contribution=parse_amount(contribution, decimals=DECIMALS)), cascade
    return (None if scenario is None else read_story(scenario)), data


def _expected(story: Story, event: Any) -> bool:
    refused = story.expect.get("refused", {})
    return f"#{event.place}" in refused or event.reference in refused


def _cycle(fund: str | None, number: int | None) -> Cycle:
    known = Cycle.objects.select_related("fund__currency").order_by("-number")
    if fund is not None:
        known = known.filter(fund__code=fund)
    codes = sorted(known.order_by().values_list("fund__code", flat=True).distinct())
    if len(codes) > 1:
        raise CommandError(f"cycles of several funds: name one with --fund: {', '.join(codes)}")
    found = known.first() if number is None else known.filter(number=number).first()
    if found is None:
        raise CommandError(_missing(fund, number))
    return found


def _missing(fund: str | None, number: int | None) -> str:
    if fund is not None and not Fund.objects.filter(code=fund).exists():
        known = ", ".join(Fund.objects.order_by("code").values_list("code", flat=True))
        return f"fund {fund} does not exist" + (f": there is {known}" if known else "")
    of_fund = "" if fund is None else f" of fund {fund}"
    return f"no cycle{of_fund} has been opened yet" if number is None else f"cycle {number}{of_fund} does not exist"
