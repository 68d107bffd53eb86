"""How each field of a rulebook is read. A reader takes the value, its path and the currency's decimals, or refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from fund.rulebook import presets
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
    SelectionCrossing,
    SelectionTies,
    TakeoverValuation,
)
from ledger import chart
from ledger.money import MoneyError, parse_amount, parse_number, plain, total

Read = Callable[[object, str, int], Any]
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a rulebook. `field` is the path with dots, `adl.queue`."""

    field: str
    code: str
    reason: str


class Unreadable(Exception):
    """What a reader raises: one error, or several in a nested object."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(*errors)
        self.errors = errors


def _number(value: object, path: str, decimals: int | None) -> Decimal:
    try:
        return parse_number(value) if decimals is None else parse_amount(value, decimals=decimals)
    except MoneyError as error:
        raise Unreadable(FieldError(path, error.code, error.detail)) from error


def _share(value: object, path: str, decimals: int) -> Decimal:
    number = _number(value, path, None)
    if 0 <= number <= 1:
        return number
    raise Unreadable(FieldError(path, "value_out_of_range", f"{plain(number)} is not between 0 and 1"))


def _share_above_zero(value: object, path: str, decimals: int) -> Decimal:
    number = _share(value, path, decimals)
    if number > 0:
        return number
    raise Unreadable(FieldError(path, "value_out_of_range", "0 is not above 0"))


def _multiple(value: object, path: str, decimals: int) -> Decimal:
    number = _number(value, path, None)
    if number >= 0:
        return number
    raise Unreadable(FieldError(path, "value_out_of_range", f"{plain(number)} is below 0"))


def _amount(value: object, path: str, decimals: int) -> Decimal:
    amount = _number(value, path, decimals)
    if amount >= 0:
        return amount
    raise Unreadable(FieldError(path, "value_out_of_range", f"{plain(amount)} is below 0"))


def _optional(read: Read) -> Read:
    """Null, or the word by which the design's table calls it."""
    return lambda value, path, decimals: None if value in (None, "none") else read(value, path, decimals)


def _one_of(choices: type[E]) -> Read:
    def read(value: object, path: str, decimals: int) -> E:
        if isinstance(value, str) and value in choices._value2member_map_:
            return choices(value)
        known = ", ".join(choices)
        raise Unreadable(FieldError(path, "value_unknown", f"{value!r} is not one of {known}"))

    return read


def _name(value: object, path: str, decimals: int) -> str:
    if isinstance(value, str) and chart.is_name(value):
        return value
    raise Unreadable(FieldError(path, "value_malformed", f"{value!r} cannot stand in an account's code"))


def _seed(value: object, path: str, decimals: int) -> str:
    if isinstance(value, str) and 0 < len(value) <= 200:
        return value
    raise Unreadable(FieldError(path, "value_malformed", f"{value!r} is not a text of 1 to 200 characters"))


def _object(value: object, path: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise Unreadable(FieldError(path, "value_malformed", f"{value!r} is not an object"))


def _split(names: tuple[str, ...]) -> Read:
    def read(value: object, path: str, decimals: int) -> Mapping[str, Decimal]:
        shares = dict.fromkeys(SHARE_NAMES, Decimal(0))
        errors: list[FieldError] = []
        for name, share in _object(value, path).items():
            if name not in names:
                errors.append(FieldError(f"{path}.{name}", "field_unknown", f"not one of {', '.join(names)}"))
                continue
            try:
                shares[name] = _share(share, f"{path}.{name}", decimals)
            except Unreadable as unreadable:
                errors.extend(unreadable.errors)
        if not errors and total(shares.values()) != 1:
            reason = f"the shares sum to {plain(total(shares.values()))}, not 1"
            errors.append(FieldError(path, "value_out_of_range", reason))
        if errors:
            raise Unreadable(*errors)
        return shares

    return read


def _nested(make: Callable[..., Any], defaults: Mapping[str, object], parts: Mapping[str, Read]) -> Read:
    def read(value: object, path: str, decimals: int) -> object:
        given = _object(value, path)
        errors = [FieldError(f"{path}.{name}", "field_unknown", "no such field") for name in given if name not in parts]
        made: dict[str, object] = {}
        for name, read_part in parts.items():
            if name not in given and name not in defaults:
                errors.append(FieldError(f"{path}.{name}", "field_required", "it has no default"))
                continue
            try:
                made[name] = read_part(given.get(name, defaults.get(name)), f"{path}.{name}", decimals)
            except Unreadable as unreadable:
                errors.extend(unreadable.errors)
        if errors:
            raise Unreadable(*errors)
        return make(**made)

    return read


def _adl(*, trigger: AdlTrigger, threshold: Decimal | None, **parts: Any) -> Adl:
    if threshold is None and trigger in (AdlTrigger.DRAWDOWN, AdlTrigger.PNL_DRAWDOWN):
        threshold = presets.DRAWDOWN_DEFAULT
    return Adl(trigger=trigger, threshold=threshold, **parts)


FIELDS: Mapping[str, Read] = {
    "takeover_valuation": _one_of(TakeoverValuation),
    "surplus_split": _split(SHARE_NAMES),
    "injection_cap_rate": _optional(_share),
    "penalty_rate": _share,
    # A penalty paid back to who pays it is none: `trader` has no share in it.
    "penalty_split": _split(tuple(name for name in SHARE_NAMES if name != "trader")),
    "vault": _name,
    "cost_policy": _one_of(CostPolicy),
    "precompensation": _optional(
        _nested(
            Precompensation,
            presets.PRECOMPENSATION_DEFAULTS,
            {"per_takeover_cap": _optional(_amount), "share_of_fund": _share},
        )
    ),
    "inventory": _optional(_nested(Inventory, presets.INVENTORY_DEFAULTS, {"max_notional_share": _multiple})),
    "fund_share": _share,
    "fund_per_event_cap": _optional(_amount),
    "fund_floor": _amount,
    "fund_unpaid": _one_of(FundUnpaid),
    "traders_share": _share,
    "selection_coverage": _share,
    "selection_crossing": _one_of(SelectionCrossing),
    "selection_ties": _one_of(SelectionTies),
    "allocation_base": _one_of(AllocationBase),
    "allocation_residue": _one_of(AllocationResidue),
    "allocation_unit": _one_of(AllocationUnit),
    "allocation_cap": _share,
    "min_levy_rate": _optional(_share),
    "deficit_repayment": _share,
    "adl": _optional(
        _nested(
            _adl,
            presets.ADL_DEFAULTS,
            {
                "trigger": _one_of(AdlTrigger),
                "queue": _one_of(AdlQueue),
                "price": _one_of(AdlPrice),
                "threshold": _optional(_share_above_zero),
                "seed": _optional(_seed),
            },
        )
    ),
}
