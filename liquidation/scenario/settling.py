"""Events of a story about settlement cycles, and corrections."""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from django.utils.dateparse import parse_datetime

from fund import cycles, settlement
from fund import positions as profits
from fund.models import Cycle
from fund.positions import PositionProfit
from ledger.errors import Refused
from ledger.money import parse_number
from liquidation import corrections
from liquidation.scenario.reading import Event
from liquidation.scenario.stage import Stage, moment, needed, optional, reference_of, text
from liquidation.scenario.vocabulary import REVERSED

GZIP_MAGIC = b"\x1f\x8b"
_PROFIT = ("position", "trader", "contract", "profit", "opened_at")


def positions(stage: Stage, event: Event) -> None:
    rows = []
    for place, row in enumerate(needed(event, "rows"), 1):
        names = _PROFIT if not isinstance(row, list) or len(row) != 3 else ("position", "trader", "profit")
        values = dict(zip(names, row, strict=False)) if isinstance(row, list) else dict(row)
        if set(values) - set(_PROFIT) or not {"position", "trader", "profit"} <= set(values):
            raise Refused("positions_malformed", f"{event.name}: row {place}: {row!r}")
        opened_at = values.get("opened_at")
        rows.append(
            PositionProfit(
                position=str(values["position"]),
                trader=str(values["trader"]),
                contract=str(values.get("contract") or stage.first_contract),
                profit=parse_number(values["profit"]),
                opened_at=None if opened_at is None else parse_datetime(str(opened_at)),
            )
        )
    profits.add(cycle_id=stage.cycle(event).pk, rows=rows)


def positions_csv(stage: Stage, event: Event) -> None:
    """A CSV file, compressed or not, found below the folder of the story's data."""
    path = stage.data / text(event, "path")
    try:
        with _opened(path) as source:
            profits.stream(
                cycle_id=stage.cycle(event).pk,
                source=source,
                format="csv",
                columns=event.values.get("columns"),
                exclude=_excluded(event),
                default_contract=stage.first_contract,
            )
    except OSError as error:
        raise Refused("file_unreadable", f"{path}: {error.strerror or error}") from error


def _excluded(event: Event) -> dict[str, str] | None:
    """Columns and the text that leaves a row out. Raises Refused `field_malformed`."""
    exclude = event.values.get("exclude")
    if exclude is None:
        return None
    if not isinstance(exclude, Mapping) or not all(isinstance(value, str | int) for value in exclude.values()):
        raise Refused("field_malformed", f"{event.name}: exclude {exclude!r} is not a text for each column")
    return {column: value if isinstance(value, str) else json.dumps(value) for column, value in exclude.items()}


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        if not zipped:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield cast(BinaryIO, unzipped)


def cycle(stage: Stage, event: Event) -> None:
    cycles.open_cycle(
        fund_code=stage.fund_code,
        number=event.values.get("number"),
        starts_at=moment(event, "starts_at"),
        ends_at=moment(event, "ends_at"),
        opened_at=event.at,
    )


def complete(stage: Stage, event: Event) -> None:
    profits.complete(
        cycle_id=stage.cycle(event).pk,
        count=event.values.get("count"),
        total=optional(event, "total"),
        completed_at=event.at,
    )


def settle(stage: Stage, event: Event) -> None:
    """What the venue has told by then is all there is: a story does not wait for the cycle's end."""
    cycle = stage.cycle(event)
    if cycle.status != Cycle.Status.SETTLED:
        profits.complete(cycle_id=cycle.pk, count=None, total=None, completed_at=event.at)
        cycles.end(cycle_id=cycle.pk)
    settlement.settle_cycle(cycle_id=cycle.pk, settled_at=event.at)
    if event.reference is not None:
        stage.settled[event.reference] = cycle.pk


def reverse(stage: Stage, event: Event) -> None:
    """Of an event or an entry by its reference, or of a settlement by its cycle's number."""
    target = next((event.values[name] for name in REVERSED if name in event.values), None)
    reference = reference_of(event)
    if target is None or target in stage.settled:
        cycle_id = stage.cycle(event).pk if target is None else stage.settled[target]
        settlement.reverse_cycle(cycle_id=cycle_id, reference=reference, effective_at=event.at)
        return
    corrections.reverse_reference(
        stage.made.get(target, str(target)),
        reference=reference,
        effective_at=event.at,
        effective_stated=event.stated,
        description=str(event.values.get("description", "")),
    )
