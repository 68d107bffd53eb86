"""A rulebook as a form and as a table: every field with its meaning. Source: rulebooks.md, fields."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django import forms

from fund import rulebook as rules
from fund.models import Fund
from fund.rulebook import DEFAULTS, PRESETS, SHARE_NAMES, RulebookRefused, publish_fields, to_json
from ledger.admin.inputs import MomentInput, ReferenceInput
from ledger.errors import Refused
from ledger.models import Currency
from ledger.money import MAX_DECIMALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One field of a rulebook, or one part of a nested one (`adl.queue`). `optional`: empty means none."""

    path: str
    meaning: str
    choices: type[StrEnum] | None = None
    optional: bool = False

    @property
    def label(self) -> str:
        return self.path.replace("_", " ").replace(".", ": ")


def _split(name: str, parts: tuple[str, ...], meaning: str) -> tuple[Term, ...]:
    return tuple(
        Term(path=f"{name}.{part}", meaning=meaning if part == parts[0] else "", optional=True) for part in parts
    )


_PENALTY_PARTS = tuple(part for part in SHARE_NAMES if part != "trader")
GROUPS: Mapping[str, tuple[Term, ...]] = {
    "Takeover and result": (
        Term(
            path="takeover_valuation",
            meaning="The engine's cost of what it takes over.",
            choices=rules.TakeoverValuation,
        ),
        Term(
            path="cost_policy", meaning="Costs come off the result, or the house bears them.", choices=rules.CostPolicy
        ),
        *_split("surplus_split", SHARE_NAMES, "Who gets a positive result; shares sum to 1, empty is 0."),
        Term(path="injection_cap_rate", meaning="At most this share of notional goes to the fund.", optional=True),
        Term(path="penalty_rate", meaning="Liquidation penalty, share of the closing notional."),
        *_split("penalty_split", _PENALTY_PARTS, "Who gets the penalty; shares sum to 1, empty is 0."),
        Term(path="vault", meaning="Name of the vault that takes the vault's shares."),
    ),
    "Before the close, and what is not filled": (
        Term(
            path="precompensation.share_of_fund",
            meaning="Share of the fund set aside; all empty: no compensation.",
            optional=True,
        ),
        Term(
            path="precompensation.per_takeover_cap",
            meaning="Most for one takeover, an amount; empty: no cap.",
            optional=True,
        ),
        Term(
            path="inventory.max_notional_share",
            meaning="Unfilled positions taken over, as a share of the balance; empty: none.",
            optional=True,
        ),
    ),
    "Who bears a loss": (
        Term(path="fund_share", meaning="The fund's share of a loss, 0 to 1."),
        Term(
            path="fund_per_event_cap",
            meaning="Most that one takeover may draw, an amount; empty: no cap.",
            optional=True,
        ),
        Term(path="fund_floor", meaning="What the fund may not go below, an amount."),
        Term(path="fund_unpaid", meaning="Who bears what the fund cannot pay of its share.", choices=rules.FundUnpaid),
        Term(path="traders_share", meaning="What profitable positions bear; the rest is carried."),
        Term(path="deficit_repayment", meaning="Share of each injection that repays a carried deficit first."),
    ),
    "Settlement": (
        Term(
            path="selection_coverage", meaning="Positions are taken until their profit reaches this share of the total."
        ),
        Term(
            path="selection_crossing",
            meaning="The position at which the share is reached.",
            choices=rules.SelectionCrossing,
        ),
        Term(
            path="selection_ties",
            meaning="Positions with the profit of the last one taken.",
            choices=rules.SelectionTies,
        ),
        Term(path="allocation_base", meaning="The denominator of the formula.", choices=rules.AllocationBase),
        Term(
            path="allocation_residue",
            meaning="The traders' part that the formula leaves.",
            choices=rules.AllocationResidue,
        ),
        Term(path="allocation_unit", meaning="Per position, or per trader netted.", choices=rules.AllocationUnit),
        Term(path="allocation_cap", meaning="Most of a profit that may be taken; 1: down to zero."),
        Term(path="min_levy_rate", meaning="Smallest levy on profit; empty: none.", optional=True),
    ),
    "ADL": (
        Term(path="adl.trigger", meaning="What starts it; all empty: no ADL.", choices=rules.AdlTrigger, optional=True),
        Term(
            path="adl.queue", meaning="Order in which counterparties are closed.", choices=rules.AdlQueue, optional=True
        ),
        Term(path="adl.price", meaning="Price at which they are closed.", choices=rules.AdlPrice, optional=True),
        Term(
            path="adl.threshold", meaning="How far the fund must have fallen, for the drawdown triggers.", optional=True
        ),
        Term(path="adl.seed", meaning="For the random queue; empty: each event draws its own.", optional=True),
    ),
}
TERMS = tuple(term for group in GROUPS.values() for term in group)


def flat(fields: Mapping[str, Any]) -> dict[str, str]:
    """The fields by the paths of TERMS, as text; what is none is left out."""
    values: dict[str, str] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            values.update({f"{name}.{part}": str(inner) for part, inner in value.items() if inner is not None})
        elif value is not None:
            values[name] = str(value)
    return values


def nested(values: Mapping[str, Any]) -> dict[str, object]:
    """The fields as a published body has them, from the form's values by path. Nothing given: no such object, None."""
    fields: dict[str, Any] = {}
    for term in TERMS:
        name, _, part = term.path.partition(".")
        value = values.get(term.path) or None
        if not part:
            fields[name] = value
        elif value is not None:
            fields[name] = {**(fields.get(name) or {}), part: value}
        else:
            fields.setdefault(name, {} if name.endswith("_split") else None)
    return fields


def initial_of_preset(preset: str) -> dict[str, str]:
    """What the preset says, resolved; empty where it requires a value of whoever uses it."""
    required = PRESETS[preset].required if preset in PRESETS else ()
    if preset not in PRESETS:
        preset = "full_cover"
    resolved = to_json(publish_fields(preset, {name: DEFAULTS[name] for name in required}, decimals=MAX_DECIMALS))
    return {**flat({name: value for name, value in resolved.items() if name not in required}), "preset": preset}


class RulebookForm(forms.Form):
    """One input per term. `cleaned_data["fields"]` is the body to publish."""

    preset = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for term in TERMS:
            self.fields[term.path] = _input(term)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        return {**values, "fields": nested(values)}

    def first_rows(self) -> list[Any]:
        """The inputs that are not of the rulebook."""
        paths = {term.path for term in TERMS}
        return [field for field in self.visible_fields() if field.name not in paths]

    def groups(self) -> Iterator[tuple[str, list[Any]]]:
        """The inputs of the rulebook under their headings."""
        for title, terms in GROUPS.items():
            yield title, [self[term.path] for term in terms]


class PublishForm(RulebookForm):
    fund = forms.ModelChoiceField(Fund.objects.all(), to_field_name="code", empty_label=None)
    effective_from = MomentInput(help_text="UTC. What happens from then on runs under this version.")
    reference = ReferenceInput()


class OpenFundForm(RulebookForm):
    code = forms.CharField(max_length=60, help_text="A short name: its accounts are fund:<code>, deficit:<code>…")
    currency = forms.ModelChoiceField(Currency.objects.all(), empty_label=None)
    cycle_seconds = forms.IntegerField(
        required=False, min_value=1, help_text="Length of a settlement cycle; empty: cycles are opened by hand."
    )


def place_refusal(form: forms.Form, refused: Refused) -> bool:
    """Put each thing wrong with a rulebook beside its input. Returns whether anything was placed."""
    if isinstance(refused, RulebookRefused):
        for error in refused.errors:
            form.add_error(_place(form, error.field), f"{error.reason} ({error.code})")
        return True
    if refused.field in form.fields:
        form.add_error(refused.field, f"{refused.detail} ({refused.code})")
        return True
    return False


def _place(form: forms.Form, field: str) -> str | None:
    if field in form.fields:
        return field
    return next((path for path in form.fields if path.startswith(f"{field}.")), None)


def _input(term: Term) -> forms.Field:
    shared: dict[str, Any] = {"label": term.label, "help_text": term.meaning, "required": not term.optional}
    if term.choices:
        choices = [(choice.value, choice.value.replace("_", " ")) for choice in term.choices]
        return forms.ChoiceField(choices=[("", "–"), *choices] if term.optional else choices, **shared)
    return forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}), **shared)
