"""Shapes of the fund's resources."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund.models import Cycle, Fund, FundSnapshot, RulebookVersion, Transfer
from fund.rulebook import DEFAULTS
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


class TransferQuery(QuerySerializer):
    reference = TextField(required=False)
    status = TextField(required=False)
    source = TextField(required=False)  # type: ignore[assignment]
    requested_by = TextField(required=False)


class NewCycleSerializer(StrictSerializer):
    number = CountField(required=False, default=None, allow_null=True, min_value=1, max_value=2**31 - 1)
    starts_at = TimeField()
    ends_at = TimeField()


class CycleSerializer(serializers.Serializer[Cycle]):
    """A settlement cycle. What settling finds is null until then; its parts sum to the loss."""

    id = CountField()
    fund = TextField(source="fund.code")
    number = CountField()
    starts_at = TimeField()
    ends_at = TimeField()
    status = serializers.ChoiceField(Cycle.Status.choices)
    opened_at = TimeField()
    positions_count = CountField(allow_null=True)
    positions_profit = AmountField(allow_null=True)
    positions_complete_at = TimeField(allow_null=True)
    rulebook = RulebookNameSerializer(allow_null=True)
    run = CountField(help_text="How often it was settled; a reversal makes another run.")
    loss = AmountField(allow_null=True)
    fund_paid = AmountField(allow_null=True, help_text="By the fund, at the closes and at settlement.")
    treasury_paid = AmountField(allow_null=True)
    to_allocate = AmountField(allow_null=True, help_text="The traders' part that came to settlement.")
    allocated = AmountField(allow_null=True, help_text="Taken from profitable traders.")
    levy_surplus = AmountField(allow_null=True)
    residue = AmountField(allow_null=True, help_text="Traders' part that the formula left unallocated.")
    carried = AmountField(allow_null=True, help_text="Borne by nobody yet.")
    participants = CountField(allow_null=True)
    profit_total = AmountField(allow_null=True)
    participants_total = AmountField(allow_null=True)
    base = AmountField(allow_null=True, help_text="The formula's denominator.")
    cut_profit = AmountField(allow_null=True, help_text="Profit of the last position taken.")
    settled_at = TimeField(allow_null=True)


class CycleQuery(QuerySerializer):
    number = CountField(required=False)
    status = serializers.ChoiceField(Cycle.Status.choices, required=False)
    starts_from = TimeField(required=False, source="starts_at__gte")
    ends_to = TimeField(required=False, source="ends_at__lte")


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
    side = TextField(required=False)


class CountSerializer(serializers.Serializer[Any]):
    count = CountField(help_text="Rows that stand now.")


class PublicFundSerializer(serializers.Serializer[Fund]):
    """A fund's figures as everybody may see them, in its currency."""

    fund = TextField(source="code")
    currency = TextField(source="currency_id")
    balance = AmountField()
    reserved = AmountField()
    inventory = AmountField()
    deficit = AmountField()
    gross_injections = AmountField()
    gross_payouts = AmountField()


class SnapshotSerializer(serializers.Serializer[FundSnapshot]):
    fund = TextField(source="fund.code")
    currency = TextField(source="fund.currency_id")
    taken_at = TimeField()
    balance = AmountField()
    reserved = AmountField()
    inventory = AmountField()
    deficit = AmountField()
    gross_injections = AmountField()
    gross_payouts = AmountField()


class SettlementSerializer(serializers.Serializer[Cycle]):
    """A settled cycle: loss = fund_paid + treasury_paid + allocated − levy_surplus + carried."""

    fund = TextField(source="fund.code")
    currency = TextField(source="fund.currency_id")
    number = CountField()
    starts_at = TimeField()
    ends_at = TimeField()
    settled_at = TimeField()
    rulebook = RulebookNameSerializer()
    loss = AmountField()
    fund_paid = AmountField()
    treasury_paid = AmountField()
    allocated = AmountField()
    levy_surplus = AmountField()
    residue = AmountField()
    carried = AmountField()
    participants = CountField()
    profit_total = AmountField()


class EstimateSerializer(serializers.Serializer[Any]):
    """A cycle that is not settled: its losses so far, and the share of a participant's profit that they would cost."""

    fund = TextField(source="cycle.fund.code")
    currency = TextField(source="cycle.fund.currency_id")
    number = CountField(source="cycle.number")
    starts_at = TimeField(source="cycle.starts_at")
    ends_at = TimeField(source="cycle.ends_at")
    status = serializers.ChoiceField(Cycle.Status.choices, source="cycle.status")
    loss = AmountField()
    to_allocate = AmountField()
    profit_total = AmountField(allow_null=True)
    rate = AmountField(allow_null=True, help_text="Null where no profit is known yet.")


class PublicFundQuery(QuerySerializer):
    fund = TextField(required=False, source="code")
    currency = TextField(required=False, source="currency_id")


class SnapshotQuery(QuerySerializer):
    fund = TextField(required=False, source="fund__code")
    taken_from = TimeField(required=False, source="taken_at__gte")
    taken_to = TimeField(required=False, source="taken_at__lt", help_text="Exclusive.")


class PublicCycleQuery(QuerySerializer):
    fund = TextField(required=False, source="fund__code")
    number = CountField(required=False)
