"""Shapes of what a trader sees: the statement, and where its open positions stand in the ADL queues."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from fund.rulebook import AdlQueue
from ledger.rest.fields import AmountField, CountField, TextField, TimeField
from ledger.rest.serializers import QuerySerializer
from liquidation.models import Side
from liquidation.statements import StatementType

TYPES = [kind.value for kind in StatementType]


_ANY_TYPE = f"({'|'.join(TYPES)})"


@extend_schema_field({"type": "string", "pattern": f"^{_ANY_TYPE}(,{_ANY_TYPE})*$"})
class TypesField(TextField):
    """One type of line or several, with commas between them."""

    def to_internal_value(self, data: Any) -> Any:
        names = super().to_internal_value(data).split(",")
        if unknown := [name for name in names if name not in TYPES]:
            detail = f"{', '.join(unknown)[:100]}: the types are {', '.join(TYPES)}"
            raise ValidationError(detail, code="choice_unknown")
        return [StatementType(name) for name in names]


class TraderStatementQuery(QuerySerializer):
    type = TypesField(required=False, default=None, help_text=f"Of {', '.join(TYPES)}; several with commas.")
    currency = TextField(required=False, default=None, max_length=20)
    effective_from = TimeField(required=False, default=None)
    effective_to = TimeField(required=False, default=None, help_text="Exclusive.")


class TraderLineSerializer(serializers.Serializer[Any]):
    """One line. A fee that the account did not pay itself has no account and no balance after it."""

    id = CountField()
    type = serializers.ChoiceField(TYPES)
    account = TextField(allow_null=True)
    currency = TextField()
    debit = AmountField()
    credit = AmountField()
    balance_after = AmountField(allow_null=True)
    entry = CountField()
    reference = TextField()
    kind = TextField()
    source_kind = TextField()
    source_id = TextField()
    description = TextField(max_length=None)
    effective_at = TimeField()
    created_at = TimeField()


class StandingQuery(QuerySerializer):
    fund = TextField(required=False, source="fund__code")
    contract = TextField(required=False)
    side = serializers.ChoiceField(Side.choices, required=False)
    position = TextField(required=False)


class StandingSerializer(serializers.Serializer[Any]):
    """An open position, and how near it is to being deleveraged: 5 lights in the first fifth of its queue, 1 in the
    last, 0 where it is not queued. Null where takeovers have no order before they happen, or there is no ADL."""

    position = TextField(source="held.position")
    fund = TextField(source="held.fund.code")
    contract = TextField(source="held.contract")
    side = TextField(source="held.side")
    quantity = AmountField(source="held.quantity")
    entry_price = AmountField(source="held.entry_price")
    mark_price = AmountField(source="held.mark_price")
    queue = serializers.ChoiceField([queue.value for queue in AdlQueue], allow_null=True)
    rank = CountField(allow_null=True, help_text="From 1, the first to be closed.")
    length = CountField(allow_null=True, help_text="Positions in the queue.")
    lights = CountField(allow_null=True, max_value=5)
