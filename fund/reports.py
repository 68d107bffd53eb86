"""A fund between two moments, derived from the postings: its opening, what came and went, its closing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from fund import funds
from fund.planning import RESULT_KINDS
from ledger import chart
from ledger.balances import balance_at
from ledger.money import EXACT, total

# What each kind of entry is to the fund: in which figure its credits count, and in which its debits.
_FIGURES: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(RESULT_KINDS, ("injections", "payouts")),
    # A minimum levy's surplus.
    "allocation": ("injections", "payouts"),
    "fund_payout": ("injections", "payouts"),
    "fund_contribution": ("contributed", "contributed"),
    "fund_withdrawal": ("withdrawn", "withdrawn"),
    "deficit_repaid": ("repaid", "repaid"),
}

# A reversal counts against what it reverses, in its figure and on its side.
_MOVED = """
SELECT coalesce(o.kind, e.kind), sum(CASE WHEN o.id IS NULL THEN p.credit ELSE -p.debit END),
       sum(CASE WHEN o.id IS NULL THEN p.debit ELSE -p.credit END)
  FROM ledger_posting p
  JOIN ledger_entry e ON e.id = p.entry_id
  LEFT JOIN ledger_entry o ON o.id = e.reverses_id
 WHERE p.account_id IN (SELECT a.id FROM ledger_account a WHERE a.code = ANY (%s))
   AND e.effective_at >= %s AND e.effective_at < %s
   AND e.kind NOT IN ('reserve', 'release') AND coalesce(o.kind, '') NOT IN ('reserve', 'release')
 GROUP BY 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundPeriod:
    """closing = opening + injections − payouts + contributed − withdrawn − repaid + other, in the fund's currency.

    All of the fund's own money, what it has set aside included. `repaid`: of its deficit; `other`: by entries that are
    no event of the fund's.
    """

    opening: Decimal
    injections: Decimal
    payouts: Decimal
    contributed: Decimal
    withdrawn: Decimal
    repaid: Decimal
    other: Decimal
    closing: Decimal


def period(*, fund_code: str, from_: datetime, to: datetime) -> FundPeriod:
    """The fund from `from_` until before `to`, by when things happened. Raises NotFound `fund_unknown`."""
    fund = funds.find(fund_code)
    codes = [chart.fund(fund.code), chart.fund_reserved(fund.code)]
    figures = dict.fromkeys(("injections", "payouts", "contributed", "withdrawn", "repaid", "other"), Decimal(0))
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, [codes, from_, to])
        for kind, credits, debits in cursor:
            on_credit, on_debit = _FIGURES.get(kind, ("other", "other"))
            figures[on_credit] = EXACT.add(figures[on_credit], _signed(on_credit, credits))
            figures[on_debit] = EXACT.subtract(figures[on_debit], _signed(on_debit, debits))
    opening, closing = _balance(codes, from_), _balance(codes, to)
    came = total((figures["injections"], figures["contributed"], figures["other"]))
    went = total((figures["payouts"], figures["withdrawn"], figures["repaid"]))
    led_to = EXACT.subtract(EXACT.add(opening, came), went)
    assert led_to == closing, f"fund {fund_code} opens with {opening}, moves to {led_to} and closes with {closing}"
    return FundPeriod(opening=opening, closing=closing, **figures)


def _signed(figure: str, amount: Decimal) -> Decimal:
    """Figures of what goes out are positive when it goes."""
    return EXACT.minus(amount) if figure in ("payouts", "withdrawn", "repaid") else amount


def _balance(codes: list[str], before: datetime) -> Decimal:
    instant = before - timedelta(microseconds=1)
    return total(balance_at(code, at=instant).balance for code in codes)
