"""Currencies: added once; their precision never changes, since amounts have been booked in it."""

from ledger.chart import is_name
from ledger.errors import ReferenceReused, Refused
from ledger.models import Currency

DECIMALS_MOST = 18


def add_currency(*, code: str, decimals: int) -> tuple[Currency, bool]:
    """Add a currency, in whose amounts `decimals` digits stand after the point. Returns it, and whether it was known.

    Raises Refused `name_malformed`, `decimals_out_of_range`; ReferenceReused where it is known with another precision.
    """
    if not is_name(code) or len(code) > 20:
        raise Refused("name_malformed", f"currency {code!r}: letters, digits and . _ @ + -, at most 20", field="code")
    if not 0 <= decimals <= DECIMALS_MOST:
        detail = f"currency {code}: {decimals} decimals, from 0 to {DECIMALS_MOST} are kept"
        raise Refused("decimals_out_of_range", detail, field="decimals")
    currency, added = Currency.objects.get_or_create(code=code, defaults={"decimals": decimals})
    if currency.decimals != decimals:
        raise ReferenceReused(code, f"currency {code} is known with {currency.decimals} decimals, not {decimals}")
    return currency, not added
