"""Shapes of receipts."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund.models import Cycle
from ledger.money import plain
from ledger.rest.fields import AmountField, CountField, TextField, TimeField
from liquidation.models import Fill, Takeover
from liquidation.reports import Receipt
from liquidation.serializers.unfilled import CounterpartyFillSerializer


class ReceiptFillSerializer(serializers.Serializer[Fill]):
    reference = TextField()
    kind = serializers.ChoiceField(Fill.Kind.choices)
    price = AmountField(allow_null=True)
    quantity = AmountField()
    fee = AmountField()
    result = AmountField(help_text="Against the bankruptcy price, before costs.")
    filled_at = TimeField()
    entry = CountField(source="entry_id", allow_null=True)
    reversed_at = TimeField(allow_null=True)


class LayerSerializer(serializers.Serializer[Any]):
    name = TextField()
    amount = AmountField()


class PartsSerializer(serializers.Serializer[Any]):
    """Who bears the loss at the close; the parts sum to it. ADL averts a loss and bears none: it has its own place."""

    fund = AmountField()
    traders = AmountField(help_text="The traders' part, which goes to settlement: what came of it is in `shared`.")
    treasury = AmountField()
    carried = AmountField()


class SharedSerializer(serializers.Serializer[Any]):
    """The settlement cycle of the traders' part, all its losses: to_allocate = allocated − levy_surplus + residue.

    residue = residue_paid + residue_carried.
    """

    cycle = CountField(source="cycle.pk")
    number = CountField(source="cycle.number")
    status = serializers.ChoiceField(Cycle.Status.choices, source="cycle.status")
    to_allocate = AmountField(allow_null=True)
    allocated = AmountField(allow_null=True)
    levy_surplus = AmountField(allow_null=True)
    residue = AmountField(allow_null=True)
    residue_paid = AmountField(allow_null=True, help_text="Of the residue, by the fund.")
    residue_carried = AmountField(allow_null=True, help_text="Of the residue, by nobody yet.")


class AvertedSerializer(serializers.Serializer[Any]):
    reference = TextField()
    price = AmountField()
    quantity = AmountField()
    averted = AmountField(help_text="Memo: the loss at mark that it averted; no money moved.")
    counterparties = CounterpartyFillSerializer(many=True)
    reversed_at = TimeField(allow_null=True)


class ReceiptEntrySerializer(serializers.Serializer[Any]):
    id = CountField(source="pk")
    reference = TextField()
    kind = TextField()


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """A takeover from its fills to the last layer. result = trading_result − costs, where costs come off it."""

    takeover = TextField(source="takeover.reference")
    contract = TextField(source="takeover.contract.symbol")
    fund = TextField(source="takeover.contract.fund.code")
    currency = TextField(source="takeover.contract.margin_currency_id")
    trader = TextField(source="takeover.trader")
    side = TextField(source="takeover.side")
    quantity = AmountField(source="takeover.quantity")
    bankruptcy_price = AmountField(source="takeover.bankruptcy_price")
    margin = AmountField(source="takeover.margin")
    status = serializers.ChoiceField(Takeover.Status.choices, source="takeover.status")
    rulebook = CountField(source="takeover.rulebook.version", help_text="Version of the fund's rulebook.")
    fills = ReceiptFillSerializer(many=True)
    trading_result = AmountField()
    costs = AmountField()
    result = AmountField(help_text="Of the fills so far, while the takeover is open.")
    loss = AmountField()
    parts = serializers.SerializerMethodField()
    layers = LayerSerializer(many=True, help_text="Every layer; they sum to the loss, or to the surplus.")
    deficit_repaid = AmountField()
    shared = SharedSerializer(allow_null=True)
    adl = AvertedSerializer(many=True)
    entries = ReceiptEntrySerializer(many=True)

    @extend_schema_field(PartsSerializer)
    def get_parts(self, receipt: Receipt) -> dict[str, str]:
        takeover = receipt.takeover
        if not receipt.loss:
            return dict.fromkeys(("fund", "traders", "treasury", "carried"), "0")
        return {
            "fund": plain(takeover.paid),
            "traders": plain(takeover.to_allocate),
            "treasury": plain(takeover.treasury_paid),
            "carried": plain(takeover.carried),
        }
