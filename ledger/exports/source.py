"""What an export is made of, read through server-side cursors: accounts by code, entries with their lines by id."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from django.db.models import Max, Min

from ledger.models import POSTINGS_PER_ENTRY, Account, Currency, Entry, Posting
from ledger.money import EXACT, plain

_ROWS_A_FETCH = 5000


@dataclass(frozen=True, slots=True)
class ExportedAccount:
    """`signed_balance` is debits minus credits, whatever the normal side: the sign of the foreign programs."""

    code: str
    kind: str
    currency: str
    decimals: int
    signed_balance: Decimal


@dataclass(frozen=True, slots=True)
class ExportedLine:
    number: int
    account: str
    kind: str
    currency: str
    decimals: int
    debit: Decimal
    credit: Decimal
    balance_after: Decimal
    version: int

    @property
    def signed_amount(self) -> Decimal:
        return EXACT.subtract(self.debit, self.credit)


@dataclass(frozen=True, slots=True)
class ExportedEntry:
    id: int
    reference: str
    kind: str
    source_kind: str
    source_id: str
    effective_at: datetime
    created_at: datetime
    description: str
    recorded_by: str
    reverses: int | None
    lines: tuple[ExportedLine, ...]


def currencies(currency: str | None) -> list[tuple[str, int]]:
    """Code and decimals of each currency of the export."""
    found = Currency.objects.order_by("code")
    if currency is not None:
        found = found.filter(code=currency)
    return list(found.values_list("code", "decimals"))


def days() -> tuple[date, date]:
    """The first and the last day on which something happened; the epoch where nothing did."""
    span = Entry.objects.aggregate(first=Min("effective_at"), last=Max("effective_at"))
    if span["first"] is None:
        return date(1970, 1, 1), date(1970, 1, 1)
    return span["first"].date(), span["last"].date()


def accounts(currency: str | None) -> Iterator[ExportedAccount]:
    found = Account.objects.order_by("code")
    if currency is not None:
        found = found.filter(currency=currency)
    rows = found.values_list("code", "kind", "currency_id", "currency__decimals", "debits", "credits")
    for code, kind, account_currency, decimals, debits, credits in rows.iterator(_ROWS_A_FETCH):
        yield ExportedAccount(code, kind, account_currency, decimals, EXACT.subtract(debits, credits))


def entries(currency: str | None) -> Iterator[ExportedEntry]:
    found = Posting.objects.order_by("id")
    if currency is not None:
        found = found.filter(account__currency=currency)
    rows = found.values_list(
        "entry_id",
        "entry__reference",
        "entry__kind",
        "entry__source_kind",
        "entry__source_id",
        "entry__effective_at",
        "entry__created_at",
        "entry__description",
        "entry__recorded_by",
        "entry__reverses_id",
        "id",
        "account__code",
        "account__kind",
        "account__currency_id",
        "account__currency__decimals",
        "debit",
        "credit",
        "balance_after",
        "version",
    ).iterator(_ROWS_A_FETCH)
    for _, postings in groupby(rows, key=lambda row: row[0]):
        lines = list(postings)
        numbered = tuple(ExportedLine(line[10] % POSTINGS_PER_ENTRY, *line[11:]) for line in lines)
        yield ExportedEntry(*lines[0][:10], numbered)


def fixed(value: Decimal, decimals: int) -> str:
    """`value` with all decimals of its currency written out, never rounded.

    The foreign checkers infer from the digits how far off an entry may be: all digits mean not at all.
    """
    integer, _, fraction = plain(value).partition(".")
    return f"{integer}.{fraction.ljust(decimals, '0')}" if decimals else integer
