"""Profits of a cycle's positions: taken in by the million, completed, frozen. Source: api.md, cycles."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO

from django.db import transaction
from django.db.models import Count, Sum

from fund import cycles, errors, events
from fund.models import Cycle, CyclePosition
from fund.positions.profits import SHAPE, PositionProfit, Taken, table_of, take
from fund.positions.reading import READERS
from ledger.events.recording import record

__all__ = ["PositionProfit", "Taken", "add", "complete", "discard", "stream"]


def add(*, cycle_id: int, rows: Iterable[PositionProfit]) -> Taken:
    """Add positions to a cycle, all or none; one that is held with the same content is a replay.

    Raises NotFound `cycle_unknown`; Refused `positions_frozen`, `positions_malformed`, `name_malformed`,
    `amount_malformed`, `amount_out_of_range`, `amount_precision`; ReferenceReused for a position of other content.
    """
    return take(cycles.find(cycle_id), table_of(rows), exclude={}, default_contract="")


def stream(
    *,
    cycle_id: int,
    source: BinaryIO,
    format: str,
    columns: Mapping[str, str] | None = None,
    exclude: Mapping[str, str] | None = None,
    default_contract: str = "",
) -> Taken:
    """Add positions from a file of `csv` with a header or of `ndjson`, in constant memory, all or none.

    Rows have `position`, `trader`, `profit` and perhaps `contract` and `opened_at`, under these names or those that
    `columns` gives them; without `columns` there is nothing else in them. Rows where a column of `exclude` has the
    text named there are left out. A row without a contract gets `default_contract`.
    Raises as `add`, and Refused `positions_format`, `positions_columns`, `amount_must_be_string`, `time_malformed`,
    each naming the row, counted from 1 without the header.
    """
    cycle = cycles.find(cycle_id)
    if format not in READERS:
        raise errors.positions_format(format, READERS)
    table = READERS[format](source, shape=SHAPE, columns=columns, exclude=exclude or {})
    return take(cycle, table, exclude=exclude or {}, default_contract=default_contract)


def complete(*, cycle_id: int, count: int | None, total: Decimal | None, completed_at: datetime) -> Cycle:
    """Freeze the cycle's positions, checked against the stated number and total profit where they are stated.

    Complete positions stay as they are: the same figures again are a replay.
    Raises NotFound `cycle_unknown`; Refused `positions_count_mismatch`, `positions_total_mismatch`, `cycle_settled`.
    """
    with transaction.atomic():
        # Whoever is adding positions holds a share of this row until they are in: see fund/sql/guards.sql.
        cycle = cycles.lock(cycle_id)
        frozen = cycle.positions_complete_at is not None
        if not frozen:
            if cycle.status == Cycle.Status.SETTLED:
                raise errors.cycle_settled(str(cycle))
            held = CyclePosition.objects.filter(cycle=cycle).aggregate(count=Count("pk"), profit=Sum("profit"))
            cycle.positions_count, cycle.positions_profit = held["count"], held["profit"] or Decimal(0)
        assert cycle.positions_count is not None, "complete positions are counted"
        assert cycle.positions_profit is not None, "complete positions are summed up"
        if count is not None and count != cycle.positions_count:
            raise errors.positions_count_mismatch(str(cycle), stated=count, held=cycle.positions_count)
        if total is not None and total != cycle.positions_profit:
            raise errors.positions_total_mismatch(str(cycle), stated=total, held=cycle.positions_profit)

        if not frozen:
            cycle.positions_complete_at = completed_at
            cycle.save(update_fields=["positions_count", "positions_profit", "positions_complete_at"])
            record([events.of_positions(cycle, at=completed_at)])
    return cycle


def discard(*, cycle_id: int) -> int:
    """Throw away all positions of a cycle that is not settled, so that other ones can come in. Returns how many.

    Raises NotFound `cycle_unknown`; Refused `cycle_settled`.
    """
    with transaction.atomic():
        cycle = cycles.lock(cycle_id)
        if cycle.status == Cycle.Status.SETTLED:
            raise errors.cycle_settled(str(cycle))

        cycle.positions_complete_at = cycle.positions_count = cycle.positions_profit = None
        cycle.save(update_fields=["positions_count", "positions_profit", "positions_complete_at"])
        return CyclePosition.objects.filter(cycle=cycle).delete()[0]
