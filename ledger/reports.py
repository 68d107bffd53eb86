"""Reads of the journal: the statement of an account."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from ledger.balances import AccountBalance, balance_at
from ledger.errors import NotFound
from ledger.models import Account, Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One posting on the account, in the account's currency. `version` is its place in the account's book, from 1."""

    version: int
    entry_id: int
    reference: str
    kind: str
    description: str
    debit: Decimal
    credit: Decimal
    balance_after: Decimal
    effective_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A page of an account's statement. `next_version` is the `after_version` of the next page, None on the last."""

    account: AccountBalance
    lines: tuple[StatementLine, ...]
    next_version: int | None


def statement(
    account_code: str,
    *,
    after_version: int = 0,
    limit: int,
    from_: datetime | None = None,
    to: datetime | None = None,
    kinds: Collection[str] | None = None,
) -> Statement:
    """Lines of the account after `after_version`, in book order, at most `limit`; the filters as `statement_postings`.

    Raises NotFound `account_unknown`.
    """
    account = balance_at(account_code)
    postings = statement_postings(account_code, from_=from_, to=to, kinds=kinds)
    page = list(postings.filter(version__gt=after_version)[: limit + 1])
    lines = tuple(_line(posting) for posting in page[:limit])
    return Statement(account=account, lines=lines, next_version=lines[-1].version if len(page) > limit else None)


def statement_postings(
    account_code: str,
    *,
    from_: datetime | None = None,
    to: datetime | None = None,
    kinds: Collection[str] | None = None,
    reference: str | None = None,
) -> QuerySet[Posting]:
    """The account's postings with their entries, ordered by version: for a view that pages by itself.

    Of entries with from_ ≤ effective_at < to, of these kinds, of this reference. Raises NotFound `account_unknown`.
    """
    account_id = Account.objects.filter(code=account_code).values_list("id", flat=True).first()
    if account_id is None:
        raise NotFound("account_unknown", f"account {account_code} does not exist")
    postings = Posting.objects.filter(account_id=account_id).select_related("entry").order_by("version")
    if from_ is not None:
        postings = postings.filter(entry__effective_at__gte=from_)
    if to is not None:
        postings = postings.filter(entry__effective_at__lt=to)
    if kinds is not None:
        postings = postings.filter(entry__kind__in=kinds)
    if reference is not None:
        postings = postings.filter(entry__reference=reference)
    return postings


def _line(posting: Posting) -> StatementLine:
    entry = posting.entry
    return StatementLine(
        version=posting.version,
        entry_id=entry.pk,
        reference=entry.reference,
        kind=entry.kind,
        description=entry.description,
        debit=posting.debit,
        credit=posting.credit,
        balance_after=posting.balance_after,
        effective_at=entry.effective_at,
        created_at=entry.created_at,
    )
