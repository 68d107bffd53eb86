"""Shapes of contracts, takeovers and fills."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund.serializers.funds import RulebookNameSerializer
from ledger.rest.fields import AmountField, CountField, ReferenceField, TextField, TimeField
from ledger.rest.schema import ItemAnswer
from ledger.rest.serializers import QuerySerializer, StrictSerializer, document
from liquidation.models import Contract, Fill, Side, Takeover


class NewContractSerializer(StrictSerializer):
    symbol = TextField(max_length=60)
    kind = TextField(max_length=7, help_text="linear, inverse or quanto.")
    margin_currency = TextField(max_length=20)
    multiplier = AmountField(help_text="Units of the underlying, or of the quote currency, in one contract.")
    tick = AmountField(required=False, default=None, allow_null=True, help_text="Smallest step of the price.")
    close_fee_rate = AmountField(
        required=False, help_text="Fee of a close, as a share of its notional, in a bankruptcy price; 0 without it."
    )
    fund = TextField(max_length=60)


class ContractSerializer(serializers.Serializer[Contract]):
    symbol = TextField()
    kind = TextField()
    margin_currency = TextField(source="margin_currency_id")
    multiplier = AmountField()
    tick = AmountField(allow_null=True)
    close_fee_rate = AmountField()
    fund = TextField(source="fund.code")


class ContractQuery(QuerySerializer):
    symbol = TextField(required=False)
    kind = serializers.ChoiceField(Contract.Kind.choices, required=False)
    margin_currency = TextField(required=False, source="margin_currency_id")
    fund = TextField(required=False, source="fund__code")


class NewTakeoverSerializer(StrictSerializer):
    reference = ReferenceField()
    contract = TextField(max_length=60)
    trader = TextField(max_length=100)
    side = TextField(max_length=5, help_text="long or short.")
    quantity = AmountField()
    bankruptcy_price = AmountField(
        required=False,
        default=None,
        allow_null=True,
        help_text="Without it, worked out from entry_price, margin and the contract's close_fee_rate.",
    )
    margin = AmountField(help_text="Left in the position, in the margin currency.")
    taken_over_at = TimeField(required=False, default=None, help_text="Without it, when it was recorded.")
    entry_price = AmountField(required=False, default=None, allow_null=True)
    mark_price = AmountField(required=False, default=None, allow_null=True)


class WaterfallSerializer(serializers.Serializer[Takeover]):
    """What became of the result: result = penalty + injected + to_… − paid − treasury_paid − to_allocate − carried."""

    penalty = AmountField(help_text="All of it, whoever gets it; the receipt says who.")
    injected = AmountField(help_text="Into the fund, beside its part of the penalty.")
    to_vault = AmountField()
    to_trader = AmountField()
    to_fees = AmountField()
    paid = AmountField(help_text="By the fund.")
    treasury_paid = AmountField()
    to_allocate = AmountField(help_text="For profitable traders, at the cycle's settlement.")
    carried = AmountField(help_text="Borne by nobody yet.")


class TakeoverSerializer(serializers.Serializer[Takeover]):
    reference = TextField()
    contract = TextField(source="contract.symbol")
    fund = TextField(source="contract.fund.code")
    trader = TextField()
    side = TextField()
    quantity = AmountField()
    bankruptcy_price = AmountField()
    margin = AmountField()
    entry_price = AmountField(allow_null=True)
    mark_price = AmountField(allow_null=True)
    taken_over_at = TimeField()
    recorded_at = TimeField()
    rulebook = RulebookNameSerializer()
    status = serializers.ChoiceField(Takeover.Status.choices)
    remaining = AmountField(help_text="Quantity that is not closed yet.")
    compensation = AmountField(help_text="Set aside by the fund before the close.")
    limit_price = AmountField(allow_null=True, help_text="Of the close order, where the fund compensates first.")
    running_result = AmountField(help_text="Of the fills so far, after costs.")
    notional = AmountField()
    costs = AmountField()
    closed_at = TimeField(allow_null=True)
    result = AmountField(allow_null=True, help_text="Null until closed.")
    waterfall = serializers.SerializerMethodField()
    entry = CountField(source="entry_id", allow_null=True)

    @extend_schema_field(WaterfallSerializer(allow_null=True))
    def get_waterfall(self, takeover: Takeover) -> dict[str, Any] | None:
        return waterfall_of(takeover)


class TakeoverItemAnswer(ItemAnswer):
    bankruptcy_price = AmountField(required=False, help_text="As it was told, or worked out.")
    limit_price = AmountField(required=False, allow_null=True)


class TakeoverQuery(QuerySerializer):
    reference = TextField(required=False)
    contract = TextField(required=False, source="contract__symbol")
    fund = TextField(required=False, source="contract__fund__code")
    trader = TextField(required=False)
    side = serializers.ChoiceField(Side.choices, required=False)
    status = serializers.ChoiceField(Takeover.Status.choices, required=False)
    taken_over_from = TimeField(required=False, source="taken_over_at__gte")
    taken_over_to = TimeField(required=False, source="taken_over_at__lt", help_text="Exclusive.")
    closed_from = TimeField(required=False, source="closed_at__gte")
    closed_to = TimeField(required=False, source="closed_at__lt", help_text="Exclusive.")


class NewFillSerializer(StrictSerializer):
    """`price`, or `pnl` where the venue reports the result against the bankruptcy price itself."""

    reference = ReferenceField()
    price = AmountField(required=False, default=None, allow_null=True)
    pnl = AmountField(required=False, default=None, allow_null=True)
    quantity = AmountField()
    fee = AmountField(required=False, help_text="The engine's trading cost, in the margin currency; 0 without it.")
    filled_at = TimeField(required=False, default=None, help_text="Without it, when it was recorded.")


class FillSerializer(serializers.Serializer[Fill]):
    """A fill, and the takeover as it stands: `status`, `remaining` and, once closed, `waterfall` are the takeover's."""

    reference = TextField()
    takeover = TextField(source="takeover.reference")
    kind = serializers.ChoiceField(Fill.Kind.choices)
    price = AmountField(allow_null=True)
    pnl = AmountField(allow_null=True)
    quantity = AmountField()
    fee = AmountField()
    result = AmountField(help_text="Of this fill against the bankruptcy price, before costs.")
    filled_at = TimeField()
    recorded_at = TimeField()
    entry = CountField(source="entry_id", allow_null=True)
    reversed_by = CountField(source="reversed_by_id", allow_null=True)
    status = serializers.ChoiceField(Takeover.Status.choices, source="takeover.status")
    remaining = AmountField(source="takeover.remaining")
    waterfall = serializers.SerializerMethodField()

    @extend_schema_field(WaterfallSerializer(allow_null=True))
    def get_waterfall(self, fill: Fill) -> dict[str, Any] | None:
        return waterfall_of(fill.takeover)


class FillItemAnswer(ItemAnswer):
    takeover_status = serializers.ChoiceField(Takeover.Status.choices, required=False)
    remaining = AmountField(required=False)


class FillQuery(QuerySerializer):
    reference = TextField(required=False)
    kind = serializers.ChoiceField(Fill.Kind.choices, required=False)
    filled_from = TimeField(required=False, source="filled_at__gte")
    filled_to = TimeField(required=False, source="filled_at__lt", help_text="Exclusive.")


def waterfall_of(takeover: Takeover) -> dict[str, Any] | None:
    """The parts of a closed takeover's result, None before."""
    if takeover.result is None:
        return None
    return document(WaterfallSerializer, takeover)
