"""Takeovers: begun, closed part by part in the market, with counterparties or by the fund itself, and reversed."""

from collections.abc import Iterable
from fractions import Fraction

from tests.properties.model.accounts import BALANCE, ENGINE, FEES, RESERVED, TREASURY, trader
from tests.properties.model.books import Move
from tests.properties.model.inventory import Inventory
from tests.properties.model.records import ZERO, Booked, Fill, Held, Takeover


class Takeovers(Inventory):
    """What nobody takes may become the fund's own, so takeovers stand on its inventory."""

    def __init__(self, decimals: int) -> None:
        super().__init__(decimals)
        self.takeovers: dict[str, Takeover] = {}

    def take_over(self, takeover: Takeover) -> None:
        self.takeovers[takeover.reference] = takeover
        contract, owed = takeover.contract, trader(takeover.trader)
        if takeover.rulebook.takeover_valuation == "mark":
            exact = contract.profit(takeover.side, takeover.quantity, takeover.price, takeover.mark)
            takeover.leftover = self.house(contract, exact)
        to_clearing = takeover.margin - takeover.leftover
        self.book(takeover.beginning, (owed, contract.clearing, to_clearing), (owed, ENGINE, takeover.leftover))
        rules = takeover.rulebook.precompensation
        if rules is not None:
            share = self.down(self.balances[BALANCE] * Fraction(rules.share_of_fund))
            caps = [cap for cap in (rules.per_takeover_cap, takeover.rulebook.fund_per_event_cap) if cap is not None]
            takeover.reserved = min(share, self.spendable(takeover.rulebook), *map(Fraction, caps))
            self.book(takeover.beginning, (BALANCE, RESERVED, takeover.reserved))

    def fill(
        self,
        takeover: Takeover,
        reference: str,
        quantity: Fraction,
        *,
        price: Fraction | None,
        pnl: Fraction = ZERO,
        fee: Fraction = ZERO,
        beside: Iterable[Move] = (),
        own: Booked | None = None,
    ) -> None:
        """Close a part; the last part settles the takeover. `price` None: the result is told."""
        contract, booked = takeover.contract, Booked()
        result, at = pnl, takeover.price if price is None else price
        if price is not None:
            result = self.house(contract, contract.profit(takeover.side, quantity, takeover.price, price))
        leftover = self.near(takeover.take_part(quantity))
        payer = ENGINE if takeover.rulebook.cost_policy == "net" else TREASURY
        self.book(booked, (contract.clearing, ENGINE, result - leftover), (payer, FEES, fee), *beside)
        takeover.fills[reference] = Fill(
            at=self.at,
            quantity=quantity,
            result=result,
            fee=fee,
            leftover=leftover,
            notional=contract.notional(quantity, at),
            booked=booked,
            own=own,
        )
        if not takeover.remaining:
            # In whatever order the parts were told, it was closed with the latest of them.
            self.at = max(fill.at for fill in takeover.fills.values())
            self.settle(takeover)

    def settle(self, takeover: Takeover) -> None:
        closing, result = Booked(), takeover.result
        takeover.status, takeover.closing = "closed", closing
        if result > 0:
            self.share_surplus(takeover, closing, result)
        elif result < 0:
            parts = self.parts_of_loss(-result, takeover.reserved, takeover.rulebook)
            self.cover(closing, parts, {ENGINE: -result})
        self.book(closing, (RESERVED, BALANCE, takeover.reserved - closing.parts.get("reserved", ZERO)))

    def take_into_inventory(self, takeover: Takeover, reference: str, price: Fraction) -> None:
        """All that remains, from the engine at B; what it closes of a position on the other side is realised."""
        contract, quantity, own = takeover.contract, takeover.remaining, Booked()
        before = self.held[contract.symbol]
        own.held = (contract.symbol, before)
        closed = min(before.quantity, quantity) if before.side == -takeover.side else ZERO
        realised = self.reduce(contract, closed, price) if closed else ZERO
        held, added = self.held[contract.symbol], quantity - closed
        if added:
            mean = contract.mean((held.quantity, held.price), (added, price)) if held.quantity else price
            self.held[contract.symbol] = Held(side=takeover.side, quantity=held.quantity + added, price=mean)
        realised += contract.profit(takeover.side, quantity, takeover.price, price)
        self.own_result(own, contract, self.house(contract, realised), ZERO, takeover.rulebook)
        self.changes[reference] = own
        self.fill(takeover, reference, quantity, price=takeover.price or None, own=own)

    def deleverage(
        self,
        takeover: Takeover,
        reference: str,
        price: Fraction,
        closed: Iterable[tuple[str, Fraction, Fraction]],
    ) -> None:
        """`(trader, quantity, entry price)` of each counterparty, closed at `price`."""
        contract, quantity, beside = takeover.contract, ZERO, []
        for name, part, entry in closed:
            exact = contract.profit(-takeover.side, part, entry, price)
            booked = self.down(exact) if contract.kind == "inverse" else self.near(exact)
            beside.append((contract.clearing, trader(name), booked))
            quantity += part
        self.fill(takeover, reference, quantity, price=price or None, beside=beside)

    def reopen(self, takeover: Takeover) -> None:
        """Take back what became of a closed takeover's result."""
        self._must_be_last(takeover.closing)
        self.take_back(takeover.closing)
        takeover.status, takeover.closing = "open", Booked()

    def reverse_fill(self, takeover: Takeover, reference: str) -> None:
        self._must_be_last(takeover.closing, takeover.fills[reference].own)
        self.reopen(takeover)
        self._take_back_fill(takeover, reference)

    def reverse_takeover(self, takeover: Takeover) -> None:
        self._must_be_last(takeover.closing, *(fill.own for fill in takeover.fills.values()))
        self.reopen(takeover)
        for reference in reversed(list(takeover.fills)):
            self._take_back_fill(takeover, reference)
        self.take_back(takeover.beginning)
        takeover.status = "reversed"

    def _take_back_fill(self, takeover: Takeover, reference: str) -> None:
        fill = takeover.fills.pop(reference)
        if fill.own is not None:
            self._restore(self.changes.pop(reference))
        self.take_back(fill.booked)
