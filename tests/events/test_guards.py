"""What the database refuses of the outbox, to the service and to the owner."""

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from ledger.events.models import Event
from ledger.events.recording import record
from tests.events.story import moved, names

Owner = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(autouse=True)
def _told(committed_db: object) -> None:
    record([moved("a"), moved("b")])
    assert names() == ["a", "b"]
    record([moved("c")])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events_event SET data = '{}' WHERE position = 1",
        "UPDATE events_event SET position = 9 WHERE position = 1",
        "UPDATE events_event SET kind = 'x' WHERE position IS NULL",
        "DELETE FROM events_event",
        "TRUNCATE events_event CASCADE",
        "DELETE FROM events_counter",
        "UPDATE events_counter SET last = 1",
        "INSERT INTO events_event (position, kind, stream, data, occurred_at, once) SELECT 7, 'x', '', '{}', now(), ''",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_outbox_is_append_only_for_the_owner_too(owner_connection: Owner, change: str, role: str) -> None:
    owner_connection.execute(f"SET session_replication_role = {role}")

    with pytest.raises(psycopg.DatabaseError) as caught:
        owner_connection.execute(change)

    assert caught.value.diag.constraint_name == "event_append_only"
    assert names() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "change", ["UPDATE events_event SET position = 3 WHERE position IS NULL", "UPDATE events_counter SET last = 9"]
)
def test_the_service_gives_positions_by_their_function_alone(change: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(change)

    assert names() == ["a", "b", "c"]
    assert Event.objects.get(data__name="c").position == 3
