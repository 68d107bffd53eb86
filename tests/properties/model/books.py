"""Balances, the entries that change them, and the units in which they do."""

import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from fund.rulebook import Rulebook
from tests.properties.model.accounts import BALANCE, DEFICIT, RESERVED, TO_ALLOCATE
from tests.properties.model.contracts import Contract
from tests.properties.model.records import ZERO, Booked, Entry

Move = tuple[str, str, Fraction]


class Refusal(Exception):
    """What the books do not take, by its code."""


class Books:
    """Of one fund, in a currency with `decimals` digits after the point."""

    def __init__(self, decimals: int) -> None:
        self.unit = Fraction(1, 10**decimals)
        self.balances: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.counted = dict.fromkeys(("injected", "paid", "carried", "repaid"), ZERO)
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
