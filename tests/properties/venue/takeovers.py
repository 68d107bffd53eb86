"""Takeovers, from the report of one to its last fill, and their corrections."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fund import open_positions
from fund.open_positions import PositionRow
from liquidation import corrections
from liquidation.closes import close_takeover
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.fills import FillReport, report_fills
from liquidation.takeovers import TakeoverReport, report_takeovers
from liquidation.unfilled import Next, Unfilled, report_unfilled
from tests.properties.model import BALANCE, FUND, Model, Takeover
from tests.properties.rulebooks import Published
from tests.properties.venue.contracts import BY_SYMBOL, SIDES
from tests.properties.venue.inventory import Inventory


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A takeover about to happen."""

    contract: str
    trader: str
    side: int
    quantity: Decimal
    price: Decimal
    margin: Decimal
    mark: Decimal


class Takeovers(Inventory):
    """What nobody takes goes to the inventory where there is room, or to counterparties with open positions."""

    def __init__(self, *, decimals: int, published: Published) -> None:
        super().__init__(decimals=decimals, published=published)
        self.positions: dict[str, PositionRow] = {}

    def takeovers(self, *statuses: str) -> list[Takeover]:
        return [takeover for takeover in self.model.takeovers.values() if takeover.status in statuses]

    def take_over(self, batch: Sequence[Taken], *, late: int = 0) -> None:
        """All in one call."""
        at, recorded_at = self._late(late), self.now
        for symbol in sorted({taken.contract for taken in batch} - self._contracts):
            self._add_contract(BY_SYMBOL[symbol])
        made = [
            Takeover(
                reference=self._reference("t"),
                contract=BY_SYMBOL[taken.contract],
                trader=taken.trader,
                side=taken.side,
                quantity=Fraction(taken.quantity),
                price=Fraction(taken.price),
                margin=Fraction(taken.margin),
                mark=Fraction(taken.mark),
                rulebook=self.in_force(at),
            )
            for taken in batch
        ]
        reports = [
            TakeoverReport(
                reference=takeover.reference,
                contract=taken.contract,
                trader=taken.trader,
                side=SIDES[taken.side],
                quantity=taken.quantity,
                bankruptcy_price=taken.price,
                margin=taken.margin,
                taken_over_at=at,
                mark_price=taken.mark,
            )
            for takeover, taken in zip(made, batch, strict=True)
        ]

        def expected(model: Model) -> None:
            for takeover in made:
                model.take_over(takeover)

        self.tell(lambda: report_takeovers(reports, recorded_at=recorded_at), expected)

    def fill(
        self,
        reference: str,
        quantity: Decimal,
        *,
        price: Decimal | None = None,
        pnl: Decimal | None = None,
        fee: Decimal,
        late: int = 0,
    ) -> None:
        """In the market; the last quantity closes the takeover, and more than that is refused."""
        report = FillReport(
            reference=self._reference("f"),
            takeover=reference,
            quantity=quantity,
            price=price,
            pnl=pnl,
            fee=fee,
            filled_at=self._late(late),
        )
        recorded_at = self.now

        def event() -> object:
            return report_fills([report], recorded_at=recorded_at)

        def expected(model: Model) -> None:
            model.fill(
                model.takeovers[reference],
                report.reference,
                Fraction(quantity),
                price=None if price is None else Fraction(price),
                pnl=Fraction(pnl or 0),
                fee=Fraction(fee),
            )

        takeover = self.model.takeovers[reference]
        if takeover.status == "closed":
            self.refused("takeover_closed", event)
        elif takeover.status == "reversed":
            self.refused("takeover_reversed", event)
        elif quantity > takeover.remaining:
            self.refused("fill_exceeds_remaining", event)
        else:
            self.tell(event, expected, at=report.filled_at)

    def close(self, reference: str) -> None:
        """By hand: again after a correction, where nothing remains."""
        takeover, at = self.model.takeovers[reference], self.now

        def event() -> object:
            return close_takeover(reference=reference, closed_at=at)

        if takeover.status == "reversed":
            self.refused("takeover_reversed", event)
        elif takeover.remaining:
            self.refused("takeover_not_filled", event)
        elif takeover.status == "closed":
            event()
        else:
            self.tell(event, lambda model: model.settle(model.takeovers[reference]), again=False)

    def nobody_takes(self, reference: str, mark: Decimal) -> Unfilled:
        """The rest goes to the fund where it has room for it; the answer says what is next where it has not."""
        takeover, at = self.model.takeovers[reference], self.now
        rulebook, contract = takeover.rulebook, takeover.contract
        price = takeover.price if rulebook.takeover_valuation == "bankruptcy" else Fraction(mark)
        room = rulebook.inventory is not None and (
            self._carried_with(contract, takeover.side, takeover.remaining, price)
            <= Fraction(rulebook.inventory.max_notional_share) * (self.model.balances[BALANCE] + takeover.reserved)
        )
        answers: list[Unfilled] = []

        def expected(model: Model) -> None:
            if room:
                taken = answers[0].taken
                assert taken is not None
                assert taken.price == price
                model.take_into_inventory(model.takeovers[reference], taken.reference, price)

        def event() -> object:
            answers.append(report_unfilled(reference=reference, reported_at=at, mark_price=mark))
            assert (answers[0].next is Next.INVENTORY) == room
            return answers[0]

        self.tell(event, expected, again=False)
        if room:
            self.replays_unless_reversed.append(event)
        if answers[0].next is Next.MARKET:
            assert rulebook.adl is None or rulebook.adl.trigger != "unfilled"
        return answers[0]

    def deleverage(self, reference: str, answer: Unfilled, mark: Decimal) -> None:
        """Counterparties are closed as the queue has them, at most as many as an answer shows."""
        ranking = answer.ranking
        if ranking is None or not ranking.cut.fills:
            return
        event_reference, at = self._reference("a"), self.now
        fills = [
            Counterparty(trader=fill.trader, position=fill.position, quantity=fill.quantity)
            for fill in ranking.cut.fills
        ]
        closed = [
            (fill.trader, Fraction(fill.quantity), Fraction(self.positions[fill.position].entry_price))
            for fill in fills
        ]

        def event() -> object:
            return report_adl(
                reference=event_reference,
                takeover=reference,
                fills=fills,
                occurred_at=at,
                mark_price=mark,
                recorded_at=at,
            )

        def expected(model: Model) -> None:
            model.deleverage(model.takeovers[reference], event_reference, Fraction(ranking.price), closed)

        self.tell(event, expected)

    def open_positions(self, rows: Sequence[PositionRow]) -> None:
        self.positions = {row.position: row for row in rows}
        open_positions.replace_positions(fund_code=FUND, rows=rows)

    def reverse_fill(self, reference: str, fill: str) -> None:
        self._correct(
            lambda named, at: corrections.reverse_fill(fill, reference=named, effective_at=at),
            lambda model: model.reverse_fill(model.takeovers[reference], fill),
        )

    def reverse_close(self, reference: str) -> None:
        self._correct(
            lambda named, at: corrections.reverse_close(reference, reference=named, effective_at=at),
            lambda model: model.reopen(model.takeovers[reference]),
        )

    def reverse_takeover(self, reference: str) -> None:
        self._correct(
            lambda named, at: corrections.reverse_takeover(reference, reference=named, effective_at=at),
            lambda model: model.reverse_takeover(model.takeovers[reference]),
        )
