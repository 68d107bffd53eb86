"""Shapes of the public figures."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from fund.history import Interval
from fund.models import Cycle, Fund
from fund.serializers.funds import RulebookNameSerializer
from ledger.rest.fields import AmountField, CountField, TextField, TimeField
from ledger.rest.serializers import QuerySerializer

UNSETTLED = [Cycle.Status.OPEN.value, Cycle.Status.ENDED.value]


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


class SnapshotSerializer(serializers.Serializer[Any]):
    """A fund's figures at a moment. Null is what was not recorded then and the journal does not tell."""

    fund = TextField(source="fund.code")
    currency = TextField(source="fund.currency_id")
    taken_at = TimeField()
    recorded = serializers.BooleanField(default=True, help_text="Taken then; else worked out from the journal.")
    balance = AmountField()
    reserved = AmountField()
    inventory = AmountField(allow_null=True)
    deficit = AmountField()
    gross_injections = AmountField(allow_null=True)
    gross_payouts = AmountField(allow_null=True)


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
    allocations_root = TextField(allow_null=True, help_text="Of the tree over its `participants` allocations.")


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


class HistoryQuery(QuerySerializer):
    """`funds` and `snapshots` of what is read are filters of the two."""

    fund = TextField(required=False, default=None)
    currency = TextField(required=False, default=None)
    interval = serializers.ChoiceField(
        [interval.value for interval in Interval],
        required=False,
        default=None,
        help_text="Points at every full hour or day, UTC, from each fund's opening on.",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # One of them is a word of Python's.
        times = {
            "from": TimeField(required=False, default=None),
            "to": TimeField(required=False, default=None, help_text="Exclusive."),
        }
        return {**super().get_fields(), **times}

    def to_internal_value(self, data: Any) -> Any:
        read = super().to_internal_value(data)
        funds = {"code": read["fund"], "currency_id": read["currency"]}
        snapshots = {f"fund__{column}": value for column, value in funds.items()}
        snapshots |= {"taken_at__gte": read["from"], "taken_at__lt": read["to"]}
        interval = read["interval"] and Interval(read["interval"])
        return {**read, "interval": interval, "funds": _given(funds), "snapshots": _given(snapshots)}


def _given(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}


class PublicCycleQuery(QuerySerializer):
    fund = TextField(required=False, source="fund__code")
    currency = TextField(required=False, source="fund__currency_id")
    number = CountField(required=False)


class SettlementQuery(PublicCycleQuery):
    settled_from = TimeField(required=False, source="settled_at__gte")
    settled_to = TimeField(required=False, source="settled_at__lt", help_text="Exclusive.")


class EstimateQuery(PublicCycleQuery):
    status = serializers.ChoiceField(UNSETTLED, required=False)
