"""A preset and the fields that differ become a Rulebook, or are refused field by field; to and from JSON."""

from collections.abc import Mapping
from dataclasses import fields as fields_of
from decimal import Decimal
from enum import StrEnum
from typing import Any

from fund.rulebook import presets
from fund.rulebook.model import Adl, AdlQueue, AdlTrigger, Inventory, Precompensation, Rulebook
from fund.rulebook.reading import FIELDS, FieldError, Unreadable
from ledger.errors import Refused
from ledger.money import MAX_DECIMALS, plain, total


class RulebookRefused(Refused):
    """A rulebook that is malformed, incomplete or contradicts itself; `errors` names every field and why."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("rulebook_refused", "; ".join(f"{error.field}: {error.reason}" for error in errors))
        self.errors = errors


def publish_fields(preset: str, fields: Mapping[str, object], *, decimals: int) -> Rulebook:
    """A preset with the fields that differ. Rates and amounts are strings; amounts have at most `decimals` digits.

    A nested object (`adl`, `precompensation`, `inventory`, a split) replaces the preset's as a whole; `adl` without a
    trigger keeps the preset's.
    Raises RulebookRefused with every field that is unknown, missing, malformed, out of range or contradictory.
    """
    if preset not in presets.PRESETS:
        known = ", ".join(sorted(presets.PRESETS))
        raise RulebookRefused((FieldError("preset", "preset_unknown", f"{preset!r} is not one of {known}"),))
    start = presets.PRESETS[preset]
    missing = tuple(
        FieldError(name, "field_required", f"the preset {preset} has no default for it")
        for name in start.required
        if name not in fields
    )
    values = {**presets.DEFAULTS, **start.fields, **fields}
    own, preset_adl = fields.get("adl"), start.fields.get("adl")
    if isinstance(own, Mapping) and isinstance(preset_adl, Mapping):
        values["adl"] = {"trigger": preset_adl["trigger"], **own}
    return _read(preset, values, decimals, missing)


def to_json(rulebook: Rulebook) -> dict[str, object]:
    """Every field, numbers as strings, shares of 0 left out of the splits. `from_json` makes an equal one of it."""
    return {field.name: _written(getattr(rulebook, field.name)) for field in fields_of(rulebook)}


def from_json(document: Mapping[str, object]) -> Rulebook:
    """The rulebook that `to_json` wrote.

    A field that the document does not have is younger than the version and has its default, which is chosen to be
    what the fund did before the field existed. Raises RulebookRefused where the document is not a rulebook.
    """
    stored = dict(document)
    preset = stored.pop("preset", None)
    if not isinstance(preset, str):
        raise RulebookRefused((FieldError("preset", "field_required", "a stored rulebook names its preset"),))
    return _read(preset, {**presets.DEFAULTS, **stored}, MAX_DECIMALS, ())


def _read(preset: str, values: Mapping[str, object], decimals: int, missing: tuple[FieldError, ...]) -> Rulebook:
    errors = list(missing)
    read: dict[str, Any] = {}
    for name, value in values.items():
        if name not in FIELDS:
            errors.append(FieldError(name, "field_unknown", "a rulebook has no such field"))
            continue
        try:
            read[name] = FIELDS[name](value, name, decimals)
        except Unreadable as unreadable:
            errors.extend(unreadable.errors)
    if errors:
        raise RulebookRefused(tuple(errors))
    rulebook = Rulebook(preset=preset, **read)
    contradictions = _contradictions(rulebook)
    if contradictions:
        raise RulebookRefused(contradictions)
    return rulebook


def _written(value: object) -> object:
    match value:
        case Decimal():
            return plain(value)
        case Mapping():
            return {name: plain(share) for name, share in value.items() if share}
        case Precompensation() | Inventory() | Adl():
            return {field.name: _written(getattr(value, field.name)) for field in fields_of(value)}
        case StrEnum():
            return value.value
        case _:
            return value


def _contradictions(rulebook: Rulebook) -> tuple[FieldError, ...]:
    """Fields that are fine alone and not together. A setting that could have no effect is a misunderstanding."""
    found = [*_contradictions_of_shares(rulebook), *_contradictions_of_adl(rulebook.adl)]
    return tuple(FieldError(field, "contradiction", reason) for field, reason in found)


def _contradictions_of_shares(rulebook: Rulebook) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    borne = total((rulebook.fund_share, rulebook.traders_share))
    if borne > 1:
        found.append(("traders_share", f"fund_share and traders_share sum to {plain(borne)}, above 1"))
    if rulebook.injection_cap_rate is not None and not rulebook.surplus_split["fund"]:
        found.append(("injection_cap_rate", "it caps what goes to the fund, and surplus_split gives the fund nothing"))
    if rulebook.charges_traders:
        if not rulebook.selection_coverage:
            found.append(("selection_coverage", "0 selects nobody, and profitable positions are to bear a part"))
        if not rulebook.allocation_cap:
            found.append(("allocation_cap", "0 lets nothing be taken, and profitable positions are to bear a part"))
        if rulebook.min_levy_rate and rulebook.min_levy_rate > rulebook.allocation_cap:
            reason = f"{plain(rulebook.min_levy_rate)} is above the allocation_cap {plain(rulebook.allocation_cap)}"
            found.append(("min_levy_rate", reason))
    elif rulebook.min_levy_rate:
        found.append(("min_levy_rate", "profitable positions bear no part of a loss, so nothing is levied"))
    return found


def _contradictions_of_adl(adl: Adl | None) -> list[tuple[str, str]]:
    if adl is None:
        return []
    found: list[tuple[str, str]] = []
    drawdown = adl.trigger in (AdlTrigger.DRAWDOWN, AdlTrigger.PNL_DRAWDOWN)
    if not drawdown and adl.threshold is not None:
        found.append(("adl.threshold", f"the trigger {adl.trigger} has none"))
    if adl.seed is not None and adl.queue is not AdlQueue.SEEDED_RANDOM:
        found.append(("adl.seed", f"the queue {adl.queue} draws nothing at random"))
    return found
