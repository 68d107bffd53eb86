"""Events as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from ledger.events.kinds import known
from ledger.events.models import Event
from ledger.rest.fields import CountField, DocumentField, TextField, TimeField
from ledger.rest.paging import LIMIT_DEFAULT, LIMIT_MOST
from ledger.rest.serializers import QuerySerializer


@extend_schema_field({"type": "string", "examples": ["takeover.closed"]})
class KindField(TextField):
    """The name of a kind of event."""

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name not in known():
            raise ValidationError([ErrorDetail(f"{name[:40]!r} is no kind of event", code="event_kind_unknown")])
        return name


class EventsQuery(QuerySerializer):
    after = CountField(default=0, help_text="The position after which to begin: `next_after` of the last answer.")
    limit = CountField(default=LIMIT_DEFAULT, min_value=1, help_text=f"At most {LIMIT_MOST}.")
    kind = KindField(required=False)
    fund = TextField(required=False, max_length=60)


class EventSerializer(serializers.Serializer[Event]):
    """Something that happened. `data` has the fields of its kind."""

    position = CountField(help_text="Rises without gaps, in every reader's eyes the same.")
    kind = TextField()
    fund = TextField(source="stream")
    occurred_at = TimeField(help_text="When it happened in the world.")
    recorded_at = TimeField(source="created_at", help_text="When the book was told.")
    data = DocumentField()  # type: ignore[assignment]  # a field, not the property


class EventsSerializer(serializers.Serializer[Any]):
    """Events after a position, the oldest first."""

    results = EventSerializer(many=True)
    next_after = CountField(help_text="`after` of the next request. It never goes back.")
