"""Shapes of settlement cycles."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund.cycles import MOST_NUMBER
from fund.models import Allocation, Cycle
from fund.rulebook import PRESETS
from fund.serializers.funds import RulebookNameSerializer
from ledger.rest.fields import AmountField, CountField, TextField, TimeField
from ledger.rest.serializers import QuerySerializer, StrictSerializer


class NewCycleSerializer(StrictSerializer):
    number = CountField(required=False, default=None, allow_null=True, min_value=1, max_value=MOST_NUMBER)
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
    # Lists and single cycles bring it with them; what was just opened has none.
    allocations_root = TextField(
        read_only=True, default=None, allow_null=True, help_text="Of the tree over its `participants` allocations."
    )
    settled_at = TimeField(allow_null=True)


class CycleQuery(QuerySerializer):
    number = CountField(required=False)
    status = serializers.ChoiceField(Cycle.Status.choices, required=False)
    starts_from = TimeField(required=False, source="starts_at__gte")
    ends_to = TimeField(required=False, source="ends_at__lte", help_text="Inclusive.")
    settled_from = TimeField(required=False, source="settled_at__gte")
    settled_to = TimeField(required=False, source="settled_at__lt", help_text="Exclusive.")


_COMPLETE_PRESETS = "|".join(name for name, preset in PRESETS.items() if not preset.required)


@extend_schema_field({"type": "string", "pattern": f"^({_COMPLETE_PRESETS}|[0-9]{{1,9}})$"})
class RulebookField(TextField):
    """A preset that leaves nothing to whoever uses it, or the number of a version."""


class PreviewQuery(QuerySerializer):
    rulebook = RulebookField(required=False, default=None, help_text="A preset, or a version of the fund's own.")


class ShareSerializer(serializers.Serializer[Any]):
    """What one participant would bear."""

    position = TextField()
    trader = TextField()
    rank = CountField()
    profit = AmountField()
    amount = AmountField()


class RetoldSerializer(serializers.Serializer[Any]):
    """What another rulebook makes of the cycle before it is settled."""

    injected = AmountField(help_text="What surpluses bring the fund, before any repayment of its deficit.")
    adl_notional = AmountField(help_text="What is closed against counterparties, at the price of it.")
    inventory = AmountField(help_text="Unrealised result of the fund's own positions, at the last known mark.")


class PreviewSerializer(serializers.Serializer[Any]):
    """What settling the cycle would do. Nothing of it is booked."""

    cycle = CountField(source="cycle.pk")
    fund = TextField(source="cycle.fund.code")
    number = CountField(source="cycle.number")
    rulebook = TextField(source="rulebook.preset", help_text="The preset that the rulebook started from.")
    positions_complete = serializers.BooleanField()
    loss = AmountField()
    fund_paid = AmountField()
    treasury_paid = AmountField()
    to_allocate = AmountField()
    allocated = AmountField()
    levy_surplus = AmountField()
    residue = AmountField()
    carried = AmountField()
    participants = CountField()
    profit_total = AmountField()
    participants_total = AmountField()
    base = AmountField()
    cut_profit = AmountField(allow_null=True)
    traders_charged = CountField(help_text="Traders that bear anything.")
    largest_haircut = AmountField(allow_null=True, help_text="Largest part of a profit that is taken.")
    fund_after = AmountField()
    deficit_after = AmountField()
    largest = ShareSerializer(many=True, help_text="The first participants in rank order.")
    retold = RetoldSerializer(allow_null=True, help_text="With `rulebook` only.")


class AllocationSerializer(serializers.Serializer[Allocation]):
    """What a participant of a settlement bears."""

    position = TextField()
    trader = TextField()
    rank = CountField()
    profit = AmountField()
    amount = AmountField()
    run = CountField()
    entry = CountField(source="entry_id", allow_null=True)


class AllocationQuery(QuerySerializer):
    run = CountField(required=False, help_text="Of which settlement; without it, of the one that stands.")
    trader = TextField(required=False)
    position = TextField(required=False)
