"""What the books must say after each event: accounting.md and rulebooks.md once more, in fractions, nothing clever.

It knows no posting, no table and no rule of the product's; a balance is credits less debits, whatever the normal side.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from fund.rulebook import SHARE_NAMES, Rulebook
from fund.rules import Allocation, Profit
from ledger import chart

Entry = dict[str, Fraction]
Move = tuple[str, str, Fraction]
CURRENCY, FUND = "USDT", "usdt"
TREASURY, CUSTODY, FEES = chart.treasury(CURRENCY), chart.custody(CURRENCY), chart.fees(CURRENCY)
ENGINE = chart.engine(CURRENCY)
BALANCE, RESERVED = chart.fund(FUND), chart.fund_reserved(FUND)
DEFICIT, TO_ALLOCATE = chart.deficit(FUND), chart.loss_to_allocate(FUND)
ZERO = Fraction(0)
PAYERS = {
    "fund": BALANCE,
    "reserved": RESERVED,
    "to_allocate": TO_ALLOCATE,
    "treasury": TREASURY,
    "carried": DEFICIT,
}
UNPAID = {"carry": "carried", "shift_to_traders": "to_allocate", "treasury": "treasury"}


def trader(name: str) -> str:
    return chart.trader(name, CURRENCY)


class Refusal(Exception):
    """What the books do not take, by its code."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """`side` is 1 for a long, -1 for a short, wherever it is asked for."""

    symbol: str
    kind: str
    multiplier: Fraction

    @property
    def clearing(self) -> str:
        return chart.clearing(self.symbol, CURRENCY)

    def profit(self, side: int, quantity: Fraction, entry: Fraction, leave: Fraction) -> Fraction:
        moved = 1 / entry - 1 / leave if self.kind == "inverse" else leave - entry
        return side * quantity * self.multiplier * moved

    def notional(self, quantity: Fraction, price: Fraction) -> Fraction:
        size = quantity * self.multiplier
        return size / price if self.kind == "inverse" else size * price

    def mean(self, *parts: tuple[Fraction, Fraction]) -> Fraction:
        """Average price of `(quantity, price)`."""
        quantity = sum(each for each, _ in parts)
        weighted = sum(self.notional(*part) for part in parts) / self.multiplier
        return quantity / weighted if self.kind == "inverse" else weighted / quantity


@dataclass(frozen=True, kw_only=True)
class Held:
    """Of the fund's own: `side` 0 where it holds nothing; `price` the average at which it was taken over."""

    side: int = 0
    quantity: Fraction = ZERO
    price: Fraction = ZERO


@dataclass
class Booked:
    """What one event booked, so that it can be taken back: its entries, what it counted, what the fund held before."""

    entries: list[Entry] = field(default_factory=list)
    counted: dict[str, Fraction] = field(default_factory=dict)
    parts: dict[str, Fraction] = field(default_factory=dict)
    held: tuple[str, Held] | None = None
    # Of a loss: when it happened and the number of the cycle that it belongs to.
    at: datetime | None = None
    cycle: int | None = None


@dataclass(kw_only=True)
class Cycle:
    number: int
    id: int
    starts_at: datetime
    ends_at: datetime
    status: str = "open"
    profits: dict[str, Profit] = field(default_factory=dict)
    complete: bool = False
    settlement: Booked = field(default_factory=Booked)
    run: int = 0


@dataclass(kw_only=True)
class Fill:
    at: datetime
    quantity: Fraction
    result: Fraction
    fee: Fraction
    leftover: Fraction
    notional: Fraction
    booked: Booked
    # Of the inventory's own position on the other side, where this part went there.
    own: Booked | None = None


@dataclass(kw_only=True)
class Takeover:
    reference: str
    contract: Contract
    trader: str
    side: int
    quantity: Fraction
    price: Fraction
    margin: Fraction
    mark: Fraction
    rulebook: Rulebook
    leftover: Fraction = ZERO
    reserved: Fraction = ZERO
    status: str = "open"
    beginning: Booked = field(default_factory=Booked)
    # Those that stand, by their reference.
    fills: dict[str, Fill] = field(default_factory=dict)
    closing: Booked = field(default_factory=Booked)

    @property
    def remaining(self) -> Fraction:
        return self.quantity - sum(fill.quantity for fill in self.fills.values())

    @property
    def result(self) -> Fraction:
        net = self.rulebook.cost_policy == "net"
        return sum((fill.result - (fill.fee if net else 0) for fill in self.fills.values()), ZERO)

    @property
    def notional(self) -> Fraction:
        return sum((fill.notional for fill in self.fills.values()), ZERO)

    def take_part(self, quantity: Fraction) -> Fraction:
        """Leftover margin, not rounded, of a part that is closed next."""
        left = self.leftover - sum(fill.leftover for fill in self.fills.values())
        return left * quantity / self.remaining


class Model:
    def __init__(self, decimals: int) -> None:
        self.unit = Fraction(1, 10**decimals)
        self.balances: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.counted = dict.fromkeys(("injected", "paid", "carried", "repaid"), ZERO)
        self.takeovers: dict[str, Takeover] = {}
        self.held: defaultdict[str, Held] = defaultdict(Held)
        # Changes of the inventory that stand, by what made them: only the last of a contract can be taken back.
        self.changes: dict[str, Booked] = {}
        self.cycles: dict[int, Cycle] = {}
        # Those that stand.
        self.losses: list[Booked] = []
        # When what is told now happened.
        self.at: datetime

    def near(self, amount: Fraction) -> Fraction:
        return round(amount / self.unit) * self.unit

    def down(self, amount: Fraction) -> Fraction:
        return math.floor(amount / self.unit) * self.unit

    def house(self, contract: Contract, exact: Fraction) -> Fraction:
        """The house's result as it is booked; of an inverse contract never in the traders' favour."""
        return -self.down(-exact) if contract.kind == "inverse" else self.near(exact)

    def spendable(self, rulebook: Rulebook) -> Fraction:
        return max(self.balances[BALANCE] - Fraction(rulebook.fund_floor), ZERO)

    def book(self, booked: Booked, *moves: Move) -> None:
        """One entry of `(debited, credited, amount)` each; a negative amount goes the other way."""
        entry: Entry = defaultdict(Fraction)
        for debited, credited, amount in moves:
            entry[debited] -= amount
            entry[credited] += amount
        self.apply(entry)
        booked.entries.append(entry)

    def apply(self, entry: Mapping[str, Fraction], sign: int = 1) -> None:
        for account, change in entry.items():
            self.balances[account] += sign * change
        for account in entry:
            below = -self.balances[account] if account in (DEFICIT, TO_ALLOCATE) else self.balances[account]
            floored = account in (BALANCE, RESERVED, DEFICIT, TO_ALLOCATE) or account.startswith("vault:")
            if floored and below < 0:
                raise Refusal("account_floor")

    def count(self, booked: Booked, **amounts: Fraction) -> None:
        for name, amount in amounts.items():
            booked.counted[name] = booked.counted.get(name, ZERO) + amount
            self.counted[name] += amount

    def take_back(self, booked: Booked) -> None:
        if any(loss is booked for loss in self.losses):
            self.losses = [loss for loss in self.losses if loss is not booked]
        for entry in reversed(booked.entries):
            self.apply(entry, -1)
        for name, amount in booked.counted.items():
            self.counted[name] -= amount

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

    def share_surplus(self, takeover: Takeover, closing: Booked, result: Fraction) -> None:
        rulebook = takeover.rulebook
        penalty = min(self.near(Fraction(rulebook.penalty_rate) * takeover.notional), result)
        penalties = self.by_shares(penalty, rulebook.penalty_split)
        parts = self.by_shares(result - penalty, rulebook.surplus_split)
        if rulebook.injection_cap_rate is not None:
            most = self.down(Fraction(rulebook.injection_cap_rate) * takeover.notional)
            above = max(parts["fund"] - most, ZERO)
            parts["fund"] -= above
            parts["trader"] += above
        vault = chart.vault(rulebook.vault, CURRENCY)
        to = {"fund": BALANCE, "vault": vault, "trader": trader(takeover.trader), "fees": FEES}
        for shared in (penalties, parts):
            self.book(closing, *((ENGINE, to[name], part) for name, part in shared.items()))
        closing.parts = {"penalty": penalty, **parts}
        self.inject(closing, penalties["fund"] + parts["fund"], rulebook)

    def by_shares(self, amount: Fraction, shares: Mapping[str, Decimal]) -> dict[str, Fraction]:
        parts = {name: self.down(amount * Fraction(shares[name])) for name in SHARE_NAMES}
        parts["fund"] += amount - sum(parts.values())
        return parts

    def inject(self, booked: Booked, amount: Fraction, rulebook: Rulebook) -> None:
        """Count what came to the fund; a carried deficit is repaid first."""
        repaid = min(self.near(amount * Fraction(rulebook.deficit_repayment)), -self.balances[DEFICIT])
        self.count(booked, injected=amount, repaid=repaid)
        self.book(booked, (BALANCE, DEFICIT, repaid))

    def parts_of_loss(self, loss: Fraction, reserved: Fraction, rulebook: Rulebook) -> dict[str, Fraction]:
        used = min(loss, reserved)
        rest = loss - used
        share, traders_share = Fraction(rulebook.fund_share), Fraction(rulebook.traders_share)
        own = self.near(rest * share)
        traders = rest - own if share + traders_share == 1 else self.near(rest * traders_share)
        limit = self.spendable(rulebook)
        if rulebook.fund_per_event_cap is not None:
            limit = min(limit, max(Fraction(rulebook.fund_per_event_cap) - used, ZERO))
        parts = {"fund": min(own, limit), "reserved": used, "to_allocate": traders, "treasury": ZERO}
        parts["carried"] = rest - own - traders
        parts[UNPAID[rulebook.fund_unpaid]] += own - parts["fund"]
        return parts

    def cover(self, booked: Booked, parts: dict[str, Fraction], against: Mapping[str, Fraction]) -> None:
        """`against` are the credits, or negative debits, that the loss consists of."""
        entry: Entry = defaultdict(Fraction, against)
        for name, account in PAYERS.items():
            entry[account] -= parts[name]
        self.apply(entry)
        booked.entries.append(entry)
        booked.parts, booked.at = parts, self.at
        # An ended one gets a loss once its settlement was taken back.
        getting = [
            each for each in self.cycles.values() if each.status == "open" or (each.run and each.status == "ended")
        ]
        waiting = [each for each in getting if self.at < each.ends_at]
        booked.cycle = min(waiting, key=lambda each: each.starts_at).number if waiting else None
        self.losses.append(booked)
        self.count(booked, paid=parts["fund"] + parts["reserved"], carried=parts["carried"])

    def own_result(
        self, booked: Booked, contract: Contract, realised: Fraction, fee: Fraction, rulebook: Rulebook
    ) -> None:
        """Of a position of the fund's own: all of it is the fund's."""
        gross = rulebook.cost_policy == "gross"
        against = {contract.clearing: -realised, FEES: fee, TREASURY: -fee if gross else ZERO}
        result = realised - (ZERO if gross else fee)
        if result >= 0:
            entry = {**against, BALANCE: result}
            self.apply(entry)
            booked.entries.append(entry)
            self.inject(booked, result, rulebook)
            return
        parts = dict.fromkeys(PAYERS, ZERO)
        parts["fund"] = min(-result, self.spendable(rulebook))
        parts[UNPAID[rulebook.fund_unpaid]] += -result - parts["fund"]
        self.cover(booked, parts, against)

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

    def reverse_disposal(self, reference: str) -> None:
        self._must_be_last(self.changes[reference])
        self._restore(self.changes.pop(reference))

    def _take_back_fill(self, takeover: Takeover, reference: str) -> None:
        fill = takeover.fills.pop(reference)
        if fill.own is not None:
            self._restore(self.changes.pop(reference))
        self.take_back(fill.booked)

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
