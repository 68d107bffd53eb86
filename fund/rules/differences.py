"""What an ADL event closed otherwise than its queue says. The venue decides whom it closes; the book says so."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from fund.rules.adl import AdlFill
from ledger.money import EXACT, total


def adl_differences(
    cut: Sequence[AdlFill], closed: Sequence[AdlFill], *, earlier: Sequence[AdlFill] = (), in_turn: bool
) -> tuple[AdlFill, ...]:
    """What is `closed` beyond the cut: of a counterparty that is not in it, or above its part.

    `cut` in queue order; `earlier` fills have used it up before. Where counterparties are closed `in_turn`, fills of
    less than what is left of the cut begin at its front. A fill without a position is one of any of its trader's.
    """
    left = _Left(cut)
    left.take(earlier)
    if in_turn:
        left.keep(total(fill.quantity for fill in closed))
    return left.take(closed)


class _Left:
    """What is left of a cut, by counterparty in queue order."""

    def __init__(self, cut: Sequence[AdlFill]) -> None:
        self._quantities = {(fill.trader, fill.position): fill.quantity for fill in cut}
        self._positions: dict[str, list[str]] = {}
        for fill in cut:
            self._positions.setdefault(fill.trader, []).append(fill.position)

    def take(self, fills: Sequence[AdlFill]) -> tuple[AdlFill, ...]:
        """What the cut did not have of these. Those that name a position go first: the others have a choice."""
        beyond = []
        for fill in sorted(fills, key=lambda fill: not fill.position):
            over = fill.quantity
            for position in [fill.position] if fill.position else self._positions.get(fill.trader, []):
                held = self._quantities.get((fill.trader, position), Decimal(0))
                part = min(held, over)
                self._quantities[fill.trader, position] = EXACT.subtract(held, part)
                over = EXACT.subtract(over, part)
            if over:
                beyond.append(replace(fill, quantity=over))
        return tuple(beyond)

    def keep(self, quantity: Decimal) -> None:
        """Only the first `quantity` of it."""
        for counterparty, held in self._quantities.items():
            self._quantities[counterparty] = part = min(held, quantity)
            quantity = EXACT.subtract(quantity, part)
