"""States of a settlement cycle. Source: api.md, `status` of a cycle. A trigger in the database holds the same table."""

from collections.abc import Mapping
from types import MappingProxyType

# `settled` goes back to `ended` when the settlement is reversed, to be settled again.
CYCLE_TRANSITIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"open": ("ended",), "ended": ("settled",), "settled": ("ended",)}
)


def cycle_can_move(from_status: str, to_status: str) -> bool:
    """Whether a cycle may go from one status to the other."""
    return to_status in CYCLE_TRANSITIONS[from_status]
