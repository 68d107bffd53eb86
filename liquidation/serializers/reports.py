"""Shapes of receipts."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund.models import Cycle, InventoryMovement
from fund.rulebook import SHARE_NAMES
from ledger.money import plain
from ledger.rest.fields import AmountField, CountField, DocumentField, TextField, TimeField
from liquidation.models import Contract, Fill, Takeover
from liquidation.reports import Receipt
from liquidation.serializers.unfilled import CounterpartyFillSerializer


class ReceiptFillSerializer(serializers.Serializer[Fill]):
    reference = TextField()
    kind = serializers.ChoiceField(Fill.Kind.choices)
    price = AmountField(allow_null=True)
    quantity = AmountField()
    fee = AmountField()
    result = AmountField(
        help_text="Against the bankruptcy price, before costs: half-even to the currency's decimals, of an inverse "
        "contract up. Without a price it is what the venue told."
    )
    leftover = AmountField(help_text="Part of the takeover's leftover: result − leftover was booked against mark.")
    filled_at = TimeField()
    entry = CountField(source="entry_id", allow_null=True)
    reversed_at = TimeField(allow_null=True)


class LayerSerializer(serializers.Serializer[Any]):
    name = TextField()
    amount = AmountField()


class ReceivedSerializer(serializers.Serializer[Any]):
    """What a receiver of the surplus got in all: amount = penalty + rest."""

    receiver = serializers.ChoiceField(list(SHARE_NAMES))
    penalty = AmountField(help_text="Its part of the penalty, by penalty_split.")
    rest = AmountField(help_text="Its part of what the penalty left, by surplus_split and injection_cap_rate.")
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


class TakenOverSerializer(serializers.Serializer[InventoryMovement]):
    """What the fund took over itself, and what it held of the contract before."""

    reference = TextField()
    price = AmountField(help_text="The bankruptcy price, or the mark where takeover_valuation is mark.")
    quantity = AmountField()
    side_before = TextField(help_text="Empty where the fund held nothing.")
    quantity_before = AmountField()
    carrying_before = TextField(max_length=None, help_text="As an exact fraction; empty where the fund held nothing.")
    realised = AmountField(
        help_text="The fund's own: quantity from the bankruptcy price to price, and what it closes of the other side."
    )
    reversed_at = TimeField(allow_null=True)


class ReceiptEntrySerializer(serializers.Serializer[Any]):
    id = CountField(source="pk")
    reference = TextField()
    kind = TextField()


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """A takeover from its fills to the last layer, with every number and rule that it follows from.

    trading_result and costs are the sums of the fills that were not reversed. result = trading_result − costs, or
    trading_result alone where the treasury bears the costs.
    """

    takeover = TextField(source="takeover.reference")
    contract = TextField(source="takeover.contract.symbol")
    contract_kind = serializers.ChoiceField(Contract.Kind.choices, source="takeover.contract.kind")
    multiplier = AmountField(source="takeover.contract.multiplier")
    tick = AmountField(source="takeover.contract.tick", allow_null=True)
    fund = TextField(source="takeover.contract.fund.code")
    currency = TextField(source="takeover.contract.margin_currency_id", help_text="Margin currency, of all amounts.")
    decimals = CountField(source="takeover.contract.margin_currency.decimals")
    trader = TextField(source="takeover.trader")
    side = TextField(source="takeover.side")
    quantity = AmountField(source="takeover.quantity")
    entry_price = AmountField(source="takeover.entry_price", allow_null=True)
    bankruptcy_price = AmountField(source="takeover.bankruptcy_price")
    mark_price = AmountField(source="takeover.mark_price", allow_null=True)
    margin = AmountField(source="takeover.margin")
    leftover = AmountField(
        help_text="Of the margin, to the engine where takeover_valuation is mark: the result from the bankruptcy price "
        "to mark_price. The parts of the fills sum to it."
    )
    compensation = AmountField(source="takeover.compensation", help_text="Set aside by the fund before the close.")
    reserved_from = AmountField(allow_null=True, help_text="What the fund had free before it set that aside.")
    limit_price = AmountField(source="takeover.limit_price", allow_null=True)
    status = serializers.ChoiceField(Takeover.Status.choices, source="takeover.status")
    rulebook = CountField(source="takeover.rulebook.version", help_text="Version of the fund's rulebook.")
    rules = DocumentField(source="takeover.rulebook.fields", help_text="The rulebook version with every field.")
    fills = ReceiptFillSerializer(many=True)
    notional = AmountField(
        source="takeover.notional",
        help_text="Of the fills at their prices, or at the bankruptcy price without one, each to 18 decimals; "
        "penalty_rate and injection_cap_rate are taken of it before it is rounded.",
    )
    trading_result = AmountField()
    costs = AmountField()
    costs_borne_by = serializers.ChoiceField(["result", "treasury"], help_text="By cost_policy: net or gross.")
    result = AmountField(help_text="Of the fills so far, while the takeover is open.")
    loss = AmountField()
    fund_balance = AmountField(allow_null=True, help_text="What the fund had free when its part was decided.")
    spendable = AmountField(allow_null=True, help_text="What of fund_balance was above fund_floor.")
    parts = serializers.SerializerMethodField()
    layers = LayerSerializer(
        many=True,
        help_text="Every layer; they sum to the loss, or to the surplus. penalty: all of it; injected: to the fund, "
        "beside its part of the penalty.",
    )
    received = ReceivedSerializer(many=True, help_text="A surplus by receiver; the amounts sum to it.")
    released = AmountField(help_text="Of the compensation, back to the fund: what is not reserved_used.")
    deficit_before = AmountField(allow_null=True, help_text="Carried by the fund before deficit_repaid.")
    deficit_repaid = AmountField(help_text="deficit_repayment of what the fund got, half-even, at most the deficit.")
    shared = SharedSerializer(allow_null=True)
    adl = AvertedSerializer(many=True)
    inventory = TakenOverSerializer(many=True, help_text="For the house; the trader's own receipt has none.")
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
