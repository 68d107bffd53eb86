"""What movements of a fund are planned with: their cause, the entries on their way, the balances as they leave them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fund.models import Fund
from ledger import chart
from ledger.models import Account
from ledger.money import total
from ledger.posting import Entry, Line

ZERO = Decimal(0)
# What brings a fund its results: who causes them, and as which entries it gets them. Unlike contributions and
# withdrawals, and what is set aside and released. Takeovers are those of `liquidation`.
INVENTORY, CYCLE = "inventory", "cycle"
RESULT_SOURCES = ("takeover", INVENTORY, CYCLE)
RESULT_KINDS = ("penalty", "fund_injection", "inventory_disposal", "inventory_transfer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """What moves the fund; the fund does not look behind it. `run` counts how often it did, corrections apart.

    `noun` names the entry that settles it, `close:{id}`; entries beside it are `close-penalty:{id}` and so on.
    """

    kind: str
    id: str
    noun: str
    run: int
    effective_at: datetime

    def reference(self, beside: str = "") -> str:
        """Reference of the entry: of no two causes, of no two runs the same, since only the id has colons."""
        noun = f"{self.noun}-{beside}" if beside else self.noun
        return f"{noun}:{self.id}" if self.run == 1 else f"{noun}.{self.run}:{self.id}"


@dataclass(slots=True)
class Planned:
    """An entry on its way to the posting door, its place among those of the call, and its id once it is posted."""

    entry: Entry
    place: int
    _entry_id: int | None = None

    @property
    def entry_id(self) -> int:
        assert self._entry_id is not None, f"entry {self.entry.reference} is not posted yet"
        return self._entry_id


@dataclass(slots=True)
class Working:
    """A locked fund with its balances as the planned entries leave them."""

    fund: Fund
    balance: Decimal
    deficit: Decimal
    injections: Decimal = ZERO
    payouts: Decimal = ZERO

    @property
    def decimals(self) -> int:
        return self.fund.currency.decimals

    @property
    def currency(self) -> str:
        return self.fund.currency_id


def lock_working(fund_ids: Collection[int]) -> dict[int, Working]:
    """The funds by their id, locked in its order, with the balances that they have under the lock."""
    locked = Fund.objects.select_for_update(no_key=True, of=("self",)).select_related("currency")
    funds = list(locked.filter(pk__in=fund_ids).order_by("id"))
    codes = [code for fund in funds for code in (chart.fund(fund.code), chart.deficit(fund.code))]
    balances = dict(Account.objects.filter(code__in=codes).values_list("code", "balance"))
    return {
        fund.pk: Working(fund=fund, balance=balances[chart.fund(fund.code)], deficit=balances[chart.deficit(fund.code)])
        for fund in funds
    }


def shared_lines(giver: str, parts: Mapping[str, Decimal]) -> list[Line]:
    """Lines `giver → each receiver`; none where nothing is given."""
    given = total(parts.values())
    if not given:
        return []
    return [Line(giver, debit=given), *(Line(account, credit=part) for account, part in parts.items() if part)]
