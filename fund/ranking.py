"""Places by profit of what a settlement did not take: the order of `allocate_cycle.sql` goes on below the cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from fund.models import Cycle
from fund.rulebook import AllocationUnit, Rulebook, SelectionTies

# Whoever earned more than the best of these is counted, and only what lies between them is put in order.
_BELOW_CUT = """
WITH candidate AS (
    SELECT c.position, c.trader, c.profit, c.opened_at
      FROM fund_cycleposition c
     WHERE c.cycle_id = %(cycle)s AND c.profit > 0 AND NOT %(netted)s
    UNION ALL
    SELECT c.trader, c.trader, sum(c.profit), min(c.opened_at)
      FROM fund_cycleposition c
     WHERE c.cycle_id = %(cycle)s AND %(netted)s
     GROUP BY c.trader
    HAVING sum(c.profit) > 0
), own AS (
    SELECT c.position, c.trader, c.profit
      FROM fund_cycleposition c
     WHERE c.cycle_id = %(cycle)s AND c.trader = %(trader)s AND c.profit > 0 AND NOT %(netted)s
       AND c.position <> ALL (%(taken)s)
    UNION ALL
    SELECT c.trader, c.trader, sum(c.profit)
      FROM fund_cycleposition c
     WHERE c.cycle_id = %(cycle)s AND c.trader = %(trader)s AND %(netted)s AND c.trader <> ALL (%(taken)s)
     GROUP BY c.trader
    HAVING sum(c.profit) > 0
), bounds AS (
    SELECT min(o.profit) AS lowest, max(o.profit) AS highest FROM own o
), ranked AS (
    SELECT c.position, row_number() OVER (ORDER BY c.profit DESC,
                                                   CASE WHEN %(by_age)s THEN c.opened_at END ASC NULLS LAST,
                                                   c.position COLLATE "C") AS rank
      FROM candidate c
     WHERE c.profit BETWEEN (SELECT b.lowest FROM bounds b) AND (SELECT b.highest FROM bounds b)
)
SELECT r.position, o.profit,
       r.rank + (SELECT count(*) FROM candidate c WHERE c.profit > (SELECT b.highest FROM bounds b)) AS rank
  FROM ranked r JOIN own o ON o.position = r.position
 ORDER BY r.rank"""

_ANY_EARNED = """
SELECT EXISTS (SELECT FROM fund_cycleposition c
                WHERE c.cycle_id = %(cycle)s AND c.trader = %(trader)s AND c.profit > 0
                  AND CASE WHEN %(netted)s THEN c.trader ELSE c.position END <> ALL (%(taken)s))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A position, or a trader where the rulebook nets, with its place by profit, from 1."""

    position: str
    profit: Decimal
    rank: int


def below_cut(cycle: Cycle, rulebook: Rulebook, *, trader: str, taken: Sequence[str]) -> list[Ranked]:
    """What the trader earned and the settlement did not take, the most profitable first; empty where nothing is shared.

    `taken`: what it took of the trader's. It reads the profits of the whole cycle, in the database.
    """
    if not cycle.participants:
        return []
    parameters: dict[str, Any] = {
        "cycle": cycle.pk,
        "trader": trader,
        "taken": list(taken),
        "netted": rulebook.allocation_unit is AllocationUnit.TRADER,
        "by_age": rulebook.selection_ties is SelectionTies.BY_AGE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ANY_EARNED, parameters)
        if cursor.fetchone() == (False,):
            return []
        cursor.execute(_BELOW_CUT, parameters)
        return [Ranked(position=position, profit=profit, rank=rank) for position, profit, rank in cursor]
