"""The venue's open positions and the ADL queues over them; how far a fund has fallen from its peak."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from fund.models import OpenPosition
from fund.planning import RESULT_SOURCES
from fund.rulebook import AdlQueue
from fund.rules import (
    PEAK_WITHIN,
    AdlCut,
    AdlFill,
    ContractKind,
    Drawdown,
    PositionSide,
    Queued,
    adl_fills,
    adl_queue,
    adl_score,
)
from fund.rules import OpenPosition as Row
from ledger import chart
from ledger.bulk import update_rows
from ledger.errors import Refused
from ledger.money import EXACT, plain, total

# Counterparties that a queue shows even where the quantity needs fewer.
SHOWN = 1_000

# How many of the best estimates are ranked exactly: as a rule the first number will do; None are all.
_EXAMINED = (4_096, 65_536, None)

# What a score is made of beside quantity and prices.
_INPUTS = {
    AdlQueue.PNL_RATE_X_LEVERAGE: "margin",
    AdlQueue.PROFIT_X_MARGIN_RATIO: "margin and wallet",
    AdlQueue.MARK_ENTRY_X_LEVERAGE: "wallet",
}
_BOOK = "%(fund)s, %(contract)s, %(side)s, %(inverse)s, %(multiplier)s, %(queue)s, %(seed)s"
_HEAD = f"SELECT * FROM fund_adl_head_v1({_BOOK}, %(wanted)s, %(shown)s, %(examined)s)"
_PRO_RATA = "SELECT * FROM fund_adl_pro_rata_v1(%(fund)s, %(contract)s, %(side)s, %(wanted)s, %(shown)s)"
# In the order in which `Book.row` takes them.
_COLUMNS = ("position", "trader", "quantity", "entry_price", "mark_price", "margin", "wallet")
_STANDINGS = """
SELECT b.place, s.position, s.rank, s.length
  FROM jsonb_to_recordset(%(books)s::jsonb) b (
           place integer, fund bigint, contract text, side text, inverse boolean, multiplier numeric, queue text,
           seed text, positions text[])
 CROSS JOIN LATERAL fund_adl_standing_v1(
           b.fund, b.contract, b.side, b.inverse, b.multiplier, b.queue, b.seed, b.positions) s
 ORDER BY b.place, s.position COLLATE "C"
"""
# Backwards from now: `run` is what the fund has gained since before each entry, `results` the part of results in it.
# What is set aside is still the fund's.
_FALL = """
SELECT (SELECT coalesce(sum(a.balance), 0) FROM ledger_account a WHERE a.code = %(reserved)s),
       coalesce(max(-w.run), 0), coalesce(max(-w.results), 0)
  FROM (SELECT sum(m.gained) OVER o AS run, sum(CASE WHEN m.result THEN m.gained ELSE 0 END) OVER o AS results
          FROM (SELECT e.id, e.effective_at, e.source_kind = ANY (%(results)s) AS result,
                       sum(p.credit - p.debit) AS gained
                  FROM ledger_account a
                  JOIN ledger_posting p ON p.account_id = a.id
                  JOIN ledger_entry e ON e.id = p.entry_id
                 WHERE a.code IN (%(fund)s, %(reserved)s) AND e.effective_at > %(since)s
                 GROUP BY e.id) m
        WINDOW o AS (ORDER BY m.effective_at DESC, m.id DESC)) w"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """The open positions of one side of a contract, with the contract's terms."""

    fund_id: int
    contract: str
    kind: ContractKind
    multiplier: Decimal
    side: PositionSide

    def row(
        self,
        position: str,
        trader: str,
        quantity: Decimal,
        entry_price: Decimal,
        mark_price: Decimal,
        margin: Decimal | None,
        wallet: Decimal | None,
    ) -> Row:
        """One position as the rules take it."""
        return Row(
            position=position,
            trader=trader,
            contract=self.contract,
            kind=self.kind,
            multiplier=self.multiplier,
            side=self.side,
            quantity=quantity,
            entry_price=entry_price,
            mark_price=mark_price,
            margin=margin,
            wallet=wallet,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The first counterparties of a queue of `length`: all that the quantity needs, and at least those SHOWN."""

    queued: tuple[Queued, ...]
    length: int
    cut: AdlCut


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where an open position stands in its queue: `rank` from 1 of `length`, None where it is not queued."""

    position: str
    rank: int | None
    length: int


def queue(book: Book, *, policy: AdlQueue, seed: str | None, quantity: Decimal, listed: Sequence[str] = ()) -> Head:
    """Counterparties for `quantity` > 0, first to be closed first, from the positions known now.

    Ranked in the database as `fund.rules.adl_queue` ranks, cut as `adl_fills` cuts; only the head is read. `seed` of
    `seeded_random`; `listed`: the whole of an external queue. Raises as `fund.rules.adl_queue`.
    """
    if policy is AdlQueue.EXTERNAL:
        return _external(book, listed, quantity)
    assert policy is not AdlQueue.SEEDED_RANDOM or seed is not None, "a random order is drawn from a stored seed"
    query, sizes = (_PRO_RATA, _EXAMINED[-1:]) if policy is AdlQueue.PRO_RATA else (_HEAD, _EXAMINED)
    arguments = {**_arguments(book, policy, seed), "wanted": quantity, "shown": SHOWN}
    for examined in sizes:
        rows = _rows(query, {**arguments, "examined": examined})
        complete, length, missing = rows[0][:3]
        if missing is not None:
            detail = f"position {missing}: the queue ranks by {_INPUTS[policy]}, and it has none"
            raise Refused("adl_input_missing", detail)
        if complete:
            break
    ranked = [(rank, book.row(*values), closes) for _, _, _, rank, *values, closes in rows if rank is not None]
    fills = tuple(
        AdlFill(position=row.position, trader=row.trader, quantity=closes) for _, row, closes in ranked if closes
    )
    return Head(
        queued=tuple(Queued.at(rank, row, adl_score(row, queue=policy)) for rank, row, _ in ranked),
        length=length,
        cut=AdlCut(fills=fills, left=EXACT.subtract(quantity, total(fill.quantity for fill in fills))),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Positions of one book, and the order that its queue has."""

    book: Book
    policy: AdlQueue
    seed: str | None
    positions: Sequence[str]

    @property
    def ordered(self) -> bool:
        """Whether there is an order before a takeover: a pro-rata queue closes all, an external one is the venue's, and
        a random one is drawn for each takeover unless there is a `seed`.
        """
        drawn = self.policy is not AdlQueue.SEEDED_RANDOM or self.seed is not None
        return drawn and self.policy not in (AdlQueue.EXTERNAL, AdlQueue.PRO_RATA)


def standings(book: Book, *, policy: AdlQueue, seed: str | None, positions: Sequence[str]) -> list[Standing]:
    """Where positions of a book stand in its queue, in the order of their ids; nothing where there is no order."""
    return standings_of([Asked(book=book, policy=policy, seed=seed, positions=positions)])[0]


def standings_of(asked: Sequence[Asked]) -> list[list[Standing]]:
    """`standings` of several books, in one query."""
    found: list[list[Standing]] = [[] for _ in asked]
    books = [
        {
            **_arguments(each.book, each.policy, each.seed),
            "multiplier": plain(each.book.multiplier),
            "positions": list(each.positions),
            "place": place,
        }
        for place, each in enumerate(asked)
        if each.ordered
    ]
    for place, position, rank, length in _rows(_STANDINGS, {"books": json.dumps(books)}) if books else ():
        found[place].append(Standing(position=position, rank=rank, length=length))
    return found


def mark_price(*, fund_id: int, contract: str) -> Decimal | None:
    """The contract's mark price as the open positions carry it, None where none is known."""
    # The index has them in this order; by position it would sort the whole book.
    known = OpenPosition.objects.filter(fund_id=fund_id, contract=contract).order_by("side")
    return known.values_list("mark_price", flat=True).first()


def entry_prices(
    *, fund_id: int, contract: str, side: PositionSide, traders: Sequence[str]
) -> dict[tuple[str, str], Decimal]:
    """Entry prices of open positions by (trader, position); under (trader, "") where the trader has only one."""
    if not traders:
        return {}
    rows = OpenPosition.objects.filter(fund_id=fund_id, contract=contract, side=side.value, trader__in=set(traders))
    prices: dict[tuple[str, str], Decimal] = {}
    several: set[str] = set()
    for trader, position, price in rows.values_list("trader", "position", "entry_price"):
        if (trader, "") in prices:
            several.add(trader)
        prices[trader, position] = prices[trader, ""] = price
    return {key: price for key, price in prices.items() if key[1] or key[0] not in several}


def close_positions(
    *, fund_id: int, contract: str, side: PositionSide, closed: Sequence[tuple[str, str, Decimal]]
) -> None:
    """Take what ADL has closed off the known positions: (trader, position or "", quantity) each.

    Without a position the trader's are taken by id. What the venue closed and we do not know of is its affair; its
    next upload replaces all.
    """
    rows = OpenPosition.objects.select_for_update(no_key=True).filter(
        fund_id=fund_id, contract=contract, side=side.value, trader__in={trader for trader, _, _ in closed}
    )
    known: dict[str, list[OpenPosition]] = {}
    for row in sorted(rows.order_by("id"), key=lambda row: row.position):
        known.setdefault(row.trader, []).append(row)
    for trader, position, quantity in closed:
        left = quantity
        for row in known.get(trader, []):
            if position in ("", row.position):
                taken = min(left, row.quantity)
                row.quantity = EXACT.subtract(row.quantity, taken)
                left = EXACT.subtract(left, taken)
    touched = [row for of_trader in known.values() for row in of_trader]
    OpenPosition.objects.filter(pk__in=[row.pk for row in touched if not row.quantity]).delete()
    update_rows([row for row in touched if row.quantity], ["quantity"])


def drawdown(*, fund_code: str, balance: Decimal, at: datetime) -> Drawdown:
    """Of a fund that holds `balance` free now, and what it has set aside. 0 where it held nothing in that span.

    Contributions and withdrawals move the fund and its peak, but are no results. Source: rulebooks.md, ADL triggers.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FALL,
            {
                "fund": chart.fund(fund_code),
                "reserved": chart.fund_reserved(fund_code),
                "since": at - PEAK_WITHIN,
                "results": list(RESULT_SOURCES),
            },
        )
        reserved, fall, fall_by_results = cursor.fetchone()
    held = EXACT.add(balance, reserved)
    return Drawdown.of(held, fall=max(fall, Decimal(0)), fall_by_results=max(fall_by_results, Decimal(0)))


def _arguments(book: Book, policy: AdlQueue, seed: str | None) -> dict[str, Any]:
    return {
        "fund": book.fund_id,
        "contract": book.contract,
        "side": book.side.value,
        "inverse": book.kind is ContractKind.INVERSE,
        "multiplier": book.multiplier,
        "queue": policy.value,
        "seed": seed,
    }


def _rows(query: str, arguments: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _external(book: Book, listed: Sequence[str], quantity: Decimal) -> Head:
    known = OpenPosition.objects.filter(
        fund_id=book.fund_id, contract=book.contract, side=book.side.value, position__in=set(listed)
    )
    queued = adl_queue(
        [book.row(*values) for values in known.values_list(*_COLUMNS)],
        queue=AdlQueue.EXTERNAL,
        contract=book.contract,
        taken_over=book.side.opposite,
        listed=listed,
    )
    return Head(queued=queued, length=len(queued), cut=adl_fills(queued, quantity=quantity, queue=AdlQueue.EXTERNAL))
