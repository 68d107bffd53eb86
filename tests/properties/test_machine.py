"""The real services against the model, on the real database: whatever is told, in whatever order."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import TypeVar
from unittest import TestCase

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.properties.amounts import SYMBOLS, amounts, moves, open_positions, profits, quantities, taken
from tests.properties.examples import on_the_books
from tests.properties.model import Cycle, Takeover
from tests.properties.rulebooks import rulebooks
from tests.properties.venue import TRADERS, Venue, decimal_of, rolled_back

LATENESS = st.sampled_from((0, 0, 0, 3, 5000))
STEPS = 25
T = TypeVar("T")


class Books(RuleBasedStateMachine):
    """One fund's story, in a transaction that is rolled back. Its currency has `decimals` digits after the point."""

    decimals = 2

    def __init__(self) -> None:
        super().__init__()
        self.venue: Venue
        self._example = rolled_back()
        self._example.__enter__()

    def teardown(self) -> None:
        try:
            if hasattr(self, "venue"):
                self.venue.verify()
        finally:
            self._example.__exit__(None, None, None)

    @initialize(data=st.data())
    def books_opened(self, data: st.DataObject) -> None:
        published = data.draw(rulebooks(), label="rulebook")
        self.venue = Venue(
            decimals=self.decimals,
            published=published,
            contribution=data.draw(amounts(self.decimals), label="contribution"),
        )
        self.venue.open_cycle(data.draw(st.sampled_from((8, 1000, 1000)), label="seconds"))

    @rule(data=st.data(), what=st.sampled_from(("deposit", "pay_out", "contribute", "withdraw", "reject")))
    def money_moves(self, data: st.DataObject, what: str) -> None:
        amount = data.draw(amounts(self.decimals, least=1), label="amount")
        match what:
            case "deposit":
                self.venue.deposit(self.one_of(data, TRADERS), amount)
            case "pay_out":
                self.venue.pay_out(self.one_of(data, TRADERS), amount)
            case "contribute":
                self.venue.contribute(amount, source=self.one_of(data, ("treasury", "custody")))
            case _:
                self.venue.withdraw(amount, approve=what == "withdraw")

    @rule(data=st.data())
    def rulebook_published(self, data: st.DataObject) -> None:
        self.venue.publish(data.draw(rulebooks(), label="rulebook"))

    @rule(data=st.data(), late=LATENESS, then=st.sampled_from(("nothing", "filled", "unfilled")))
    def takeovers_reported(self, data: st.DataObject, late: int, then: str) -> None:
        """One or a few in one call; perhaps the market takes them at once, or nobody does."""
        known = set(self.venue.model.takeovers)
        batch = data.draw(st.lists(taken(self.decimals), min_size=1, max_size=3), label="taken over")
        self.venue.take_over(batch, late=late)
        for takeover in [each for each in self.venue.takeovers("open") if each.reference not in known]:
            if then == "filled":
                self.fill(data, takeover, decimal_of(takeover.quantity), late=0)
            elif then == "unfilled":
                self.unfilled(data, takeover)

    @precondition(lambda self: self.venue.takeovers("open"))
    @rule(data=st.data(), late=LATENESS)
    def rest_filled(self, data: st.DataObject, late: int) -> None:
        takeover = self.one_of(data, self.venue.takeovers("open"))
        if takeover.remaining:
            self.fill(data, takeover, decimal_of(takeover.remaining), late=late)
        else:
            self.venue.close(takeover.reference)

    @precondition(lambda self: self.venue.model.takeovers)
    @rule(data=st.data(), quantity=quantities(), late=LATENESS)
    def part_filled(self, data: st.DataObject, quantity: Decimal, late: int) -> None:
        """Also of one that is closed or reversed, and of more than is left: refused."""
        self.fill(data, self.one_of(data, list(self.venue.model.takeovers.values())), quantity, late=late)

    @precondition(lambda self: self.venue.model.takeovers)
    @rule(data=st.data())
    def closed_by_hand(self, data: st.DataObject) -> None:
        self.venue.close(self.one_of(data, list(self.venue.model.takeovers)))

    @precondition(lambda self: any(takeover.remaining for takeover in self.venue.takeovers("open")))
    @rule(data=st.data())
    def nobody_takes(self, data: st.DataObject) -> None:
        self.unfilled(data, self.one_of(data, [each for each in self.venue.takeovers("open") if each.remaining]))

    @rule(data=st.data(), part=st.sampled_from((Fraction(1, 3), Fraction(1), Fraction(2))), moved=moves())
    def own_position_disposed_of(self, data: st.DataObject, part: Fraction, moved: Decimal) -> None:
        """Of the fund's own; more than it holds is refused."""
        symbol = self.one_of(data, sorted(self.venue.model.held) or SYMBOLS)
        held = self.venue.model.held[symbol]
        quantity = max(round(held.quantity * part, 3), Fraction(1, 1000))
        price = Decimal(f"{float(held.price or 100):.2f}") * moved or moved
        fee = data.draw(amounts(self.decimals), label="fee")
        self.venue.dispose(symbol, decimal_of(quantity), price=price, fee=fee)

    @rule(seconds=st.sampled_from((1, 5, 60)))
    def cycle_opened(self, seconds: int) -> None:
        if len(self.venue.model.cycles) < 4:
            self.venue.open_cycle(seconds)

    @rule(data=st.data(), complete=st.booleans())
    def profits_reported(self, data: st.DataObject, complete: bool) -> None:
        rows = data.draw(profits(self.decimals), label="profits")
        self.venue.add_positions(self.cycle(data).number, rows, complete=complete)

    @rule(data=st.data(), ready=st.sampled_from((True, True, False)), loses=st.integers(0, 2))
    def cycle_settled(self, data: st.DataObject, ready: bool, loses: int) -> None:
        """After so many losses more, with all it needs; or perhaps before its time: then it is refused."""
        for _ in range(loses):
            self.lose(data)
        unsettled = [each for each in self.venue.model.cycles.values() if each.status != "settled"]
        cycle = max(unsettled, key=self.venue.model.to_allocate, default=None) or self.cycle(data)
        if ready and cycle.status != "settled" and not cycle.complete:
            rows = data.draw(profits(self.decimals), label="profits")
            self.venue.add_positions(cycle.number, rows, complete=True)
        self.venue.settle(cycle.number)

    @rule(data=st.data())
    def corrected(self, data: st.DataObject) -> None:
        """Anything that can be reversed: a fill, a close, a takeover, a disposal or a settlement."""
        kinds = self.reversals()
        if kinds:
            self.one_of(data, self.one_of(data, kinds))()

    @precondition(lambda self: self.venue.replays)
    @rule(data=st.data())
    def told_again(self, data: st.DataObject) -> None:
        self.venue.replay(self.one_of(data, self.venue.replays))

    @invariant()
    def books_say_what_the_model_says(self) -> None:
        self.venue.check()

    def one_of(self, data: st.DataObject, choices: Sequence[T]) -> T:
        return choices[data.draw(st.integers(0, len(choices) - 1))]

    def cycle(self, data: st.DataObject) -> Cycle:
        return self.one_of(data, list(self.venue.model.cycles.values()))

    def fill(self, data: st.DataObject, takeover: Takeover, quantity: Decimal, *, late: int) -> None:
        """At a price, or with a result that the venue tells itself."""
        fee = data.draw(st.just(Decimal(0)) | amounts(self.decimals), label="fee")
        price = decimal_of(takeover.price) * data.draw(moves(), label="moved")
        if price and data.draw(st.integers(0, 2), label="priced"):
            self.venue.fill(takeover.reference, quantity, price=price, fee=fee, late=late)
            return
        result = data.draw(amounts(self.decimals), label="result") * self.one_of(data, (1, -1, -1))
        self.venue.fill(takeover.reference, quantity, pnl=result, fee=fee, late=late)

    def lose(self, data: st.DataObject) -> None:
        """A takeover that the market takes at a loss at once."""
        self.venue.take_over([data.draw(taken(self.decimals), label="taken over")])
        takeover = list(self.venue.model.takeovers.values())[-1]
        loss = data.draw(amounts(self.decimals, least=1), label="loss")
        self.venue.fill(takeover.reference, decimal_of(takeover.quantity), pnl=-loss, fee=Decimal(0))

    def unfilled(self, data: st.DataObject, takeover: Takeover) -> None:
        """The rest goes to the fund, to counterparties as far as there are any, or waits."""
        mark = decimal_of(takeover.mark) * data.draw(moves(), label="moved")
        rows = data.draw(open_positions(takeover.contract.symbol, mark), label="open positions")
        self.venue.open_positions(rows)
        answer = self.venue.nobody_takes(takeover.reference, mark)
        self.venue.deleverage(takeover.reference, answer, mark)

    def reversals(self) -> list[list[Callable[[], None]]]:
        """By kind, those of which there are any."""
        venue = self.venue
        closed, standing = venue.takeovers("closed"), venue.takeovers("open", "closed")
        settled = [cycle for cycle in venue.model.cycles.values() if cycle.status == "settled"]
        disposals = [name for name in venue.model.changes if name.startswith("d")]
        kinds: list[list[Callable[[], None]]] = [
            [partial(venue.reverse_takeover, each.reference) for each in standing],
            [partial(venue.reverse_fill, each.reference, fill) for each in standing for fill in each.fills],
            [partial(venue.reverse_close, each.reference) for each in closed],
            [partial(venue.reverse_disposal, name) for name in disposals],
            [partial(venue.reverse_cycle, each.number) for each in settled],
        ]
        return [kind for kind in kinds if kind]


class BooksOfWholeUnits(Books):
    decimals = 0


class BooksOfEightDecimals(Books):
    decimals = 8


class BooksOfEighteenDecimals(Books):
    decimals = 18


def _case(machine: type[Books]) -> type[TestCase]:
    case: type[TestCase] = machine.TestCase
    case.settings = settings(on_the_books(), stateful_step_count=STEPS)  # type: ignore[attr-defined]
    return case


TestBooksOfCents = _case(Books)
TestBooksOfWholeUnits = _case(BooksOfWholeUnits)
TestBooksOfEightDecimals = _case(BooksOfEightDecimals)
TestBooksOfEighteenDecimals = _case(BooksOfEighteenDecimals)
