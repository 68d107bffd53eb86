"""A venue that tells the real services what happens, and its model the same; what is refused, both refuse."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import transaction

from fund import cycles, funds, open_positions, positions, rulebooks, transfers
from fund.models import Allocation, Fund, Shortfall
from fund.models import Cycle as Cycles
from fund.open_positions import PositionRow
from fund.positions import PositionProfit
from fund.rulebook import Rulebook
from fund.rules import Profit, allocate
from fund.settlement import reverse_cycle, settle_cycle
from ledger.errors import Refused
from ledger.integrity import verify
from ledger.manual import ManualEntry, record_entries
from ledger.models import Account
from ledger.money import total
from ledger.posting import Line
from liquidation import corrections
from liquidation.closes import close_takeover
from liquidation.contracts import add_contract
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.fills import FillReport, report_fills
from liquidation.inventory import dispose
from liquidation.takeovers import TakeoverReport, report_takeovers
from liquidation.unfilled import Next, Unfilled, report_unfilled
from tests.builders import moment, open_currency
from tests.properties.model import (
    BALANCE,
    CURRENCY,
    CUSTODY,
    DEFICIT,
    FUND,
    TREASURY,
    Booked,
    Contract,
    Cycle,
    Model,
    Refusal,
    Takeover,
    trader,
)
from tests.properties.rulebooks import Published

CONTRACTS = (
    Contract(symbol="LIN", kind="linear", multiplier=Fraction(1, 1000)),
    Contract(symbol="INV", kind="inverse", multiplier=Fraction(100)),
    Contract(symbol="QUA", kind="quanto", multiplier=Fraction(3)),
)
BY_SYMBOL = {contract.symbol: contract for contract in CONTRACTS}
TRADERS = ("ann", "bob", "cid")
SIDES = {1: "long", -1: "short"}

Expected = Callable[[Model], object]


@contextmanager
def rolled_back() -> Iterator[None]:
    """Nothing that happens inside is kept."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


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


class Venue:
    def __init__(self, *, decimals: int, published: Published, contribution: Decimal) -> None:
        self.decimals, self.model = decimals, Model(decimals)
        self.clock = 0
        # What changes nothing when it is told again: ever, or as long as nothing was reversed.
        self.replays: list[Callable[[], object]] = []
        self.replays_unless_reversed: list[Callable[[], object]] = []
        self.versions: list[tuple[datetime, Rulebook]] = [(rulebooks.BEGINNING, published.rulebook(decimals))]
        self.positions: dict[str, PositionRow] = {}
        self._references = 0
        self._contracts: set[str] = set()
        self.fund = funds.open_fund(
            code=FUND,
            currency=open_currency(CURRENCY, decimals=decimals),
            preset=published.preset,
            fields=published.fields,
            opened_at=moment(),
            opened_by="founder",
        )
        if contribution:
            self.contribute(contribution, source="treasury")

    @property
    def now(self) -> datetime:
        return moment(self.clock)

    def takeovers(self, *statuses: str) -> list[Takeover]:
        return [takeover for takeover in self.model.takeovers.values() if takeover.status in statuses]

    def in_force(self, at: datetime) -> Rulebook:
        started = [version for since, version in self.versions if since <= at]
        return started[-1]

    def tell(
        self, event: Callable[[], object], expected: Expected, *, at: datetime | None = None, again: bool = True
    ) -> bool:
        """The service and the model do the same, or both refuse. Returns whether it happened.

        `at`: when it did, where that is not now. `again`: told again, it changes nothing.
        """
        self.model.at = at or self.now
        self.clock += 1
        code = self._outcome(event)
        if code is not None:
            with pytest.raises(Refusal, match=rf"^{code}$"):
                expected(copy.deepcopy(self.model))
            return False
        expected(self.model)
        if again:
            self.replays.append(event)
        return True

    def refused(self, code: str, event: Callable[[], object]) -> None:
        """It is refused with that code, and nothing moves."""
        before = self.balances()
        assert self._outcome(event) == code
        assert self.balances() == before

    @staticmethod
    def _outcome(event: Callable[[], object]) -> str | None:
        """Code of the refusal, None where it happened."""
        try:
            with transaction.atomic():
                event()
        except Refused as refused:
            return refused.code
        return None

    def deposit(self, name: str, amount: Decimal) -> None:
        self._manual("deposit", CUSTODY, trader(name), amount)

    def pay_out(self, name: str, amount: Decimal) -> None:
        self._manual("withdrawal", trader(name), CUSTODY, amount)

    def contribute(self, amount: Decimal, *, source: str) -> None:
        reference, at = self._reference("c"), self.now
        giver = TREASURY if source == "treasury" else CUSTODY

        def event() -> object:
            return transfers.contribute(
                reference=reference,
                fund_code=FUND,
                amount=amount,
                source=source,
                requested_by="treasurer",
                effective_at=at,
            )

        self.tell(event, lambda model: model.book(Booked(), (giver, BALANCE, Fraction(amount))))

    def withdraw(self, amount: Decimal, *, approve: bool) -> None:
        """Asked for by one person and decided on by another; more than is spendable is refused at once."""
        reference, at = self._reference("w"), self.now

        def request() -> object:
            return transfers.request_withdrawal(
                reference=reference, fund_code=FUND, amount=amount, requested_by="treasurer", requested_at=at
            )

        def decide(person: str) -> object:
            if approve:
                return transfers.approve_withdrawal(reference=reference, approved_by=person, decided_at=at)
            return transfers.reject_withdrawal(reference=reference, rejected_by=person, decided_at=at)

        if amount > self.model.spendable(self.in_force(at)):
            self.refused("fund_balance_insufficient", request)
            return
        request()
        if approve:
            self.refused("withdrawal_same_person", lambda: decide("treasurer"))
        moved = Fraction(amount) if approve else Fraction(0)
        self.tell(lambda: decide("director"), lambda model: model.book(Booked(), (BALANCE, TREASURY, moved)))
        self.replays.append(request)

    def publish(self, published: Published) -> None:
        reference, at = self._reference("r"), self.now

        def event() -> object:
            return rulebooks.publish(
                fund_code=FUND,
                preset=published.preset,
                fields=published.fields,
                effective_from=at,
                published_at=at,
                published_by="treasurer",
                reference=reference,
            )

        self.tell(event, lambda model: None)
        self.versions.append((at, published.rulebook(self.decimals)))

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

    def dispose(self, symbol: str, quantity: Decimal, *, price: Decimal, fee: Decimal) -> None:
        reference, at = self._reference("d"), self.now
        rulebook, contract = self.in_force(at), BY_SYMBOL[symbol]
        if symbol not in self._contracts:
            self._add_contract(contract)

        def event() -> object:
            return dispose(
                reference=reference,
                contract=symbol,
                price=price,
                quantity=quantity,
                fee=fee,
                disposed_at=at,
                recorded_at=at,
            )

        def expected(model: Model) -> None:
            model.dispose(
                reference, contract, Fraction(quantity), price=Fraction(price), fee=Fraction(fee), rulebook=rulebook
            )

        if quantity > self.model.held[symbol].quantity:
            self.refused("inventory_insufficient", event)
        else:
            self.tell(event, expected)

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

    def reverse_disposal(self, disposal: str) -> None:
        self._correct(
            lambda named, at: corrections.reverse_disposal(disposal, reference=named, effective_at=at),
            lambda model: model.reverse_disposal(disposal),
        )

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
        kept = Allocation.objects.filter(cycle_id=cycle.id, run=Cycles.objects.get(pk=cycle.id).run)
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

    def replay(self, event: Callable[[], object]) -> None:
        """What was told once is told again: nothing changes."""
        before = self.balances()
        event()
        assert self.balances() == before

    def balances(self) -> dict[str, Fraction]:
        """Credits less debits of every account that is not even."""
        rows = Account.objects.filter(version__gt=0).values_list("code", "debits", "credits")
        return {code: Fraction(credits) - Fraction(debits) for code, debits, credits in rows if credits != debits}

    def check(self) -> None:
        """The books say what the model says, and what any books must whatever it says."""
        model, balances = self.model, self.balances()
        assert sum(balances.values()) == 0
        assert balances.get(BALANCE, 0) >= 0
        for loss in Shortfall.objects.filter(fund=self.fund):
            borne = (loss.fund_paid, loss.reserved_used, loss.to_allocate, loss.treasury_paid, loss.carried)
            assert sum(map(Fraction, borne)) == loss.loss
        assert balances == {code: balance for code, balance in model.balances.items() if balance}
        fund = Fund.objects.get(pk=self.fund.pk)
        assert fund.gross_injections == model.counted["injected"]
        assert fund.gross_payouts == model.counted["paid"]
        assert -model.balances[DEFICIT] == model.counted["carried"] - model.counted["repaid"]

    def verify(self) -> None:
        """Every identity of the books, from the postings alone."""
        found = verify()
        assert found.clean, "; ".join(map(str, found.findings))

    def _add_contract(self, contract: Contract) -> None:
        """At the first need of it: most stories trade one, and each is a call of a service."""
        add_contract(
            symbol=contract.symbol,
            kind=contract.kind,
            margin_currency=CURRENCY,
            multiplier=decimal_of(contract.multiplier),
            fund_code=FUND,
            created_at=moment(),
        )
        self._contracts.add(contract.symbol)

    def _correct(self, event: Callable[[str, datetime], object], expected: Expected, *, again: bool = True) -> None:
        named, at = self._reference("x"), self.now
        self.tell(lambda: event(named, at), expected, again=again)

    def _manual(self, kind: str, debited: str, credited: str, amount: Decimal) -> None:
        recorded_at = self.now
        entry = ManualEntry(
            reference=self._reference("m"),
            kind=kind,
            lines=[Line(debited, debit=amount), Line(credited, credit=amount)],
            effective_at=recorded_at,
            description="",
        )
        self.tell(
            lambda: record_entries([entry], recorded_at=recorded_at),
            lambda model: model.book(Booked(), (debited, credited, Fraction(amount))),
        )

    def _reference(self, noun: str) -> str:
        self._references += 1
        return f"{noun}{self._references}"

    def _late(self, seconds: int) -> datetime:
        return moment(max(self.clock - seconds, 0))

    def _carried_with(self, contract: Contract, side: int, quantity: Fraction, price: Fraction) -> Fraction:
        """Notional of the fund's own positions, at carrying prices, with this one beside them."""
        size = Fraction(0)
        for symbol, held in self.model.held.items():
            left = held.quantity
            if symbol == contract.symbol and held.side == -side:
                left -= min(held.quantity, quantity)
                quantity -= held.quantity - left
            size += BY_SYMBOL[symbol].notional(left, held.price) if left else 0
        return size + (contract.notional(quantity, price) if price else 0)


def decimal_of(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
