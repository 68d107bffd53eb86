"""Rulebooks: how one venue's fund works, as data. Pure: no database, no settings, no clock. Source: rulebooks.md."""

from fund.rulebook.model import (
    SHARE_NAMES,
    Adl,
    AdlPrice,
    AdlQueue,
    AdlTrigger,
    AllocationBase,
    AllocationResidue,
    AllocationUnit,
    CostPolicy,
    FundUnpaid,
    Inventory,
    Precompensation,
    Rulebook,
    SelectionCrossing,
    SelectionTies,
    TakeoverValuation,
)
from fund.rulebook.presets import DEFAULTS, PRESETS, Preset
from fund.rulebook.publishing import RulebookRefused, from_json, publish_fields, to_json
from fund.rulebook.reading import FieldError

__all__ = [
    "DEFAULTS",
    "PRESETS",
    "SHARE_NAMES",
    "Adl",
    "AdlPrice",
    "AdlQueue",
    "AdlTrigger",
    "AllocationBase",
    "AllocationResidue",
    "AllocationUnit",
    "CostPolicy",
    "FieldError",
    "FundUnpaid",
    "Inventory",
    "Precompensation",
    "Preset",
    "Rulebook",
    "RulebookRefused",
    "SelectionCrossing",
    "SelectionTies",
    "TakeoverValuation",
    "from_json",
    "publish_fields",
    "to_json",
]
