"""What becomes of a result: a surplus is shared, a loss is borne, and either can be taken back."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from fund.rulebook import SHARE_NAMES, Rulebook
from ledger import chart
from tests.properties.model.accounts import (
    BALANCE,
    CURRENCY,
    DEFICIT,
    ENGINE,
    FEES,
    RESERVED,
    TO_ALLOCATE,
    TREASURY,
    trader,
)
from tests.properties.model.books import Books
from tests.properties.model.contracts import Contract
from tests.properties.model.records import ZERO, Booked, Cycle, Entry, Takeover

PAYERS = {
    "fund": BALANCE,
    "reserved": RESERVED,
    "to_allocate": TO_ALLOCATE,
    "treasury": TREASURY,
    "carried": DEFICIT,
}
UNPAID = {"carry": "carried", "shift_to_traders": "to_allocate", "treasury": "treasury"}


class Results(Books):
    """Every loss that stands belongs to a cycle, or waits for one."""

    def __init__(self, decimals: int) -> None:
        super().__init__(decimals)
        self.cycles: dict[int, Cycle] = {}
        self.losses: list[Booked] = []

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

    def take_back(self, booked: Booked) -> None:
        if any(loss is booked for loss in self.losses):
            self.losses = [loss for loss in self.losses if loss is not booked]
        for entry in reversed(booked.entries):
            self.apply(entry, -1)
        for name, amount in booked.counted.items():
            self.counted[name] -= amount
