"""The parts in which takeovers were closed: those of a call, and where they are not all, those from before."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from ledger.money import total
from liquidation.lines import notional_of
from liquidation.models import Fill, Takeover


class Parts:
    """Of some takeovers under lock, so that nobody else adds to them."""

    def __init__(self, takeovers: Collection[Takeover]) -> None:
        self._takeovers = takeovers
        self._told_now: dict[int, list[Fill]] = defaultdict(list)
        self._told_before: Mapping[int, Sequence[Fill]] | None = None

    def add(self, fill: Fill) -> None:
        """One that this call tells; it is saved later."""
        self._told_now[fill.takeover_id].append(fill)

    def last_at(self, takeover: Takeover) -> datetime:
        """When the latest part was closed. Nothing of the takeover remains."""
        return max(fill.filled_at for fill in self._of(takeover))

    def notional(self, takeover: Takeover) -> Fraction:
        """Of all parts, exact: the stored one has 18 decimals, an inverse contract's may have no end of them."""
        return sum((notional_of(fill) for fill in self._of(takeover)), Fraction(0))

    def _of(self, takeover: Takeover) -> Sequence[Fill]:
        told_now = self._told_now[takeover.pk]
        if total(fill.quantity for fill in told_now) == takeover.quantity:
            return told_now
        if self._told_before is None:
            self._told_before = self._read()
        return [*self._told_before.get(takeover.pk, ()), *told_now]

    def _read(self) -> Mapping[int, Sequence[Fill]]:
        """In one query for all of them."""
        takeovers = {takeover.pk: takeover for takeover in self._takeovers}
        found: dict[int, list[Fill]] = defaultdict(list)
        for fill in Fill.objects.filter(takeover_id__in=takeovers, reversed_at=None):
            fill.takeover = takeovers[fill.takeover_id]
            found[fill.takeover_id].append(fill)
        return found
