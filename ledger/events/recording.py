"""Events are written in the transaction of what they tell, numbered when they are read. Source: decision 7."""

from collections.abc import Sequence

import orjson
from django.db import connection

from ledger import arrays
from ledger.bulk import Insert, run
from ledger.events.kinds import Happened

# Numbered at once: far more than a page, and few enough to be done within a blink.
NUMBERED_AT_ONCE = 20_000

_INSERT = """
INSERT INTO events_event (kind, stream, data, occurred_at, created_at, once)
SELECT n.kind, n.stream, n.data::jsonb, n.occurred_at, clock_timestamp(), n.once
  FROM {source}unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[]) WITH ORDINALITY
       AS n (kind, stream, data, occurred_at, once, place)
 ORDER BY n.place
    ON CONFLICT (once) WHERE NOT once = '' DO NOTHING"""


def record(events: Sequence[Happened]) -> None:
    """Record the events in their order, in the caller's transaction; one statement, whatever their number.

    Call it after what they tell has been locked: of two transactions that wait for each other, the events of the
    second then come after those of the first.
    """
    if events:
        run(_INSERT.format(source=""), _arguments(events))


def recording(events: Sequence[Happened], source: str) -> Insert:
    """The INSERT that records the events, for a larger statement: after `source`, which has one row, has been read."""
    return Insert(_INSERT.format(source=f"{source} CROSS JOIN "), _arguments(events))


def _arguments(events: Sequence[Happened]) -> list[str]:
    return [
        arrays.texts(event.kind for event in events),
        arrays.texts(event.stream for event in events),
        arrays.texts(orjson.dumps(event.data).decode() for event in events),
        arrays.literal(f'"{event.occurred_at.isoformat()}"' for event in events),
        arrays.texts(event.once for event in events),
    ]


def number() -> int:
    """Give positions to events that have been committed since the last time, and return the last position given.

    The caller is in no transaction: a position that another reader has seen must not be given again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT events_number_v1(%s)", [NUMBERED_AT_ONCE])
        last: int = cursor.fetchone()[0]
    return last
