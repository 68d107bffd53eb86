"""Balances of accounts now, at a moment of the world (`at`) and as the book knew them (`known_at`)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from ledger import chart
from ledger.errors import NotFound
from ledger.models import Account, Currency
from ledger.money import EXACT, total

# One account as it stands, or all of a currency that have moved.
_AT = """
SELECT a.code, a.kind, a.currency_id, a.normal_side, b.debits, b.credits
  FROM ledger_balances_at_v1(%(currency)s, %(account)s, %(at)s, %(known_at)s) b
  JOIN ledger_account a ON a.id = b.account_id
 WHERE %(account)s::text IS NOT NULL OR b.debits <> 0 OR b.credits <> 0
 ORDER BY a.code"""
_NOW = """
SELECT a.code, a.kind, a.currency_id, a.normal_side, a.debits, a.credits
  FROM ledger_account a
 WHERE a.currency_id = %(currency)s
   AND a.version > 0
 ORDER BY a.code"""
_ONE_NOW = """
SELECT a.code, a.kind, a.currency_id, a.normal_side, a.debits, a.credits
  FROM ledger_account a
 WHERE a.code = %(account)s"""

_KINDS_AT = """
SELECT a.kind, count(*), sum(b.debits), sum(b.credits)
  FROM ledger_balances_at_v1(%(currency)s, NULL, %(at)s, %(known_at)s) b
  JOIN ledger_account a ON a.id = b.account_id
 WHERE b.debits <> 0 OR b.credits <> 0
 GROUP BY a.kind"""
_KINDS_NOW = """
SELECT a.kind, count(*), sum(a.debits), sum(a.credits)
  FROM ledger_account a
 WHERE a.currency_id = %(currency)s
   AND a.version > 0
 GROUP BY a.kind"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    """Totals of one account in its currency; `balance` stands on the normal side."""

    code: str
    kind: str
    currency: str
    normal_side: chart.Side
    debits: Decimal
    credits: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTotal:
    """What the accounts of one kind hold together."""

    kind: str
    normal_side: chart.Side
    accounts: int
    debits: Decimal
    credits: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """Every account of a currency that has moved by then, in order of its code.

    `debits` and `credits` total the columns. `debit_balances` and `credit_balances` are the two sides of the balance
    identity of accounting.md: custody + loss_to_allocate + deficit + house_loss, and all the other kinds.
    """

    currency: str
    at: datetime | None
    known_at: datetime | None
    rows: tuple[AccountBalance, ...]
    debits: Decimal
    credits: Decimal
    debit_balances: Decimal
    credit_balances: Decimal

    @property
    def balanced(self) -> bool:
        return self.debits == self.credits and self.debit_balances == self.credit_balances

    def by_kind(self) -> tuple[KindTotal, ...]:
        """The rows summed up by kind, in the chart's order."""
        rows: dict[str, list[AccountBalance]] = {}
        for row in self.rows:
            rows.setdefault(row.kind, []).append(row)
        return tuple(
            KindTotal(
                kind=name,
                normal_side=kind.normal_side,
                accounts=len(rows[name]),
                debits=total(row.debits for row in rows[name]),
                credits=total(row.credits for row in rows[name]),
                balance=total(row.balance for row in rows[name]),
            )
            for name, kind in chart.KINDS.items()
            if name in rows
        )


def balance_at(account_code: str, *, at: datetime | None = None, known_at: datetime | None = None) -> AccountBalance:
    """Totals of an account from entries with effective_at ≤ `at` and created_at ≤ `known_at`; without both, now.

    Raises NotFound `account_unknown`.
    """
    currency = Account.objects.filter(code=account_code).values_list("currency_id", flat=True).first()
    if currency is None:
        raise NotFound("account_unknown", f"account {account_code} does not exist")
    return _totals(currency=currency, account=account_code, at=at, known_at=known_at)[0]


def trial_balance(currency: str, *, at: datetime | None = None, known_at: datetime | None = None) -> TrialBalance:
    """The trial balance of a currency at a moment, limited as in `balance_at`. Raises NotFound `currency_unknown`."""
    if not Currency.objects.filter(code=currency).exists():
        raise NotFound("currency_unknown", f"currency {currency} does not exist")
    rows = _totals(currency=currency, account=None, at=at, known_at=known_at)
    debit_balances, credit_balances = identity_sides((row.kind, row.balance) for row in rows)
    return TrialBalance(
        currency=currency,
        at=at,
        known_at=known_at,
        rows=tuple(rows),
        debits=total(row.debits for row in rows),
        credits=total(row.credits for row in rows),
        debit_balances=debit_balances,
        credit_balances=credit_balances,
    )


def kind_totals(
    currency: str, *, at: datetime | None = None, known_at: datetime | None = None
) -> tuple[KindTotal, ...]:
    """`trial_balance(…).by_kind()`, summed up by the database: for books with many accounts.

    Raises NotFound `currency_unknown`.
    """
    if not Currency.objects.filter(code=currency).exists():
        raise NotFound("currency_unknown", f"currency {currency} does not exist")
    query = _KINDS_NOW if at is None and known_at is None else _KINDS_AT
    with connection.cursor() as cursor:
        cursor.execute(query, {"currency": currency, "at": at, "known_at": known_at})
        found = {row[0]: _kind_total(*row) for row in cursor}
    return tuple(found[name] for name in chart.KINDS if name in found)


def identity_sides(balances: Iterable[tuple[str, Decimal]]) -> tuple[Decimal, Decimal]:
    """The two sides of the balance identity, from (kind, balance) pairs. Source: accounting.md, chart of accounts."""
    left: list[Decimal] = []
    right: list[Decimal] = []
    for kind, balance in balances:
        (left if chart.KINDS[kind].normal_side is chart.Side.DEBIT else right).append(balance)
    return total(left), total(right)


@contextmanager
def one_moment() -> Iterator[None]:
    """Everything read inside is of one moment of the book. Inside a transaction it is that transaction's view."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _totals(
    *, currency: str, account: str | None, at: datetime | None, known_at: datetime | None
) -> list[AccountBalance]:
    now = _NOW if account is None else _ONE_NOW
    query = now if at is None and known_at is None else _AT
    with connection.cursor() as cursor:
        cursor.execute(query, {"currency": currency, "account": account, "at": at, "known_at": known_at})
        return [_balance(*row) for row in cursor]


def _balance(
    code: str, kind: str, currency: str, normal_side: str, debits: Decimal, credits: Decimal
) -> AccountBalance:
    side = chart.Side(normal_side)
    balance = EXACT.subtract(debits, credits) if side is chart.Side.DEBIT else EXACT.subtract(credits, debits)
    return AccountBalance(
        code=code, kind=kind, currency=currency, normal_side=side, debits=debits, credits=credits, balance=balance
    )


def _kind_total(kind: str, accounts: int, debits: Decimal, credits: Decimal) -> KindTotal:
    side = chart.KINDS[kind].normal_side
    balance = EXACT.subtract(debits, credits) if side is chart.Side.DEBIT else EXACT.subtract(credits, debits)
    return KindTotal(kind=kind, normal_side=side, accounts=accounts, debits=debits, credits=credits, balance=balance)
