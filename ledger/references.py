"""References of entries that the service makes: taken by somebody else, they would keep an event out for ever."""

import re

from ledger.errors import Refused

_OF_EVENTS = re.compile(
    r"(takeover|fill|close|reserve|inventory_disposal|inventory_transfer|house_absorbed|contribution|withdrawal|cycle)"
    r"(-[a-z]+)?(\.[0-9]+)?:.*"
)
_OF_REVERSALS = re.compile(r"reversal(\.[0-9]+)?:.*")


def is_reserved(reference: str) -> bool:
    """Whether an entry by hand must not have it."""
    return bool(_OF_EVENTS.fullmatch(reference) or _OF_REVERSALS.fullmatch(reference))


def check_of_reversal(reference: str) -> None:
    """A reversal may be called one, but not an event. Raises Refused `reference_reserved`."""
    if _OF_EVENTS.fullmatch(reference):
        detail = f"reversal {reference}: references of this form belong to the entries of events"
        raise Refused("reference_reserved", detail, field="reference")
