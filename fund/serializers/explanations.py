"""Shape of the explanation of what a trader bears."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund.explanations import Borne, Explanation, Part
from fund.inclusion import Proof
from fund.serializers.funds import RulebookNameSerializer
from ledger.money import MAX_DECIMALS, plain, round_half_even
from ledger.rest.fields import AmountField, CountField, DocumentField, TextField


class ProofSerializer(serializers.Serializer[Proof]):
    """That the allocation is in the tree whose root is published with the cycle, by RFC 9162, section 2.1.3."""

    leaf_index = CountField()
    tree_size = CountField()
    leaf = TextField(max_length=None, help_text="The text whose bytes in UTF-8 are hashed, after a byte 0.")
    hashes = serializers.ListField(child=TextField(), help_text="From the leaf's sibling up, in hex.")
    root = TextField()  # type: ignore[assignment]  # Of the tree; a declared field hides nothing of the class.


class BorneSerializer(serializers.Serializer[Borne]):
    """One position's part: amount = floored + rounding, floored = the smaller of exact and most, cut off."""

    position = TextField()
    profit = AmountField()
    part = serializers.ChoiceField(list(Part))
    amount = AmountField()
    rank = CountField(allow_null=True, help_text="Place by profit, of those below the cut too.")
    formula = TextField(max_length=None, help_text="L · profit / base, with the numbers in it.")
    exact = serializers.SerializerMethodField()
    most = AmountField(allow_null=True, help_text="The cap's share of the profit.")
    floored = AmountField(allow_null=True)
    rounding = AmountField(allow_null=True, help_text="Of the left-over units: by largest remainder, then rank.")
    entry = CountField(source="entry_id", allow_null=True)
    proof = ProofSerializer(allow_null=True, help_text="Of a participant.")

    @extend_schema_field({"type": ["string", "null"]})
    def get_exact(self, borne: Borne) -> str | None:
        return None if borne.exact is None else str(borne.exact)


class CutLineSerializer(serializers.Serializer[Any]):
    """Where the selection ends: positions from the most profitable until their profit reaches coverage · P."""

    coverage = AmountField(source="rulebook.selection_coverage")
    crossing = TextField(source="rulebook.selection_crossing")
    ties = TextField(source="rulebook.selection_ties")
    participants = CountField(source="cycle.participants")
    cut_profit = AmountField(source="cycle.cut_profit", allow_null=True)
    participants_total = AmountField(source="cycle.participants_total")
    profit_total = AmountField(source="cycle.profit_total")


class ExplanationSerializer(serializers.Serializer[Explanation]):
    """What a trader bears of a settled cycle, and every number that it follows from."""

    cycle = CountField(source="cycle.pk")
    fund = TextField(source="cycle.fund.code")
    currency = TextField(source="cycle.fund.currency_id")
    decimals = CountField(source="cycle.fund.currency.decimals")
    number = CountField(source="cycle.number")
    run = CountField(source="cycle.run")
    trader = TextField()
    amount = AmountField(help_text="Of all its positions.")
    rulebook = RulebookNameSerializer(source="cycle.rulebook")
    rules = DocumentField(source="cycle.rulebook.fields", help_text="The rulebook version with every field.")
    loss = AmountField(source="cycle.loss", help_text="Of the cycle, before any layer.")
    to_allocate = AmountField(source="cycle.to_allocate", help_text="L: the traders' part.")
    base = AmountField(source="cycle.base", help_text="The formula's denominator.")
    base_rule = TextField(source="rulebook.allocation_base")
    unit = TextField(source="rulebook.allocation_unit")
    cap = AmountField(source="rulebook.allocation_cap")
    min_levy_rate = AmountField(source="rulebook.min_levy_rate", allow_null=True)
    rate = serializers.SerializerMethodField()
    allocated = AmountField(source="cycle.allocated", help_text="L = allocated − levy_surplus + residue.")
    levy_surplus = AmountField(source="cycle.levy_surplus", help_text="What the minimum levy took above L.")
    residue = AmountField(source="cycle.residue")
    cut_line = CutLineSerializer(source="*")
    positions = BorneSerializer(many=True)

    @extend_schema_field(AmountField(allow_null=True, help_text="Loss that a unit of profit bears, to 18 decimals."))
    def get_rate(self, explanation: Explanation) -> str | None:
        return None if explanation.rate is None else plain(round_half_even(explanation.rate, MAX_DECIMALS))
