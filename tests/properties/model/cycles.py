"""Cycles, and what the traders' part of their losses becomes."""

from fractions import Fraction

from fund.rulebook import Rulebook
from fund.rules import Allocation
from tests.properties.model.accounts import BALANCE, DEFICIT, TO_ALLOCATE, trader
from tests.properties.model.records import ZERO, Booked, Cycle
from tests.properties.model.results import Results


class Cycles(Results):
    """Losses wait for the cycle that takes them; its settlement shares them."""

    def open_cycle(self, cycle: Cycle) -> None:
        self.cycles[cycle.number] = cycle
        self._take_waiting(cycle)

    def _take_waiting(self, cycle: Cycle) -> None:
        """Losses that happened before its end and belong to no cycle yet."""
        for loss in self.losses:
            if loss.cycle is None and loss.at is not None and loss.at < cycle.ends_at:
                loss.cycle = cycle.number

    def to_allocate(self, cycle: Cycle) -> Fraction:
        return sum((loss.parts["to_allocate"] for loss in self.losses if loss.cycle == cycle.number), ZERO)

    def end_cycle(self, cycle: Cycle) -> None:
        if cycle.status == "open":
            self._take_waiting(cycle)
            cycle.status = "ended"

    def settle_cycle(self, cycle: Cycle, allocation: Allocation, rulebook: Rulebook) -> None:
        """What the traders' part became: theirs, the fund's, or nobody's yet."""
        loss, booked = self.to_allocate(cycle), Booked()
        taken = sum((Fraction(share.amount) for share in allocation.rows), ZERO)
        surplus, residue = max(taken - loss, ZERO), max(loss - taken, ZERO)
        shares = [(trader(share.trader), TO_ALLOCATE, Fraction(share.amount)) for share in allocation.rows]
        self.book(booked, *shares, (TO_ALLOCATE, BALANCE, surplus))
        from_fund = ZERO
        if rulebook.allocation_residue == "fund_then_carry" and allocation.profit_total:
            from_fund = min(residue, self.spendable(rulebook))
        self.book(booked, (BALANCE, TO_ALLOCATE, from_fund), (DEFICIT, TO_ALLOCATE, residue - from_fund))
        self.count(booked, paid=from_fund, carried=residue - from_fund)
        self.inject(booked, surplus, rulebook)
        cycle.status, cycle.settlement, cycle.run = "settled", booked, cycle.run + 1

    def reverse_cycle(self, cycle: Cycle) -> None:
        self.take_back(cycle.settlement)
        cycle.status = "ended"
        self._take_waiting(cycle)
