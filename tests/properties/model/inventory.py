"""The fund's own positions: what leaves them, and whether what changed them can still be taken back."""

from collections import defaultdict
from fractions import Fraction

from fund.rulebook import Rulebook
from tests.properties.model.books import Refusal
from tests.properties.model.contracts import Contract
from tests.properties.model.records import Booked, Held
from tests.properties.model.results import Results


class Inventory(Results):
    """Of each contract the fund holds one position, on one side."""

    def __init__(self, decimals: int) -> None:
        super().__init__(decimals)
        self.held: defaultdict[str, Held] = defaultdict(Held)
        # Changes of the inventory that stand, by what made them: only the last of a contract can be taken back.
        self.changes: dict[str, Booked] = {}

    def reduce(self, contract: Contract, quantity: Fraction, price: Fraction) -> Fraction:
        """Take `quantity` out of the inventory. Returns what that realised, exactly."""
        held = self.held[contract.symbol]
        left = held.quantity - quantity
        self.held[contract.symbol] = Held(side=held.side, quantity=left, price=held.price) if left else Held()
        return contract.profit(held.side, quantity, held.price, price)

    def dispose(
        self,
        reference: str,
        contract: Contract,
        quantity: Fraction,
        *,
        price: Fraction,
        fee: Fraction,
        rulebook: Rulebook,
    ) -> None:
        booked = Booked(held=(contract.symbol, self.held[contract.symbol]))
        realised = self.house(contract, self.reduce(contract, quantity, price))
        self.own_result(booked, contract, realised, fee, rulebook)
        self.changes[reference] = booked

    def reverse_disposal(self, reference: str) -> None:
        self._must_be_last(self.changes[reference])
        self._restore(self.changes.pop(reference))

    def _restore(self, change: Booked) -> None:
        """The inventory as it was before the change."""
        assert change.held is not None
        self.held[change.held[0]] = change.held[1]
        self.take_back(change)

    def _must_be_last(self, *taken_back: Booked | None) -> None:
        """No settlement has shared the loss since, and no later change of the inventory stands on it."""
        for booked in taken_back:
            shared = [loss for loss in self.losses if loss is booked and loss.cycle is not None]
            if any(self.cycles[loss.cycle or 0].status == "settled" for loss in shared):
                raise Refusal("cycle_settled")
        changes = list(self.changes.values())
        for booked in taken_back:
            if booked is not None and booked.held is not None:
                place = next(place for place, change in enumerate(changes) if change is booked)
                if any(change.held and change.held[0] == booked.held[0] for change in changes[place + 1 :]):
                    raise Refusal("inventory_moved_on")
