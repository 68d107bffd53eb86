"""Shapes of contributions and withdrawals."""

from rest_framework import serializers

from fund.models import Transfer
from ledger.rest.fields import AmountField, CountField, ReferenceField, TextField, TimeField
from ledger.rest.serializers import QuerySerializer, StrictSerializer


class NewTransferSerializer(StrictSerializer):
    reference = ReferenceField()
    amount = AmountField()
    # A field of this name, not the attribute of a field.
    source = TextField(required=False, default="treasury", help_text="Other side: treasury or custody.")  # type: ignore[assignment]


class NewContributionSerializer(NewTransferSerializer):
    effective_at = TimeField(required=False, default=None)


class TransferSerializer(serializers.Serializer[Transfer]):
    """A contribution, or a withdrawal with who asked for it and who decided."""

    reference = TextField()
    fund = TextField(source="fund.code")
    direction = serializers.ChoiceField(Transfer.Direction.choices)
    source = TextField()  # type: ignore[assignment]
    amount = AmountField()
    status = TextField()
    requested_by = TextField()
    requested_at = TimeField()
    decided_by = TextField()
    decided_at = TimeField(allow_null=True)
    entry = CountField(source="entry_id", allow_null=True)


class NewAbsorptionSerializer(StrictSerializer):
    reference = ReferenceField()
    amount = AmountField(help_text="At most the deficit.")


class AbsorptionSerializer(serializers.Serializer[dict[str, object]]):
    """A part of a deficit that the house bears."""

    reference = TextField()
    fund = TextField()
    amount = AmountField()
    entry = CountField()


class TransferQuery(QuerySerializer):
    reference = TextField(required=False)
    status = serializers.ChoiceField(Transfer.Status.choices, required=False)
    source = serializers.ChoiceField(Transfer.Source.choices, required=False)  # type: ignore[assignment]
    requested_by = TextField(required=False)
    requested_from = TimeField(required=False, source="requested_at__gte")
    requested_to = TimeField(required=False, source="requested_at__lt", help_text="Exclusive.")
    decided_by = TextField(required=False, allow_blank=True, help_text="Empty: nobody yet.")
    decided_from = TimeField(required=False, source="decided_at__gte")
    decided_to = TimeField(required=False, source="decided_at__lt", help_text="Exclusive.")
