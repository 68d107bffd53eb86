"""The highest balance that a fund had in the hours before a moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from fund.rules import PEAK_WITHIN
from ledger import chart
from ledger.money import EXACT

# Backwards from each moment: `run` is what the fund has gained since before an entry, below 0 where it had more then.
_ABOVE = """
SELECT coalesce(h.above, 0), coalesce(h.reached_at, w.at)
  FROM unnest(%(accounts)s::text[], %(moments)s::timestamptz[]) WITH ORDINALITY w (account, at, place)
  LEFT JOIN LATERAL (
      SELECT -s.run AS above, s.reached_at
        FROM (SELECT sum(p.credit - p.debit) OVER back AS run,
                     coalesce(lead(e.effective_at) OVER back, w.at - %(within)s) AS reached_at
                FROM ledger_account a
                JOIN ledger_posting p ON p.account_id = a.id
                JOIN ledger_entry e ON e.id = p.entry_id
               WHERE a.code = w.account AND e.effective_at > w.at - %(within)s AND e.effective_at <= w.at
              WINDOW back AS (ORDER BY e.effective_at DESC, p.version DESC)) s
       WHERE s.run < 0
       ORDER BY s.run, s.reached_at DESC
       LIMIT 1) h ON true
 ORDER BY w.place"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """A balance in the fund's currency, and since when it stood; the moment itself where none was higher."""

    balance: Decimal
    reached_at: datetime


def peaks(asked: Sequence[tuple[str, datetime, Decimal]]) -> list[Peak]:
    """For each (fund's code, moment, balance at it) the highest balance of the 8 hours before. One query."""
    if not asked:
        return []
    accounts, moments = [chart.fund(code) for code, _, _ in asked], [at for _, at, _ in asked]
    arguments: dict[str, Any] = {"accounts": accounts, "moments": moments, "within": PEAK_WITHIN}
    with connection.cursor() as cursor:
        cursor.execute(_ABOVE, arguments)
        return [
            Peak(balance=EXACT.add(balance, above), reached_at=reached_at)
            for (_, _, balance), (above, reached_at) in zip(asked, cursor.fetchall(), strict=True)
        ]
