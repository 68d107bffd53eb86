"""Shapes of the public figures."""

from typing import Any

from rest_framework import serializers

from fund.models import Cycle, Fund, FundSnapshot
from fund.serializers.funds import RulebookNameSerializer
from ledger.rest.fields import AmountField, CountField, TextField, TimeField
from ledger.rest.serializers import QuerySerializer


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
