"""The figures of a day, read from the API as an auditor would, and added up again here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ledger.chart import KINDS, Side
from ledger.money import total
from liquidation.demo.cascade import SECONDS
from liquidation.demo.story import CURRENCY, FUND, Day, Keys

LARGEST = 10


class FiguresDisagree(Exception):
    """Two figures of the books that must be the same are not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FundDay:
    """What came into the fund and went out of it on the day. Amounts in the fund's currency."""

    opening: Decimal
    contributed: Decimal
    injected: Decimal
    injections: int
    paid_at_closes: Decimal
    payouts: int
    paid_at_settlement: Decimal
    closing: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Waterfall:
    """The loss of the day's cycle and who bears it. `to_allocate` is `L`; `base` the formula's denominator."""

    loss: Decimal
    losses: int
    fund_at_closes: Decimal
    to_allocate: Decimal
    allocated: Decimal
    participants: int
    profit_total: Decimal
    base: Decimal
    residue: Decimal
    fund_at_settlement: Decimal
    carried: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class AllocationLine:
    rank: int
    position: str
    trader: str
    profit: Decimal
    amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class KindLine:
    """All accounts of one kind: `balance` on the kind's normal side."""

    kind: str
    side: Side
    accounts: int
    debits: Decimal
    credits: Decimal
    balance: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """All that the report shows. `curve`: seconds of the cascade and the fund's balance from then on."""

    day: Day
    fund: FundDay
    curve: tuple[tuple[float, Decimal], ...]
    waterfall: Waterfall
    largest: tuple[AllocationLine, ...]
    trial_balance: tuple[KindLine, ...]
    example_result: Decimal
    example_injected: Decimal


def read_figures(keys: Keys, day: Day) -> Figures:
    """Read the day from the books. Errors: FiguresDisagree; client.CallRefused."""
    auditor = keys.auditor
    since = list(auditor.rows(f"/accounts/fund:{FUND}/statement/", effective_from=day.date.isoformat()))
    lines = since_first_of(since, day.date)
    fund = fund_day(lines)
    on_account = Decimal(auditor.get(f"/accounts/fund:{FUND}/")["balance"])
    if fund.closing != on_account:
        raise FiguresDisagree(f"the fund's day closes at {fund.closing}, its account stands at {on_account}")
    parts = waterfall(auditor.get(f"/cycles/{day.cycle}/"), losses=fund.payouts)
    if parts.fund_at_closes != fund.paid_at_closes:
        raise FiguresDisagree(
            f"the fund paid {fund.paid_at_closes} at the day's closes, {parts.fund_at_closes} of it in the day's cycle"
        )
    example = auditor.get(f"/takeovers/{day.example}/")
    page = auditor.get(f"/cycles/{day.cycle}/allocations/", limit=str(LARGEST))
    return Figures(
        day=day,
        fund=fund,
        curve=balance_curve(lines, day.cascade_at, opening=fund.opening + fund.contributed),
        waterfall=parts,
        largest=tuple(_allocation(row) for row in page["results"]),
        trial_balance=trial_balance(auditor.get("/trial-balance/", currency=CURRENCY)),
        example_result=Decimal(example["result"]),
        example_injected=Decimal(example["waterfall"]["injected"]),
    )


def since_first_of(lines: Sequence[Mapping[str, Any]], date: datetime) -> list[Mapping[str, Any]]:
    """The lines from the first one of that date on, in the order of the book.

    A settlement is booked when it is done, not on the day that it settles: those of earlier days come before.
    """
    end = date + timedelta(days=1)
    first = min(line["version"] for line in lines if date <= datetime.fromisoformat(line["effective_at"]) < end)
    return [line for line in lines if line["version"] >= first]


def fund_day(lines: Sequence[Mapping[str, Any]]) -> FundDay:
    """Add the statement lines of one day up. Errors: FiguresDisagree where they do not lead from opening to closing."""
    assert lines, "a day without a line has no opening balance"
    first, last = lines[0], lines[-1]
    opening = Decimal(first["balance_after"]) - _change(first)
    payouts = [line for line in lines if line["kind"] == "fund_payout"]
    at_closes = [line for line in payouts if not line["reference"].startswith("cycle:")]
    injections = [line for line in lines if line["kind"] == "fund_injection"]
    day = FundDay(
        opening=opening,
        contributed=total(_change(line) for line in lines if line["kind"] == "fund_contribution"),
        injected=total(_change(line) for line in injections),
        injections=len(injections),
        paid_at_closes=-total(_change(line) for line in at_closes),
        payouts=len(at_closes),
        paid_at_settlement=total(_change(line) for line in at_closes) - total(_change(line) for line in payouts),
        closing=Decimal(last["balance_after"]),
    )
    added_up = total((opening, day.contributed, day.injected, -day.paid_at_closes, -day.paid_at_settlement))
    if added_up != day.closing:
        raise FiguresDisagree(f"the fund's day adds up to {added_up}, its last line stands at {day.closing}")
    return day


def balance_curve(
    lines: Iterable[Mapping[str, Any]], starts_at: datetime, *, opening: Decimal
) -> tuple[tuple[float, Decimal], ...]:
    """The fund's balance in the order of the world, over the cascade: after each second with a movement."""
    balance = opening
    points = {0.0: opening}
    moved = ((datetime.fromisoformat(line["effective_at"]), _change(line)) for line in lines)
    for moment, change in sorted(moved):
        second = (moment - starts_at).total_seconds()
        if 0 <= second <= SECONDS:
            balance += change
            points[float(int(second))] = balance
    return (*points.items(), (float(SECONDS), balance))


def waterfall(cycle: Mapping[str, Any], *, losses: int) -> Waterfall:
    """The parts of a settled cycle's loss. Errors: FiguresDisagree where they do not sum to it."""
    loss, allocated, residue, carried = (Decimal(cycle[name]) for name in ("loss", "allocated", "residue", "carried"))
    at_settlement = residue - carried
    parts = Waterfall(
        loss=loss,
        losses=losses,
        fund_at_closes=Decimal(cycle["fund_paid"]) - at_settlement,
        to_allocate=Decimal(cycle["to_allocate"]),
        allocated=allocated,
        participants=int(cycle["participants"]),
        profit_total=Decimal(cycle["profit_total"]),
        base=Decimal(cycle["base"]),
        residue=residue,
        fund_at_settlement=at_settlement,
        carried=carried,
    )
    sums = total((parts.fund_at_closes, allocated, at_settlement, carried))
    if sums != loss or parts.to_allocate != allocated + residue:
        raise FiguresDisagree(f"cycle {cycle['number']}: its parts sum to {sums}, its loss is {loss}")
    return parts


def trial_balance(document: Mapping[str, Any]) -> tuple[KindLine, ...]:
    """The accounts of each kind together, in the chart's order. Errors: FiguresDisagree where it does not balance."""
    lines = []
    for kind in KINDS.values():
        rows = [row for row in document["rows"] if row["kind"] == kind.name]
        if rows:
            lines.append(
                KindLine(
                    kind=kind.name,
                    side=kind.normal_side,
                    accounts=len(rows),
                    debits=total(Decimal(row["debits"]) for row in rows),
                    credits=total(Decimal(row["credits"]) for row in rows),
                    balance=total(Decimal(row["balance"]) for row in rows),
                )
            )
    if total(line.debits for line in lines) != total(line.credits for line in lines) or not document["balanced"]:
        raise FiguresDisagree("the trial balance does not balance")
    return tuple(lines)


def _change(line: Mapping[str, Any]) -> Decimal:
    return Decimal(line["credit"]) - Decimal(line["debit"])


def _allocation(row: Mapping[str, Any]) -> AllocationLine:
    return AllocationLine(
        rank=int(row["rank"]),
        position=row["position"],
        trader=row["trader"],
        profit=Decimal(row["profit"]),
        amount=Decimal(row["amount"]),
    )
