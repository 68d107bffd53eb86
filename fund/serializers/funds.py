"""Shapes of funds and their rulebooks."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund.models import Fund, RulebookVersion
from fund.rulebook import DEFAULTS, PRESETS
from ledger.rest.fields import AmountField, CountField, DocumentField, ReferenceField, TextField, TimeField
from ledger.rest.serializers import QuerySerializer, StrictSerializer


class RulebookFieldsSerializer(StrictSerializer):
    """A preset and the fields that differ. The domain reads the fields, and names what is wrong with which."""

    preset = TextField(max_length=40)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), **{name: DocumentField(required=False, allow_null=True) for name in DEFAULTS}}


class NewRulebookSerializer(RulebookFieldsSerializer):
    """The fund's next version: a preset, the fields that differ, and when it begins."""

    reference = ReferenceField(required=False, default=None)
    effective_from = TimeField(required=False, default=None, help_text="Without it, from now on.")


class RulebookSerializer(serializers.Serializer[RulebookVersion]):
    """A version with every field resolved."""

    fund = TextField(source="fund.code")
    version = CountField()
    preset = TextField()
    effective_from = TimeField()
    published_at = TimeField()
    published_by = TextField()
    reference = TextField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), **{name: DocumentField(source=f"fields.{name}") for name in DEFAULTS}}


class RulebookQuery(QuerySerializer):
    version = CountField(required=False)
    preset = serializers.ChoiceField(list(PRESETS), required=False)
    reference = TextField(required=False)
    published_by = TextField(required=False)
    published_from = TimeField(required=False, source="published_at__gte")
    published_to = TimeField(required=False, source="published_at__lt", help_text="Exclusive.")
    in_force_at = TimeField(required=False, help_text="The version that holds for what happens then.")


class RulebookNameSerializer(serializers.Serializer[Any]):
    """Which version of the fund's rulebook."""

    version = CountField()
    preset = TextField()


class NewFundSerializer(StrictSerializer):
    code = TextField(max_length=60)
    currency = TextField(max_length=20)
    rulebook = RulebookFieldsSerializer()
    cycle_seconds = CountField(required=False, default=None, allow_null=True, max_value=2**31 - 1)


class FundSerializer(serializers.Serializer[Fund]):
    """A fund as it stands now, in its currency. `rulebook` is the version in force."""

    code = TextField()
    currency = TextField(source="currency_id")
    cycle_seconds = CountField(allow_null=True)
    rulebook = serializers.SerializerMethodField()
    balance = AmountField(help_text="Spendable cash.")
    reserved = AmountField(help_text="Set aside for compensation before closes.")
    inventory = AmountField(help_text="Notional at mark of the fund's own positions.")
    inventory_unrealised = AmountField(
        allow_null=True, help_text="What disposing of them at mark would bring; null where a mark is not known."
    )
    to_allocate = AmountField(help_text="Losses that profitable traders will bear at settlement.")
    deficit = AmountField(help_text="Loss that nobody has borne yet.")
    gross_injections = AmountField()
    gross_payouts = AmountField()

    @extend_schema_field(RulebookNameSerializer)
    def get_rulebook(self, fund: Any) -> dict[str, Any]:
        return {"version": fund.rulebook_version, "preset": fund.rulebook_preset}


class FundQuery(QuerySerializer):
    code = TextField(required=False)
    currency = TextField(required=False, source="currency_id")
