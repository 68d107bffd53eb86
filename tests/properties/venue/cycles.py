"""Cycles: opened, given their profits, settled, and their settlements reversed."""

import copy
from collections.abc import Callable, Sequence
from datetime import timedelta
from fractions import Fraction

from fund import cycles, models, positions
from fund.positions import PositionProfit
from fund.rules import Profit, allocate
from fund.settlement import reverse_cycle, settle_cycle
from ledger.money import total
from tests.properties.model import FUND, Cycle, Model
from tests.properties.venue.books import decimal_of
from tests.properties.venue.rulebooks import Rulebooks


class Cycles(Rulebooks):
    """Each is settled by the rulebook in force just before its end."""

    def open_cycle(self, seconds: int) -> None:
        """From the end of the last one, or from now where that is over."""
        last = max((cycle.ends_at for cycle in self.model.cycles.values()), default=self.now)
        starts_at, opened_at = max(last, self.now), self.now
        ends_at = starts_at + timedelta(seconds=seconds)
        made: list[int] = []

        def event() -> object:
            cycle = cycles.open_cycle(fund_code=FUND, starts_at=starts_at, ends_at=ends_at, opened_at=opened_at)
            made[:] = [cycle.number, cycle.pk]
            return cycle

        self.tell(
            event,
            lambda model: model.open_cycle(Cycle(number=made[0], id=made[1], starts_at=starts_at, ends_at=ends_at)),
            again=False,
        )

    def add_positions(self, number: int, rows: Sequence[PositionProfit], *, complete: bool) -> None:
        """Profits of a cycle, and perhaps that these were the last; afterwards none is taken."""
        cycle = self.model.cycles[number]
        new = {row.position: row for row in rows if row.position not in cycle.profits}

        def event() -> object:
            return positions.add(cycle_id=cycle.id, rows=new.values())

        if cycle.complete:
            if new:
                self.refused("positions_frozen", event)
            return
        event()
        for name, row in new.items():
            cycle.profits[name] = Profit(position=name, trader=row.trader, profit=row.profit, opened_at=row.opened_at)
        if not complete:
            return
        count, profit, at = len(cycle.profits), total(row.profit for row in cycle.profits.values()), self.now

        def freeze() -> object:
            return positions.complete(cycle_id=cycle.id, count=count, total=profit, completed_at=at)

        if cycle.status == "settled":
            self.refused("cycle_settled", freeze)
        else:
            freeze()
            cycle.complete = True
            self.replays_unless_reversed.append(freeze)

    def settle(self, number: int) -> None:
        """Refused where its time is not over and more profits may come, and without the profits that it needs."""
        cycle, at = self.model.cycles[number], self.now

        def event() -> object:
            return settle_cycle(cycle_id=cycle.id, settled_at=at)

        if cycle.status == "settled":
            self.replay(event)
        elif cycle.status == "open" and at < cycle.ends_at and not cycle.complete:
            self.refused("cycle_not_ended", event)
        elif self._left_to_allocate(cycle) and not cycle.complete:
            self.refused("positions_incomplete", event)
        else:
            self._settle(cycle, event)

    def _left_to_allocate(self, cycle: Cycle) -> Fraction:
        """Once it has ended, and has taken over what waits for it."""
        ended = copy.deepcopy(self.model)
        ended.end_cycle(ended.cycles[cycle.number])
        return ended.to_allocate(ended.cycles[cycle.number])

    def _settle(self, cycle: Cycle, event: Callable[[], object]) -> None:
        rulebook = self.in_force(cycle.ends_at - timedelta(microseconds=1))
        loss = self._left_to_allocate(cycle)
        allocation = allocate(decimal_of(loss), list(cycle.profits.values()), rulebook=rulebook, decimals=self.decimals)

        def expected(model: Model) -> None:
            settled = model.cycles[cycle.number]
            model.end_cycle(settled)
            model.settle_cycle(settled, allocation, rulebook)

        self.tell(event, expected, again=False)
        self.replay(event)
        self.replays_unless_reversed.append(event)
        kept = models.Allocation.objects.filter(cycle_id=cycle.id, run=models.Cycle.objects.get(pk=cycle.id).run)
        booked = kept.order_by("rank").values_list("position", "trader", "rank", "profit", "amount")
        assert list(booked) == [
            (share.position, share.trader, share.rank, share.profit, share.amount) for share in allocation.rows
        ]
        assert all(share.amount <= share.profit * rulebook.allocation_cap for share in allocation.rows)

    def reverse_cycle(self, number: int) -> None:
        cycle = self.model.cycles[number]
        # A settlement that booked nothing leaves no reversal by which it would be known.
        booked = any(any(entry.values()) for entry in cycle.settlement.entries)
        self._correct(
            lambda named, at: reverse_cycle(cycle_id=cycle.id, reference=named, effective_at=at),
            lambda model: model.reverse_cycle(model.cycles[number]),
            again=booked,
        )
