"""The fund's own positions in a cycle that is told again. Pure; what they bring is told, and the fund's to book."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from fund.holdings import Terms
from fund.rules import Holding, give_out, notional, profit_and_loss, take_in
from fund.whatif.record import Disposal, Owned, Unsold


class OwnPositions:
    """What the fund holds of each contract as the steps so far leave it, and the last mark of each."""

    def __init__(self, owned: Iterable[Owned]) -> None:
        self._held: dict[str, tuple[Terms, Holding]] = {}
        self._marks: dict[str, Decimal] = {}
        for each in owned:
            self._hold(each.terms, each.holding)
            if each.mark_price:
                self._marks[each.terms.contract] = each.mark_price

    def mark(self, contract: str, price: Decimal) -> None:
        self._marks[contract] = price

    def take_in(self, unsold: Unsold, price: Decimal, *, most: Fraction) -> Fraction | None:
        """Take it over, given at the bankruptcy price, where the notional of all is `most` at most then.

        Returns what that realises at `price`; None where it does not fit.
        """
        terms = unsold.terms
        known = self._held.get(terms.contract)
        change = take_in(
            known[1] if known else None,
            kind=terms.kind,
            multiplier=terms.multiplier,
            side=unsold.side,
            quantity=unsold.quantity,
            price=price,
        )
        others = (_carried(*held) for contract, held in self._held.items() if contract != terms.contract)
        if sum(others, _carried(terms, change.holding)) > most:
            return None
        self._hold(terms, change.holding)
        return change.realised + unsold.profit_at(price)

    def give_out(self, disposal: Disposal) -> tuple[Fraction, Fraction] | None:
        """As much of it as is held. Returns what that realises, and its share of the disposal; None of nothing."""
        held = self._held.get(disposal.terms.contract)
        if held is None:
            return None
        terms, holding = held
        quantity = min(disposal.quantity, holding.quantity)
        change = give_out(
            holding, kind=terms.kind, multiplier=terms.multiplier, quantity=quantity, price=disposal.price
        )
        self._hold(terms, change.holding)
        return change.realised, Fraction(quantity) / Fraction(disposal.quantity)

    def unrealised(self) -> Fraction:
        """What disposing of all at the last marks brings; at the carrying price where none is known."""
        return sum((self._unrealised(*held) for held in self._held.values()), Fraction(0))

    def _hold(self, terms: Terms, holding: Holding | None) -> None:
        self._held.pop(terms.contract, None)
        if holding is not None:
            self._held[terms.contract] = (terms, holding)

    def _unrealised(self, terms: Terms, holding: Holding) -> Fraction:
        return profit_and_loss(
            kind=terms.kind,
            side=holding.side,
            quantity=holding.quantity,
            multiplier=terms.multiplier,
            entry_price=holding.price,
            exit_price=self._marks.get(terms.contract, holding.price),
        )


def _carried(terms: Terms, holding: Holding | None) -> Fraction:
    if holding is None:
        return Fraction(0)
    return notional(kind=terms.kind, quantity=holding.quantity, multiplier=terms.multiplier, price=holding.price)
