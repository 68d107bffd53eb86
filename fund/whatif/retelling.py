"""A cycle's record told again under a rulebook, up to its settlement. Pure: nothing is read and nothing is booked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from fund.holdings import Terms
from fund.rulebook import AdlPrice, CostPolicy, Rulebook, TakeoverValuation
from fund.rules import (
    PEAK_WITHIN,
    Drawdown,
    adl_is_due,
    book_for_engine,
    compensation_budget,
    falls_short,
    for_own_positions,
    repay_deficit,
    split_loss,
    split_surplus,
)
from fund.whatif.positions import OwnPositions
from fund.whatif.record import Disposal, Moved, Outcome, Record, Unsold
from ledger.money import EXACT, round_half_even

ZERO = Decimal(0)

Step = Outcome | Disposal | Moved
# Of what one entry stands for, what comes first.
_OPENS, _CLOSES = 0, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Retold:
    """What the cycle comes to before it is settled, in the fund's currency.

    `loss` is the sum of the five parts after it. `injected`: what surpluses brought the fund, before any repayment.
    `inventory`: what the positions that the fund then holds of its own bring at the last known mark.
    """

    loss: Decimal
    fund_paid: Decimal
    reserved_used: Decimal
    to_allocate: Decimal
    treasury_paid: Decimal
    carried: Decimal
    injected: Decimal
    fund_balance: Decimal
    deficit: Decimal
    adl_notional: Decimal
    inventory: Decimal


def retell(record: Record, rulebook: Rulebook) -> Retold:
    """The same takeovers, under `rulebook` from the first to the last.

    The market is as it was: what it took, it takes again at the same price. What it did not take goes where this
    rulebook sends it: to the fund's inventory, to counterparties, or, where it does neither, it is sold at the mark
    price. What the fund held of its own and disposed of, it disposes of again as far as it holds it.
    """
    told = _Retelling(record, rulebook)
    for _, phase, step in sorted(_moments(record.steps), key=lambda each: each[:2]):
        match step:
            case Outcome() if phase == _OPENS:
                told.open(step)
            case Outcome():
                told.close(step)
            case Disposal():
                told.dispose(step)
            case Moved():
                told.move(step)
    return told.result()


def _moments(steps: Iterable[Step]) -> Iterable[tuple[int, int, Step]]:
    """Each step at its entry; a takeover twice, since its rulebook may set something aside before the close."""
    for step in steps:
        if isinstance(step, Outcome):
            yield step.opened, _OPENS, step
            yield step.closed, _CLOSES, step
        else:
            yield step.order, _CLOSES, step


class _Retelling:
    """The fund as the steps so far leave it."""

    def __init__(self, record: Record, rulebook: Rulebook) -> None:
        self._rulebook, self._decimals = rulebook, record.decimals
        self._balance, self._deficit = record.opening_balance, record.opening_deficit
        # Set aside in all, and of that by the cycle's own.
        self._set_aside, self._reserved = record.opening_reserved, dict[str, Decimal]()
        self._own = OwnPositions(record.owned)
        # When the fund moved, by how much, and how much of that was a result.
        self._path: list[tuple[datetime, Decimal, Decimal]] = []
        self._sums = dict.fromkeys(
            ("loss", "fund_paid", "reserved_used", "to_allocate", "treasury_paid", "carried", "injected"), ZERO
        )
        self._adl_notional = Fraction(0)

    def result(self) -> Retold:
        return Retold(
            **self._sums,
            fund_balance=self._balance,
            deficit=self._deficit,
            adl_notional=round_half_even(self._adl_notional, self._decimals),
            inventory=round_half_even(self._own.unrealised(), self._decimals),
        )

    def open(self, outcome: Outcome) -> None:
        """What the rulebook sets aside before the close."""
        budget = compensation_budget(fund_balance=self._balance, rulebook=self._rulebook, decimals=self._decimals)
        if budget:
            self._reserved[outcome.source[1]] = budget
            self._balance = EXACT.subtract(self._balance, budget)
            self._set_aside = EXACT.add(self._set_aside, budget)

    def close(self, outcome: Outcome) -> None:
        before, reserved = self._held(), self._reserved.pop(outcome.source[1], ZERO)
        result, size = outcome.sold, outcome.notional
        if self._rulebook.cost_policy is CostPolicy.NET:
            result = EXACT.subtract(result, outcome.costs)
        if outcome.unsold is not None:
            brought, price = self._place(outcome.unsold, result, reserved, outcome.at)
            result = EXACT.add(result, brought)
            size += outcome.unsold.notional_at(price)
        used = ZERO
        if result > 0:
            split = split_surplus(result, notional=size, rulebook=self._rulebook, decimals=self._decimals)
            self._inject(EXACT.add(split.fund, split.penalty_fund))
        elif result < 0:
            used = self._lose(EXACT.minus(result), self._rulebook, reserved)
        self._balance = EXACT.add(self._balance, EXACT.subtract(reserved, used))
        self._set_aside = EXACT.subtract(self._set_aside, reserved)
        self._note(outcome.at, EXACT.subtract(self._held(), before), by_result=True)

    def dispose(self, disposal: Disposal) -> None:
        """As much of it as the fund holds under this rulebook."""
        sold = self._own.give_out(disposal)
        if sold is None:
            return
        before = self._balance
        realised, share = sold
        self._own_result(disposal.terms, realised, round_half_even(Fraction(disposal.fee) * share, self._decimals))
        self._note(disposal.at, EXACT.subtract(self._balance, before), by_result=True)

    def move(self, moved: Moved) -> None:
        self._balance = EXACT.add(self._balance, moved.fund)
        self._set_aside = EXACT.add(self._set_aside, moved.reserved)
        self._deficit = EXACT.add(self._deficit, moved.deficit)
        self._note(moved.at, EXACT.add(moved.fund, moved.reserved), by_result=moved.by_result)

    def _held(self) -> Decimal:
        """What the fund has, set aside or free."""
        return EXACT.add(self._balance, self._set_aside)

    def _place(
        self, unsold: Unsold, result_so_far: Decimal, reserved: Decimal, at: datetime
    ) -> tuple[Decimal, Decimal]:
        """Where the rulebook sends what the market did not take: its result for the engine, and its price."""
        rulebook = self._rulebook
        mark = unsold.bankruptcy_price if unsold.mark_price is None else unsold.mark_price
        self._own.mark(unsold.terms.contract, mark)
        refused = False
        if rulebook.inventory is not None:
            at_bankruptcy = rulebook.takeover_valuation is TakeoverValuation.BANKRUPTCY
            price = unsold.bankruptcy_price if at_bankruptcy else mark
            if self._takes_in(unsold, price, reserved):
                return ZERO, unsold.bankruptcy_price
            refused = True
        if rulebook.adl is not None:
            expected = Fraction(result_so_far) + unsold.profit_at(mark)
            due = adl_is_due(
                rulebook.adl,
                fund_insufficient=refused
                or falls_short(
                    max(-expected, Fraction(0)), fund_balance=self._balance, rulebook=rulebook, reserved=reserved
                ),
                fallen=lambda: self._fallen(at),
            )
            if due:
                price = mark if rulebook.adl.price is AdlPrice.MARK else unsold.bankruptcy_price
                self._adl_notional += unsold.notional_at(price)
                return self._booked(unsold, price), price
        return self._booked(unsold, mark), mark

    def _takes_in(self, unsold: Unsold, price: Decimal, reserved: Decimal) -> bool:
        """Into the inventory, where all that the fund would hold then is within its rulebook's share of the fund."""
        assert self._rulebook.inventory is not None
        most = Fraction(self._rulebook.inventory.max_notional_share) * Fraction(EXACT.add(self._balance, reserved))
        realised = self._own.take_in(unsold, price, most=most)
        if realised is None:
            return False
        self._own_result(unsold.terms, realised, ZERO)
        return True

    def _own_result(self, terms: Terms, realised: Fraction, fee: Decimal) -> None:
        """Of a position of the fund's own: all of it is the fund's, as `Movements.book_own_result` books it."""
        result = book_for_engine(realised, kind=terms.kind, decimals=self._decimals)
        if self._rulebook.cost_policy is CostPolicy.NET:
            result = EXACT.subtract(result, fee)
        if result > 0:
            self._inject(result)
        elif result < 0:
            self._lose(EXACT.minus(result), for_own_positions(self._rulebook), ZERO)

    def _inject(self, amount: Decimal) -> None:
        repaid = repay_deficit(amount, deficit=self._deficit, rulebook=self._rulebook, decimals=self._decimals)
        self._balance = EXACT.subtract(EXACT.add(self._balance, amount), repaid)
        self._deficit = EXACT.subtract(self._deficit, repaid)
        self._add(injected=amount)

    def _lose(self, loss: Decimal, rulebook: Rulebook, reserved: Decimal) -> Decimal:
        """Returns what was used of the reserve."""
        split = split_loss(
            loss, fund_balance=self._balance, rulebook=rulebook, decimals=self._decimals, reserved=reserved
        )
        self._balance = EXACT.subtract(self._balance, split.fund)
        self._deficit = EXACT.add(self._deficit, split.carried)
        self._add(
            loss=loss,
            fund_paid=split.fund,
            reserved_used=split.reserved_used,
            to_allocate=split.to_allocate,
            treasury_paid=split.treasury,
            carried=split.carried,
        )
        return split.reserved_used

    def _add(self, **amounts: Decimal) -> None:
        for name, amount in amounts.items():
            self._sums[name] = EXACT.add(self._sums[name], amount)

    def _note(self, at: datetime, change: Decimal, *, by_result: bool) -> None:
        self._path.append((at, change, change if by_result else ZERO))

    def _fallen(self, at: datetime) -> Drawdown:
        """As `fund.adl.drawdown` tells it of the books."""
        since, run, results, fall, fall_by_results = at - PEAK_WITHIN, ZERO, ZERO, ZERO, ZERO
        for moment, change, result in reversed(self._path):
            if moment > since:
                run, results = EXACT.add(run, change), EXACT.add(results, result)
                fall, fall_by_results = max(fall, EXACT.minus(run)), max(fall_by_results, EXACT.minus(results))
        return Drawdown.of(self._held(), fall=fall, fall_by_results=fall_by_results)

    def _booked(self, unsold: Unsold, price: Decimal) -> Decimal:
        return book_for_engine(unsold.profit_at(price), kind=unsold.terms.kind, decimals=self._decimals)
