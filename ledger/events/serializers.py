"""Events and webhooks as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from ledger.events.kinds import known
from ledger.events.models import Event, Lane, Secret, Webhook
from ledger.rest.fields import CountField, DocumentField, FlagField, TextField, TimeField, TruthField
from ledger.rest.paging import LIMIT_DEFAULT, LIMIT_MOST
from ledger.rest.serializers import QuerySerializer, StrictSerializer


@extend_schema_field({"type": "string", "enum": sorted(known())})
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
    recorded_from = TimeField(required=False, default=None, help_text="When the book was told.")
    recorded_to = TimeField(required=False, default=None, help_text="Exclusive.")


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


class WebhookQuery(QuerySerializer):
    name = TextField(required=False, max_length=100)
    fund = TextField(required=False, max_length=60, allow_blank=True, source="stream", help_text="Empty: every fund's.")
    enabled = FlagField(required=False)


class WebhookBody(StrictSerializer):
    """An address to send events to."""

    name = TextField(max_length=100)
    url = TextField(max_length=2000, help_text="https, at a public address.")
    fund = TextField(max_length=60, default="", allow_blank=True, help_text="Empty: every fund.")
    kinds = serializers.ListField(child=KindField(), default=list, max_length=100, help_text="Empty: every kind.")


class WebhookChange(StrictSerializer):
    """What may be changed of a webhook; what is not named stays."""

    url = TextField(max_length=2000, required=False)
    kinds = serializers.ListField(child=KindField(), required=False, max_length=100)
    enabled = TruthField(required=False, help_text="What came while it was off is sent when it is on again.")


class RotateBody(StrictSerializer):
    """How long the secret of before goes on signing beside the new one."""

    old_until = TimeField(required=False, help_text="Where it is not named: for a day.")


class ReplayBody(StrictSerializer):
    """Which dead letters are to be sent again."""

    dead_letters = serializers.ListField(
        child=CountField(), required=False, max_length=1000, help_text="Their ids; where it is not named, all."
    )


class ReplayedSerializer(serializers.Serializer[Any]):
    replayed = CountField(help_text="How many dead letters are on their way again.")


class SecretSerializer(serializers.Serializer[Secret]):
    """A secret that deliveries are signed with. Itself it is shown once."""

    fingerprint = TextField(help_text="The first 16 digits of the SHA-256 of its text, in hexadecimal.")
    created_at = TimeField()
    expires_at = TimeField(allow_null=True)


class LaneSerializer(serializers.Serializer[Lane]):
    """How far one fund's events are on their way to the webhook."""

    fund = TextField(source="stream")
    after = CountField(help_text="Position of the last event that was delivered or given up.")
    failures = CountField(help_text="Of the event that is tried now.")
    due_at = TimeField(help_text="When it is tried next.")


class WebhookSerializer(serializers.Serializer[Webhook]):
    """A webhook, and how far it is."""

    id = CountField()
    name = TextField()
    url = TextField()
    fund = TextField(source="stream")
    kinds = serializers.ListField(child=TextField())
    enabled = TruthField()
    disabled_because = TextField(help_text="Empty, or why the service has switched it off by itself.")
    created_at = TimeField()
    created_by = TextField()
    secrets = SecretSerializer(many=True, source="live_secrets")
    lanes = LaneSerializer(many=True)
    dead_letters = CountField(source="dead", help_text="Events that it would not take and that nobody has sent again.")


class NewWebhookSerializer(WebhookSerializer):
    """A webhook with a secret of its own, which is not shown again."""

    secret = TextField(allow_null=True, help_text="`whsec_…`; null where the webhook was known.")
