"""What a report's values must be by themselves, before anything is looked up."""

import re
from decimal import Decimal

from ledger import chart
from ledger.models import Currency
from ledger.money import MAX_DECIMALS, MAX_INTEGER_DIGITS
from liquidation import errors
from liquidation.models import Side

REFERENCE_MOST = 160
_SIDES = frozenset(Side.values)
# What `report_unfilled` calls its transfers to the inventory.
_OF_TRANSFERS = re.compile(r"unfilled(\.[0-9]+)?:.*")
_TOO_LARGE = Decimal(10) ** MAX_INTEGER_DIGITS


def check_reference(reference: str) -> None:
    """Raises Refused `reference_malformed`, `reference_reserved`.

    The journal adds a prefix, so a reference is shorter than its column.
    """
    fine = 0 < len(reference) <= REFERENCE_MOST and reference.isprintable() and reference == reference.strip()
    if not fine:
        raise errors.reference_malformed(reference)
    if _OF_TRANSFERS.fullmatch(reference):
        raise errors.reference_reserved(reference)


def check_name(what: str, name: str) -> None:
    """Raises Refused `name_malformed` where no account code can carry it."""
    if not chart.is_name(name):
        raise errors.name_malformed(what, name)


def check_side(side: str) -> None:
    """Raises Refused `side_unknown`."""
    if side not in _SIDES:
        raise errors.side_unknown(side)


def check_positive(what: str, value: Decimal) -> None:
    """Raises Refused `price_not_positive`, `quantity_not_positive`…, `number_out_of_range`."""
    check_number(what, value)
    if value <= 0:
        raise errors.not_positive(what, value)


def check_rate(what: str, value: Decimal) -> None:
    """Raises Refused `rate_out_of_range`, `number_out_of_range`: from 0 to below 1."""
    check_number(what, value)
    if not 0 <= value < 1:
        raise errors.rate_out_of_range(what, value)


def check_number(what: str, value: Decimal) -> None:
    """Raises Refused `number_out_of_range`: NaN, infinite, too large or too fine."""
    if not value.is_finite() or value.copy_abs() >= _TOO_LARGE or decimals_of(value) > MAX_DECIMALS:
        raise errors.number_out_of_range(what, value)


def check_amount(what: str, value: Decimal, currency: Currency) -> None:
    """Raises Refused `amount_precision`, `number_out_of_range`."""
    check_number(what, value)
    if decimals_of(value) > currency.decimals:
        raise errors.amount_precision(what, value, currency=currency.code, decimals=currency.decimals)


def decimals_of(value: Decimal) -> int:
    """Digits after the point that are not trailing zeros; `value` is finite."""
    return len(f"{value:f}".partition(".")[2].rstrip("0"))
