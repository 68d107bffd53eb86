"""Settlement cycles and the profits that they are settled on."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from itertools import islice
from typing import Any

from bulwark_client import wire
from bulwark_client.resources.resource import Resource, new_key, segment
from bulwark_client.shapes.cycles import Allocation, Cycle, Discarded, Position, Preview, Taken, Uploaded
from bulwark_client.transport import NDJSON

# A million profits of 38 digits sum up without rounding.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation])
ROWS_OF_A_REQUEST = 20_000


class Cycles(Resource):
    def list(self, fund: str, **filters: Any) -> Iterator[Cycle]:
        """The newest first. Filters: number, status, starts_from, ends_to, settled_from, settled_to."""
        return self._rows(f"funds/{segment(fund)}/cycles/", Cycle, filters)

    def get(self, cycle_id: int) -> Cycle:
        return self._one(f"cycles/{cycle_id}/", Cycle)

    def open(
        self, fund: str, *, starts_at: datetime, ends_at: datetime, number: int | None = None, key: str | None = None
    ) -> Cycle:
        body = {"starts_at": starts_at, "ends_at": ends_at, "number": number}
        return self._record(f"funds/{segment(fund)}/cycles/", body, Cycle, key=key or new_key())

    def upload(
        self, cycle_id: int, positions: Iterable[Position], *, rows_of_a_request: int = ROWS_OF_A_REQUEST
    ) -> Uploaded:
        """Stream the positions' profits up as NDJSON. Returns their number and total, to `complete` the cycle with.

        No more than one request's rows are in memory. A request that is cut off keeps nothing and is sent again;
        after an error the whole upload may be, since a position that is known with the same content stays as it is.
        """
        count, total, added, replayed = 0, Decimal(0), 0, 0
        remaining = iter(positions)
        while rows := list(islice(remaining, rows_of_a_request)):
            body = b"".join(wire.encode(row) + b"\n" for row in rows)
            answer = self._send("POST", f"cycles/{cycle_id}/positions/", body, NDJSON)
            taken = wire.read(Taken, answer.document)
            for row in rows:
                total = _EXACT.add(total, row.profit)
            count, added, replayed = count + len(rows), added + taken.added, replayed + taken.replayed
        return Uploaded(count=count, total=total, added=added, replayed=replayed)

    def positions(self, cycle_id: int, **filters: Any) -> Iterator[Position]:
        """The profits that are held, by position. Filters: position, trader, contract."""
        return self._rows(f"cycles/{cycle_id}/positions/", Position, filters)

    def discard(self, cycle_id: int) -> int:
        """Throw the positions away after a wrong upload, for others. Returns how many; never of a settled cycle."""
        return self._act(f"cycles/{cycle_id}/positions/discard/", Discarded).discarded

    def complete(self, cycle_id: int, *, count: int, total: Decimal) -> Cycle:
        """Freeze the positions, where as many of them with this total are held. Refused otherwise."""
        return self._act(f"cycles/{cycle_id}/positions/complete/", Cycle, {"count": count, "total": total})

    def preview(self, cycle_id: int, *, rulebook: str | None = None) -> Preview:
        """What settling would do; by another rulebook where one is named, a preset or a version of the fund's own."""
        return self._one(f"cycles/{cycle_id}/preview/", Preview, rulebook=rulebook)

    def settle(self, cycle_id: int) -> Cycle:
        """Settle, as the scheduled task does. A settled cycle stays as it is."""
        return self._act(f"cycles/{cycle_id}/settle/", Cycle)

    def allocations(self, cycle_id: int, **filters: Any) -> Iterator[Allocation]:
        """What each participant bears, by rank. Filters: run, trader, position."""
        return self._rows(f"cycles/{cycle_id}/allocations/", Allocation, filters)
