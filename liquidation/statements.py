"""Statements of traders: the lines of all accounts of a trader, and the fees taken out of what its takeovers left."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import connection


class StatementType(StrEnum):
    """What a line of a trader's statement is. Source: api.md, trader's statement."""

    TAKEOVER = "TAKEOVER"
    LIQUIDATION_FEE = "LIQUIDATION_FEE"
    ALLOCATION = "ALLOCATION"
    ADL = "ADL"
    SETTLEMENT = "SETTLEMENT"
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    REVERSAL = "REVERSAL"


# What is none of these is a settlement: residual margin that comes back, and what the venue books by hand.
_TYPE_OF: Mapping[str, StatementType] = {
    "takeover": StatementType.TAKEOVER,
    "penalty": StatementType.LIQUIDATION_FEE,
    "allocation": StatementType.ALLOCATION,
    "adl": StatementType.ADL,
    "deposit": StatementType.DEPOSIT,
    "withdrawal": StatementType.WITHDRAWAL,
    "reversal": StatementType.REVERSAL,
}

# A penalty is taken out of what the takeover left, not from the trader's account: its line stands beside the account's.
_PART = """
    (SELECT p.id, {account}, a.currency_id, e.kind, p.debit, p.credit, {balance}
       FROM {lines}
      WHERE {of_trader} AND p.id {beyond} %(beyond)s
        AND (%(kinds)s::text[] IS NULL OR (e.kind = ANY (%(kinds)s)) = %(wanted)s)
        AND (%(currency)s::text IS NULL OR a.currency_id = %(currency)s)
        AND (%(from)s::timestamptz IS NULL OR e.effective_at >= %(from)s)
        AND (%(to)s::timestamptz IS NULL OR e.effective_at < %(to)s)
      ORDER BY p.id {order} LIMIT %(limit)s)"""
_OF_ACCOUNTS = {
    "account": "a.code",
    "balance": "p.balance_after",
    "of_trader": "a.kind = 'trader' AND a.owner = %(trader)s",
    "lines": """ledger_account a
       JOIN ledger_posting p ON p.account_id = a.id
       JOIN ledger_entry e ON e.id = p.entry_id""",
}
_OF_PENALTIES = {
    "account": "NULL",
    "balance": "NULL",
    "of_trader": "t.trader = %(trader)s",
    "lines": """liquidation_takeover t
       JOIN ledger_entry e ON e.source_kind = 'takeover' AND e.source_id = t.reference AND e.kind = 'penalty'
       JOIN ledger_posting p ON p.id = e.id * 10000 + 1
       JOIN ledger_account a ON a.id = p.account_id""",
}
_STATEMENT = f"""
WITH lines (id, code, currency, kind, debit, credit, balance) AS (
{_PART.format_map({**_OF_ACCOUNTS, "beyond": "{beyond}", "order": "{order}"})}
    UNION ALL
{_PART.format_map({**_OF_PENALTIES, "beyond": "{beyond}", "order": "{order}"})})
SELECT l.id, l.code, l.currency, l.kind, l.debit, l.credit, l.balance, e.id, e.reference, e.source_kind,
       e.source_id, e.description, e.effective_at, e.created_at
  FROM lines l JOIN ledger_entry e ON e.id = l.id / 10000
 ORDER BY l.id {{order}} LIMIT %(limit)s"""
_FORWARD = _STATEMENT.format(beyond=">", order="ASC")
_BACKWARD = _STATEMENT.format(beyond="<", order="DESC")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderLine:
    """One line. `account` and `balance_after` are None for a fee that the account did not pay: see LIQUIDATION_FEE."""

    id: int
    type: StatementType
    account: str | None
    currency: str
    debit: Decimal
    credit: Decimal
    balance_after: Decimal | None
    entry: int
    reference: str
    kind: str
    source_kind: str
    source_id: str
    description: str
    effective_at: datetime
    created_at: datetime


def trader_lines(
    trader: str,
    *,
    types: Collection[StatementType] | None = None,
    currency: str | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
    beyond: int = 0,
    backward: bool = False,
    limit: int,
) -> list[TraderLine]:
    """At most `limit` of a trader's lines, in the order of the book, after the line `beyond`.

    Of all types or of these, in all currencies or in this one, of entries with from_ ≤ effective_at < to. `backward`:
    those before it, the nearest first.
    """
    kinds, wanted = _kinds_of(types)
    arguments: dict[str, Any] = {
        "trader": trader,
        "beyond": beyond,
        "kinds": kinds,
        "wanted": wanted,
        "currency": currency,
        "from": from_,
        "to": to,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BACKWARD if backward else _FORWARD, {**arguments, "limit": limit})
        return [_line(*row) for row in cursor]


def _line(
    line: int,
    account: str | None,
    currency: str,
    kind: str,
    debit: Decimal,
    credit: Decimal,
    balance: Decimal | None,
    entry: int,
    reference: str,
    source_kind: str,
    source_id: str,
    description: str,
    effective_at: datetime,
    created_at: datetime,
) -> TraderLine:
    return TraderLine(
        id=line,
        type=_TYPE_OF.get(kind, StatementType.SETTLEMENT),
        account=account,
        currency=currency,
        debit=debit,
        credit=credit,
        balance_after=balance,
        entry=entry,
        reference=reference,
        kind=kind,
        source_kind=source_kind,
        source_id=source_id,
        description=description,
        effective_at=effective_at,
        created_at=created_at,
    )


def _kinds_of(types: Collection[StatementType] | None) -> tuple[list[str] | None, bool]:
    """The entries' kinds that are meant, or, with False, the kinds that are not: settlements are all the others."""
    if types is None:
        return None, True
    named = [kind for kind, of in _TYPE_OF.items() if of in types]
    if StatementType.SETTLEMENT not in types:
        return named, True
    return [kind for kind in _TYPE_OF if kind not in named], False
