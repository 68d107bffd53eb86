"""`manage.py export`: the journal for beancount, hledger or a spreadsheet."""

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.errors import Refused
from ledger.exports import FORMATS, export


class Command(BaseCommand):
    help = "Write the journal in another program's format, in constant memory."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", required=True, choices=sorted(FORMATS))
        parser.add_argument("--currency", help="only this currency")
        parser.add_argument("--output", type=Path, metavar="FILE", help="instead of standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        output: Path | None = options["output"]
        try:
            text = export(options["format"], currency=options["currency"])
        except Refused as refusal:
            raise CommandError(refusal.detail) from refusal
        if output is not None:
            _write_whole(output, text)
            return
        try:
            for piece in text:
                self.stdout.write(piece, ending="")
        except BrokenPipeError:
            # The reader, `head` for one, has seen enough. Nothing more may be written, not even at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_whole(output: Path, text: Iterable[str]) -> None:
    """Write the file under another name first, so that one of the right name is always whole."""
    unfinished = output.with_name(f"{output.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.writelines(text)
        unfinished.replace(output)
    except OSError as error:
        raise CommandError(f"cannot write {output}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
