"""The traders' part, shared among a cycle's positions by one SQL statement. The rows never leave the database.

`fund.rules.allocate` is the reference of `fund/sql/allocate_cycle.sql`.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from fund.rulebook import AllocationResidue, Rulebook
from fund.rules import Share
from ledger.money import from_units

_ALLOCATE = """
SELECT participants, allocated, levy_surplus, residue, cut_profit, base, participants_total, profit_total
  FROM fund_allocate_cycle_v1(
       %(cycle)s, %(loss)s, %(units)s, %(unit)s, %(coverage)s, %(crossing)s, %(ties)s, %(base)s, %(extend)s,
       %(allocation_unit)s, %(cap)s, %(levy)s)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """Figures of an allocation as `fund.rules.Allocation` has them, in the fund's currency."""

    participants: int
    allocated: Decimal
    levy_surplus: Decimal
    residue: Decimal
    cut_profit: Decimal | None
    base: Decimal
    participants_total: Decimal
    profit_total: Decimal


def allocate_in_database(cycle_id: int, loss: Decimal, *, rulebook: Rulebook, decimals: int) -> Allocated:
    """Share `loss` ≥ 0 among the cycle's positions. The participants stand in `cycle_share` meanwhile."""
    assert connection.in_atomic_block, "the participants last as long as the transaction"
    with connection.cursor() as cursor:
        cursor.execute(
            _ALLOCATE,
            {
                "cycle": cycle_id,
                "loss": loss,
                "units": Decimal(10**decimals),
                "unit": from_units(1, decimals),
                "coverage": rulebook.selection_coverage,
                "crossing": rulebook.selection_crossing.value,
                "ties": rulebook.selection_ties.value,
                "base": rulebook.allocation_base.value,
                "extend": rulebook.allocation_residue is AllocationResidue.EXTEND_SELECTION,
                "allocation_unit": rulebook.allocation_unit.value,
                "cap": rulebook.allocation_cap,
                "levy": rulebook.min_levy_rate,
            },
        )
        row = cursor.fetchone()
    assert row is not None
    names = ("participants", "allocated", "levy_surplus", "residue", "cut_profit", "base")
    return Allocated(**dict(zip((*names, "participants_total", "profit_total"), row, strict=True)))


def shares(*, limit: int | None) -> tuple[Share, ...]:
    """Of the allocation just worked out the first `limit` participants, in rank order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT position, trader, rank, profit, amount FROM pg_temp.cycle_share ORDER BY rank LIMIT %s", [limit]
        )
        return tuple(
            Share(position=position, trader=trader, rank=rank, profit=profit, amount=amount)
            for position, trader, rank, profit, amount in cursor
        )


def largest_haircut() -> Decimal | None:
    """Of the allocation just worked out the largest part of a profit that is taken, to 8 decimals."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT round(max(amount / profit), 8) FROM pg_temp.cycle_share")
        row = cursor.fetchone()
    assert row is not None
    haircut: Decimal | None = row[0]
    return haircut


def charged() -> int:
    """Of the allocation just worked out the number of traders that bear anything."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT trader) FROM pg_temp.cycle_share WHERE amount > 0")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
