"""Currencies, accounts, entries."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    code: str
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account with what stands on it now; `balance` is on its normal side."""

    code: str
    kind: str
    owner: str
    currency: str
    normal_side: str
    debits: Decimal
    credits: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What stood on an account."""

    code: str
    kind: str
    currency: str
    normal_side: str
    debits: Decimal
    credits: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceAt(Balance):
    """What stood on an account `at` a moment of the world, as far as the book knew by `known_at`."""

    at: datetime | None
    known_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    currency: str
    at: datetime | None
    known_at: datetime | None
    rows: list[Balance]
    debits: Decimal
    credits: Decimal
    balanced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """A line of an account; `version` is its place in the account's book, from 1."""

    version: int
    entry: int
    reference: str
    kind: str
    description: str
    debit: Decimal
    credit: Decimal
    balance_after: Decimal
    effective_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Exactly one of `debit` and `credit`."""

    account: str
    debit: Decimal | None = None
    credit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    reference: str
    kind: str
    lines: list[Line]
    effective_at: datetime | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A balanced transaction. `reverses` and `reversed_by` are entries."""

    id: int
    reference: str
    kind: str
    effective_at: datetime
    created_at: datetime
    description: str
    source_kind: str
    source_id: str
    recorded_by: str
    reverses: int | None
    reversed_by: int | None
    lines: list[Line]
