"""Entries by hand: deposits, withdrawals and corrections that a bookkeeper's key or the venue's own books bring."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from ledger import chart
from ledger.accounts import kinds_by_code, open_missing
from ledger.errors import EntryRefusal, PostingRefused
from ledger.models import Account, Currency
from ledger.posting import Entry, Line, Posted, post
from ledger.references import is_reserved
from ledger.reversals import KIND as REVERSAL

_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualEntry:
    """An entry as its caller states it; without `effective_at` it happened when it was recorded."""

    reference: str
    kind: str
    lines: Sequence[Line]
    effective_at: datetime | None
    description: str


def record_entries(entries: Sequence[ManualEntry], *, recorded_at: datetime) -> list[Posted]:
    """Post them, all or none. An account of a trader is opened by its first entry, every other one must exist.

    Raises PostingRefused: as `posting.post`, and `account_controlled` (moved by the fund's and the engine's events
    alone, on this side), `kind_malformed`, `kind_reserved`, `reference_reserved`, `currency_unknown`.
    """
    refusals = [refusal for position, entry in enumerate(entries) for refusal in _refusals(position, entry)]
    missing = _traders_missing(entries)
    currencies = set(Currency.objects.values_list("code", flat=True)) if missing else set()
    refusals += [
        EntryRefusal(position, "currency_unknown", f"account {code}: currency {currency} does not exist")
        for code, (currency, position) in missing.items()
        if currency not in currencies
    ]
    if refusals:
        raise _placed(sorted(refusals, key=lambda refusal: refusal.position))

    new = [
        Entry(
            reference=entry.reference,
            kind=entry.kind,
            lines=entry.lines,
            effective_at=entry.effective_at or recorded_at,
            effective_stated=entry.effective_at is not None,
            description=entry.description,
        )
        for entry in entries
    ]
    try:
        if not missing:
            return post(new)
        with transaction.atomic():
            for currency in sorted({currency for currency, _ in missing.values()}):
                open_missing([code for code, (of, _) in missing.items() if of == currency], currency=currency)
            return post(new)
    except PostingRefused as refused:
        raise _placed(refused.refusals) from refused


def _refusals(position: int, entry: ManualEntry) -> Iterator[EntryRefusal]:
    if not _KIND.fullmatch(entry.kind):
        detail = f"entry {entry.reference}: the kind {entry.kind!r} is not in snake case of at most 40 letters"
        yield EntryRefusal(position, "kind_malformed", detail)
    if entry.kind == REVERSAL:
        yield EntryRefusal(position, "kind_reserved", f"entry {entry.reference}: a reversal names what it reverses")
    if is_reserved(entry.reference):
        detail = f"entry {entry.reference}: references of this form belong to the entries of events"
        yield EntryRefusal(position, "reference_reserved", detail)
    kinds = kinds_by_code(dict.fromkeys(line.account for line in entry.lines))
    for code, side in dict.fromkeys((line.account, side) for line in entry.lines for side in _sides(line)):
        kind = kinds.get(code)
        if kind is not None and side not in kind.manual:
            moved = f"{side.value}ed by approved withdrawals and events" if kind.manual else "moved by events"
            yield EntryRefusal(
                position, "account_controlled", f"entry {entry.reference}: account {code} is {moved} alone"
            )


def _sides(line: Line) -> Iterator[chart.Side]:
    if line.debit:
        yield chart.Side.DEBIT
    if line.credit:
        yield chart.Side.CREDIT


def _placed(refusals: Sequence[EntryRefusal]) -> PostingRefused:
    """The entries of the call are the items of the batch: the refusal says which of them stands in the way."""
    refused = PostingRefused(refusals)
    refused.position = refusals[0].position
    return refused


def _traders_missing(entries: Sequence[ManualEntry]) -> dict[str, tuple[str, int]]:
    """Currency and first position of each trader's account that does not exist yet, by its code."""
    named: dict[str, tuple[str, int]] = {}
    for position, entry in enumerate(entries):
        for line in entry.lines:
            if line.account.startswith("trader:") and line.account not in named:
                try:
                    spec = chart.parse(line.account)
                except chart.ChartError:
                    continue
                assert spec.currency is not None
                named[line.account] = (spec.currency, position)
    if named:
        known = Account.objects.filter(code__in=named).values_list("code", flat=True)
        for code in known:
            del named[code]
    return named


def line_of(account: str, *, debit: Decimal | None, credit: Decimal | None) -> Line:
    """A line as stated; one that names both sides, or none, is refused by the posting door."""
    return Line(account, debit=debit or Decimal(0), credit=credit or Decimal(0))
