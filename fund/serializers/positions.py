"""Shapes of positions: a cycle's profits, and the venue's open ones."""

from typing import Any

from rest_framework import serializers

from ledger.rest.fields import AmountField, CountField, TextField, TimeField
from ledger.rest.serializers import QuerySerializer, StrictSerializer

SIDES = ["long", "short"]


class PositionSerializer(StrictSerializer):
    """A position's profit in the cycle: realised + change of unrealised + funding − fees."""

    position = TextField()
    trader = TextField(max_length=100)
    contract = TextField(required=False, default="", allow_blank=True, max_length=100)
    profit = AmountField()
    opened_at = TimeField(required=False, default=None, allow_null=True)


class PositionsSerializer(StrictSerializer):
    """Positions as JSON. CSV (`position,trader,contract,profit`) and NDJSON are streamed, of any length."""

    items = PositionSerializer(many=True)


class PositionQuery(QuerySerializer):
    position = TextField(required=False)
    trader = TextField(required=False)
    contract = TextField(required=False, allow_blank=True)


class TakenSerializer(serializers.Serializer[Any]):
    """What became of the rows: new ones, and ones that were known with the same content."""

    added = CountField()
    replayed = CountField()


class CompletionSerializer(StrictSerializer):
    count = CountField(help_text="Number of positions that were sent.")
    total = AmountField(help_text="Sum of their profits, losses included.")


class OpenPositionSerializer(serializers.Serializer[Any]):
    position = TextField()
    trader = TextField()
    contract = TextField()
    side = TextField()
    quantity = AmountField()
    entry_price = AmountField()
    mark_price = AmountField()
    margin = AmountField(allow_null=True, required=False)
    wallet = AmountField(allow_null=True, required=False)


class OpenPositionsSerializer(serializers.Serializer[Any]):
    """The venue's open positions: objects, or lists of values in the order of their fields. CSV and NDJSON as well."""

    items = OpenPositionSerializer(many=True)


class OpenPositionQuery(QuerySerializer):
    position = TextField(required=False)
    trader = TextField(required=False)
    contract = TextField(required=False)
    side = serializers.ChoiceField(SIDES, required=False)


class CountSerializer(serializers.Serializer[Any]):
    count = CountField(help_text="Rows that stand now.")


class DiscardedSerializer(serializers.Serializer[Any]):
    discarded = CountField(help_text="Positions that were thrown away.")
