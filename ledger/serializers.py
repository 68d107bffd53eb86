"""Shapes of the ledger's resources."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger import chart
from ledger.models import Account, Entry
from ledger.money import plain
from ledger.rest.fields import AmountField, CountField, ReferenceField, TextField, TimeField
from ledger.rest.schema import ItemAnswer
from ledger.rest.serializers import QuerySerializer, StrictSerializer

_SIDES = [side.value for side in chart.Side]


class CurrencySerializer(StrictSerializer):
    code = TextField(max_length=20)
    decimals = CountField(max_value=18)


class CurrencyQuery(QuerySerializer):
    code = TextField(required=False, max_length=20)


class AccountSerializer(serializers.Serializer[Account]):
    code = TextField()
    kind = TextField()
    owner = TextField(help_text="Trader, contract, fund or vault; empty for an account of the house.")
    currency = TextField(source="currency_id")
    normal_side = serializers.ChoiceField(_SIDES)
    debits = AmountField()
    credits = AmountField()
    balance = AmountField(help_text="On the normal side.")


class AccountQuery(QuerySerializer):
    code = TextField(required=False, max_length=240)
    kind = serializers.ChoiceField(list(chart.KINDS), required=False)
    owner = TextField(required=False, max_length=100, allow_blank=True)
    currency = TextField(required=False, source="currency_id")
    normal_side = serializers.ChoiceField(_SIDES, required=False)


class BalanceQuery(QuerySerializer):
    at = TimeField(required=False, default=None, help_text="What had happened in the world by then.")
    known_at = TimeField(required=False, default=None, help_text="What the book had recorded by then.")


class BalanceSerializer(serializers.Serializer[Any]):
    code = TextField()
    kind = TextField()
    currency = TextField()
    normal_side = serializers.ChoiceField(_SIDES)
    debits = AmountField()
    credits = AmountField()
    balance = AmountField()


class BalanceAtSerializer(BalanceSerializer):
    at = TimeField(allow_null=True)
    known_at = TimeField(allow_null=True)


class TrialBalanceQuery(BalanceQuery):
    currency = TextField()


class TrialBalanceSerializer(serializers.Serializer[Any]):
    currency = TextField()
    at = TimeField(allow_null=True)
    known_at = TimeField(allow_null=True)
    rows = BalanceSerializer(many=True)
    debits = AmountField()
    credits = AmountField()
    balanced = serializers.BooleanField()


class LineSerializer(StrictSerializer):
    """Exactly one of `debit` and `credit`."""

    account = TextField(max_length=240)
    debit = AmountField(required=False)
    credit = AmountField(required=False)


class NewEntrySerializer(StrictSerializer):
    reference = ReferenceField()
    kind = TextField(max_length=40)
    effective_at = TimeField(required=False, default=None)
    description = TextField(required=False, default="", allow_blank=True, max_length=2000)
    lines = LineSerializer(many=True)


class EntrySerializer(serializers.Serializer[Entry]):
    id = CountField()
    reference = TextField()
    kind = TextField()
    effective_at = TimeField()
    created_at = TimeField()
    description = TextField(max_length=None)
    source_kind = TextField()
    source_id = TextField()
    recorded_by = TextField()
    reverses = CountField(source="reverses_id", allow_null=True, help_text="The entry that this one mirrors.")
    reversed_by = serializers.SerializerMethodField(help_text="The entry that mirrors this one.")
    lines = serializers.SerializerMethodField()

    def get_reversed_by(self, entry: Entry) -> int | None:
        return entry.reversed_by.pk if hasattr(entry, "reversed_by") else None

    @extend_schema_field(LineSerializer(many=True))
    def get_lines(self, entry: Entry) -> list[dict[str, str]]:
        postings = sorted(entry.postings.all(), key=lambda posting: posting.pk)
        return [
            {
                "account": posting.account.code,
                **({"debit": plain(posting.debit)} if posting.debit else {"credit": plain(posting.credit)}),
            }
            for posting in postings
        ]


class EntryItemAnswer(ItemAnswer):
    id = CountField(required=False, help_text="The entry.")


class EntryQuery(QuerySerializer):
    reference = TextField(required=False)
    kind = TextField(required=False)
    source_kind = TextField(required=False, allow_blank=True)
    source_id = TextField(required=False, allow_blank=True)
    recorded_by = TextField(required=False, allow_blank=True)
    account = TextField(required=False, max_length=240, help_text="Entries with a line on this account.")
    effective_at = TimeField(required=False)
    effective_from = TimeField(required=False, source="effective_at__gte")
    effective_to = TimeField(required=False, source="effective_at__lt", help_text="Exclusive.")
    created_from = TimeField(required=False, source="created_at__gte", help_text="When the book took it.")
    created_to = TimeField(required=False, source="created_at__lt", help_text="Exclusive.")
    reverses = CountField(required=False, source="reverses_id", help_text="The entry that it mirrors.")


class ReversalSerializer(StrictSerializer):
    reference = ReferenceField()
    effective_at = TimeField(required=False, default=None)
    description = TextField(required=False, default="", allow_blank=True, max_length=2000)


class StatementQuery(QuerySerializer):
    reference = TextField(required=False)
    kind = TextField(required=False)
    effective_from = TimeField(required=False)
    effective_to = TimeField(required=False, help_text="Exclusive.")


class StatementLineSerializer(serializers.Serializer[Any]):
    version = CountField(help_text="Place in the account's book, from 1.")
    entry = CountField(source="entry_id")
    reference = TextField(source="entry.reference")
    kind = TextField(source="entry.kind")
    description = TextField(source="entry.description", max_length=None)
    debit = AmountField()
    credit = AmountField()
    balance_after = AmountField()
    effective_at = TimeField(source="entry.effective_at")
    created_at = TimeField(source="entry.created_at")
