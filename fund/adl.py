"""The venue's open positions and the ADL queues over them; how far a fund has fallen from its peak."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import psycopg
from django.db import connection, transaction

from fund import errors, funds
from fund.models import Fund, OpenPosition
from fund.rulebook import AdlQueue
from fund.rules import ContractKind, PositionSide, Queued, adl_queue
from fund.rules import OpenPosition as Row
from ledger import chart
from ledger.bulk import update_rows
from ledger.errors import Refused
from ledger.money import EXACT

# The span in which a fund's peak is looked for. Source: rulebooks.md, trigger `drawdown`.
PEAK_WITHIN = timedelta(hours=8)
# What moves a fund by results, unlike contributions and withdrawals.
_RESULTS = ["takeover", "inventory", "cycle"]

_COPY = """COPY fund_openposition
    (fund_id, position, trader, contract, side, quantity, entry_price, mark_price, margin, wallet) FROM STDIN"""
# Backwards from now: `run` is what the fund has gained since before each entry, `results` the part of results in it.
_FALL = """
SELECT coalesce(max(-w.run), 0), coalesce(max(-w.results), 0)
  FROM (SELECT sum(p.credit - p.debit) OVER o AS run,
               sum(CASE WHEN e.source_kind = ANY (%(results)s) THEN p.credit - p.debit ELSE 0 END) OVER o AS results
          FROM ledger_account a
          JOIN ledger_posting p ON p.account_id = a.id
          JOIN ledger_entry e ON e.id = p.entry_id
         WHERE a.code = %(account)s AND e.effective_at > %(since)s
        WINDOW o AS (ORDER BY e.effective_at DESC, p.version DESC)) w"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionRow:
    """One open position as the venue tells it, prices in quote per unit; `margin` and `wallet` where a queue asks."""

    position: str
    trader: str
    contract: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin: Decimal | None = None
    wallet: Decimal | None = None


def replace_positions(*, fund_code: str, rows: Iterable[PositionRow]) -> int:
    """The venue's open positions as of now, in place of all that were known. Returns their number.

    Rows are streamed to the database. Raises NotFound `fund_unknown`; Refused `positions_malformed` with the row's
    number, `position_repeated`.
    """
    fund = funds.find(fund_code)
    with transaction.atomic():
        # One upload at a time: of two, the one that comes second holds, as a whole.
        Fund.objects.select_for_update(no_key=True).get(pk=fund.pk)
        OpenPosition.objects.filter(fund=fund).delete()
        count = 0
        try:
            with transaction.atomic(), psycopg.Cursor(connection.connection) as cursor, cursor.copy(_COPY) as copy:
                for row in _checked(rows):
                    copy.write_row((fund.pk, *row))
                    count += 1
        except psycopg.errors.UniqueViolation as error:
            detail = f"a position stands twice: {error.diag.message_detail}"
            raise Refused("position_repeated", detail, field="position") from error
    return count


def queue(
    *,
    fund_id: int,
    contract: str,
    kind: ContractKind,
    multiplier: Decimal,
    taken_over: PositionSide,
    policy: AdlQueue,
    seed: str | None,
    listed: Sequence[str] = (),
) -> tuple[Queued, ...]:
    """Counterparties of a takeover of side `taken_over`, first to be closed first, from the positions known now.

    Raises as `fund.rules.adl_queue`.
    """
    candidates = OpenPosition.objects.filter(fund_id=fund_id, contract=contract, side=taken_over.opposite.value)
    rows = [
        Row(
            position=each.position,
            trader=each.trader,
            contract=each.contract,
            kind=kind,
            multiplier=multiplier,
            side=PositionSide(each.side),
            quantity=each.quantity,
            entry_price=each.entry_price,
            mark_price=each.mark_price,
            margin=each.margin,
            wallet=each.wallet,
        )
        for each in candidates.iterator(chunk_size=10_000)
    ]
    return adl_queue(rows, queue=policy, contract=contract, taken_over=taken_over, seed=seed, listed=listed)


def mark_price(*, fund_id: int, contract: str) -> Decimal | None:
    """The contract's mark price as the open positions carry it, None where none is known."""
    known = OpenPosition.objects.filter(fund_id=fund_id, contract=contract).order_by("side", "position")
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


@dataclass(frozen=True, slots=True)
class Drawdown:
    """How far a fund has fallen from its 8-hour peak, as shares of the peak: in all, and by results alone."""

    in_all: Fraction
    by_results: Fraction


def drawdown(*, fund_code: str, balance: Decimal, at: datetime) -> Drawdown:
    """Of a fund that holds `balance` now. 0 where it held nothing in that span.

    Contributions and withdrawals move the fund and its peak, but are no results. Source: rulebooks.md, ADL triggers.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FALL, {"account": chart.fund(fund_code), "since": at - PEAK_WITHIN, "results": _RESULTS})
        fall, fall_by_results = cursor.fetchone()
    peak = Fraction(balance) + Fraction(max(fall, 0))
    if not peak:
        return Drawdown(Fraction(0), Fraction(0))
    return Drawdown(Fraction(max(fall, 0)) / peak, Fraction(max(fall_by_results, 0)) / peak)


def _checked(rows: Iterable[PositionRow]) -> Iterator[tuple[object, ...]]:
    for number, row in enumerate(rows, 1):
        if not 0 < len(row.position) <= 200:
            raise errors.positions_malformed(number, f"position {row.position!r} is not 1 to 200 long")
        if not chart.is_name(row.trader):
            raise errors.positions_malformed(number, f"trader {row.trader!r} is not a name")
        if row.side not in (PositionSide.LONG, PositionSide.SHORT):
            raise errors.positions_malformed(number, f"side {row.side!r} is not one of long, short")
        for name in ("quantity", "entry_price", "mark_price"):
            value = getattr(row, name)
            if not (value.is_finite() and value > 0):
                raise errors.positions_malformed(number, f"{name} {value} is not above 0")
        yield (
            row.position,
            row.trader,
            row.contract,
            row.side,
            row.quantity,
            row.entry_price,
            row.mark_price,
            row.margin,
            row.wallet,
        )
