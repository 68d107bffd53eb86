"""Shapes of what happens to the unfilled: the fund's inventory, and ADL."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund import figures
from fund.adl import SHOWN
from fund.models import InventoryMovement, InventoryPosition
from fund.rulebook import AdlPrice, AdlQueue
from ledger.money import MAX_DECIMALS, plain, round_half_even
from ledger.rest.fields import AmountField, CountField, DocumentField, ReferenceField, TextField, TimeField
from ledger.rest.serializers import QuerySerializer, StrictSerializer
from liquidation.models import AnsweredQueue, Contract, CounterpartyFill, Deleveraging, Side, Takeover
from liquidation.unfilled import Next, Unfilled


class UnfilledReportSerializer(StrictSerializer):
    """What the venue tells with it, all of it optional."""

    reported_at = TimeField(required=False, default=None)
    mark_price = AmountField(required=False, default=None, allow_null=True)
    listed = serializers.ListField(
        child=TextField(), required=False, default=list, help_text="The exchange's own queue, as position ids."
    )


class QueuedSerializer(serializers.Serializer[Any]):
    """A place in the ADL queue; `closes` is what the takeover's quantity takes of it."""

    rank = CountField()
    position = TextField()
    trader = TextField()
    quantity = AmountField()
    entry_price = AmountField()
    mark_price = AmountField(help_text="As the open position has it: by it profit and score are.")
    margin = AmountField(allow_null=True)
    wallet = AmountField(allow_null=True)
    profit = AmountField(help_text="Unrealised, to 18 decimals.")
    score = TextField(allow_null=True, max_length=None, help_text="What the queue ranks by, as an exact fraction.")
    closes = AmountField()


class RankingSerializer(serializers.Serializer[Any]):
    """What a queue is ranked by, the same for every row: the rulebook's order, and the book of the counterparties."""

    queue = serializers.ChoiceField([each.value for each in AdlQueue])
    price_policy = serializers.ChoiceField([each.value for each in AdlPrice])
    contract = TextField()
    kind = serializers.ChoiceField(Contract.Kind.choices)
    multiplier = AmountField()
    side = serializers.ChoiceField(Side.choices, help_text="Of the counterparties.")
    seed = TextField(allow_null=True, help_text="Of a random order: that of the SHA-256 of `seed:position`.")
    length = CountField(help_text="Of the whole queue.")
    left = AmountField(allow_null=True, help_text="No counterparty is there for it; null where none were listed.")


class UnfilledSerializer(serializers.Serializer[Any]):
    """`next`: the fund took it over (`inventory`), counterparties are to be closed (`adl`), or go on (`market`)."""

    takeover = TextField(source="takeover.reference")
    next = serializers.ChoiceField(list(Next))
    quantity = AmountField()
    status = serializers.ChoiceField(Takeover.Status.choices, source="takeover.status")
    remaining = AmountField(source="takeover.remaining")
    price = AmountField(
        allow_null=True, help_text="At which the fund took it over, or counterparties are to be closed."
    )
    mark_price = serializers.SerializerMethodField()
    ranking = serializers.SerializerMethodField()
    queue = serializers.SerializerMethodField()

    @extend_schema_field(AmountField(allow_null=True))
    def get_mark_price(self, unfilled: Unfilled) -> str | None:
        ranking = unfilled.ranking
        return None if ranking is None or ranking.mark_price is None else plain(ranking.mark_price)

    @extend_schema_field(RankingSerializer(allow_null=True))
    def get_ranking(self, unfilled: Unfilled) -> dict[str, object] | None:
        return None if unfilled.ranking is None else unfilled.ranking.terms()

    @extend_schema_field(QueuedSerializer(many=True, allow_null=True))
    def get_queue(self, unfilled: Unfilled) -> list[dict[str, Any]] | None:
        ranking = unfilled.ranking
        if ranking is None:
            return None
        return [{**row, "profit": plain(round_half_even(row["profit"], MAX_DECIMALS))} for row in ranking.rows(SHOWN)]


class CounterpartySerializer(StrictSerializer):
    trader = TextField(max_length=100)
    quantity = AmountField()
    entry_price = AmountField(
        required=False,
        default=None,
        allow_null=True,
        help_text="Without it, as the answered queue has it, else the open position.",
    )
    position = TextField(required=False, default="", allow_blank=True)


class NewDeleveragingSerializer(StrictSerializer):
    reference = ReferenceField()
    fills = CounterpartySerializer(many=True)
    occurred_at = TimeField(required=False, default=None)
    mark_price = AmountField(required=False, default=None, allow_null=True)


class CounterpartyFillSerializer(serializers.Serializer[CounterpartyFill]):
    trader = TextField()
    position = TextField()
    quantity = AmountField()
    entry_price = AmountField()
    realised = AmountField(help_text="Profit that the counterparty realised.")
    entry = CountField(source="entry_id", allow_null=True)


class AnsweredQueueSerializer(serializers.Serializer[AnsweredQueue]):
    """When `unfilled/` answered the queue, for which quantity, and the mark price that held then."""

    answered_at = TimeField()
    recorded_at = TimeField()
    quantity = AmountField()
    mark_price = AmountField(allow_null=True)


class DeleveragingSerializer(serializers.Serializer[Deleveraging]):
    """An ADL event, and the takeover as it stands."""

    reference = TextField()
    takeover = TextField(source="takeover.reference")
    price = AmountField()
    quantity = AmountField()
    occurred_at = TimeField()
    recorded_at = TimeField()
    fills = CounterpartyFillSerializer(many=True, source="fills.all")
    answered = AnsweredQueueSerializer(allow_null=True)
    queue = DocumentField(
        source="evidence",
        help_text="The queue that `unfilled/` answered last, else as ranked at the booking, down to the cut line with "
        "its inputs; `differs`: what was closed otherwise.",
    )
    status = serializers.ChoiceField(Takeover.Status.choices, source="takeover.status")
    remaining = AmountField(source="takeover.remaining")


class DeleveragingQuery(QuerySerializer):
    reference = TextField(required=False)
    trader = TextField(required=False, help_text="Events that closed something of this trader's.")
    occurred_from = TimeField(required=False, source="occurred_at__gte")
    occurred_to = TimeField(required=False, source="occurred_at__lt", help_text="Exclusive.")


class InventoryQuery(QuerySerializer):
    contract = TextField(required=False)
    side = serializers.ChoiceField(Side.choices, required=False)


class MovementQuery(InventoryQuery):
    reference = TextField(required=False)
    effective_from = TimeField(required=False, source="effective_at__gte")
    effective_to = TimeField(required=False, source="effective_at__lt", help_text="Exclusive.")


class InventorySerializer(serializers.Serializer[InventoryPosition]):
    """What the fund holds of a contract; `carrying_price` is the average at which it was taken over."""

    contract = TextField()
    side = TextField()
    quantity = AmountField()
    carrying_price = AmountField(allow_null=True)
    mark_price = AmountField(allow_null=True)
    marked_at = TimeField(allow_null=True)
    exposure = serializers.SerializerMethodField()
    unrealised = serializers.SerializerMethodField()

    @extend_schema_field(
        AmountField(help_text="Notional at mark, at the carrying price without one, in the fund's currency.")
    )
    def get_exposure(self, position: InventoryPosition) -> str:
        return plain(figures.exposure(position))

    @extend_schema_field(
        AmountField(allow_null=True, help_text="What disposing of it at mark would bring; null without a mark.")
    )
    def get_unrealised(self, position: InventoryPosition) -> str | None:
        unrealised = figures.unrealised(position)
        return None if unrealised is None else plain(unrealised)


class NewDisposalSerializer(StrictSerializer):
    reference = ReferenceField()
    contract = TextField(max_length=60)
    price = AmountField()
    quantity = AmountField()
    fee = AmountField(required=False)
    disposed_at = TimeField(required=False, default=None)


class MovementSerializer(serializers.Serializer[InventoryMovement]):
    """One change of what the fund holds."""

    reference = TextField()
    kind = serializers.ChoiceField(InventoryMovement.Kind.choices)
    contract = TextField()
    side = TextField()
    quantity = AmountField()
    price = AmountField()
    fee = AmountField()
    realised = AmountField(help_text="Against the carrying price, before costs.")
    effective_at = TimeField()
    recorded_at = TimeField()


class MarkSerializer(StrictSerializer):
    contract = TextField(max_length=60)
    price = AmountField()
    marked_at = TimeField(required=False, default=None)
