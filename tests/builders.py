"""What tests are written with: entries in the words of a ledger, books opened through the real functions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from ledger import accounts, posting
from ledger.errors import PostingRefused, Refused
from ledger.models import Account, Currency, Posting
from ledger.money import plain
from ledger.posting import Entry, Line, Posted

START = datetime(2026, 1, 1, tzinfo=UTC)


def moment(seconds: int = 0) -> datetime:
    """So many seconds after the story's start."""
    return START + timedelta(seconds=seconds)


def debit(account: str, amount: str) -> Line:
    return Line(account, debit=Decimal(amount))


def credit(account: str, amount: str) -> Line:
    return Line(account, credit=Decimal(amount))


def entry(
    reference: str,
    *lines: Line,
    kind: str = "deposit",
    at: datetime = START,
    stated: bool = True,
    description: str = "",
    source: tuple[str, str] = ("", ""),
) -> Entry:
    return Entry(
        reference=reference,
        kind=kind,
        lines=lines,
        effective_at=at,
        effective_stated=stated,
        description=description,
        source_kind=source[0],
        source_id=source[1],
    )


def move(
    reference: str, amount: str, *, debited: str, credited: str, kind: str = "deposit", at: datetime = START
) -> Entry:
    """An entry of two lines, `debited → credited` as accounting.md writes it."""
    return entry(reference, debit(debited, amount), credit(credited, amount), kind=kind, at=at)


def open_currency(code: str = "USDT", *, decimals: int = 8) -> str:
    Currency.objects.get_or_create(code=code, defaults={"decimals": decimals})
    return code


def open_accounts(*codes: str, currency: str = "USDT") -> None:
    open_currency(currency)
    accounts.open_missing(codes, currency=currency)


def post(*entries: Entry, currency: str = "USDT") -> list[Posted]:
    """Open the accounts that the entries name, then post them in one call."""
    open_accounts(*(line.account for each in entries for line in each.lines), currency=currency)
    return posting.post(entries)


def balance(account: str) -> str:
    return plain(Account.objects.values_list("balance", flat=True).get(code=account))


def balances() -> dict[str, tuple[str, int]]:
    """Balance and number of postings of every account: what a refusal leaves as it was."""
    rows = Account.objects.values_list("code", "balance", "version")
    return {code: (plain(amount), version) for code, amount, version in rows}


def book_of(account: str) -> list[tuple[int, str, str]]:
    """Version, reference and balance after it, of every posting of an account."""
    postings = Posting.objects.filter(account__code=account).select_related("entry").order_by("version")
    return [(line.version, line.entry.reference, plain(line.balance_after)) for line in postings]


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[Refused]]:
    """What happens inside is refused with `code`, and no balance moves."""
    before = balances()
    with pytest.raises(Refused) as caught, transaction.atomic():
        yield caught
    assert caught.value.code == code, caught.value.detail
    assert balances() == before


def refusals_of(error: Refused) -> list[tuple[int, str]]:
    """Place in the call and code of each entry that the posting door refused."""
    assert isinstance(error, PostingRefused)
    return [(refusal.position, refusal.code) for refusal in error.refusals]
