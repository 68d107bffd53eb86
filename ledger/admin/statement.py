"""One page of an account's statement, found by the account's own numbering of its postings, however long it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Sum

from ledger.admin.periods import midnight
from ledger.balances import balance_at, one_moment
from ledger.chart import Side
from ledger.models import Account, Posting
from ledger.money import EXACT
from ledger.reports import statement_postings

LINES_PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the person asked for: `after` and `before` are versions, the last and the first line of another page."""

    from_: datetime | None
    to: datetime | None
    kind: str
    after: int | None
    before: int | None

    @property
    def is_filtered(self) -> bool:
        return bool(self.from_ or self.to or self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """`forward`: the account's balance before the first line; None where lines between are left out by a filter."""

    lines: tuple[Posting, ...]
    forward: Decimal | None
    has_earlier: bool
    has_later: bool

    @classmethod
    def empty(cls) -> "StatementPage":
        return cls(lines=(), forward=None, has_earlier=False, has_later=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the chosen lines sum to, in the account's currency, all pages together.

    `opening` and `closing`: the account's balance before the first day and after the last, by when entries happened;
    None where one kind is chosen, which leads from no balance to another.
    """

    debits: Decimal
    credits: Decimal
    opening: Decimal | None
    closing: Decimal | None


class StatementForm(forms.Form):
    """The filters over a statement. Days are of UTC, both included."""

    from_day = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    to_day = forms.DateField(required=False, label="to", widget=forms.DateInput(attrs={"type": "date"}))
    kind = forms.CharField(required=False, max_length=40, label="Kind")
    after = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def chosen(self) -> Chosen:
        values = self.cleaned_data
        return Chosen(
            from_=midnight(values["from_day"]) if values["from_day"] else None,
            to=midnight(values["to_day"], days=1) if values["to_day"] else None,
            kind=values["kind"],
            after=values["after"],
            before=values["before"],
        )

    def links(self, page: StatementPage) -> dict[str, Mapping[str, str]]:
        """The queries of the pages around `page`."""
        kept = {name: str(self.data[name]) for name in ("from_day", "to_day", "kind") if self.data.get(name)}
        links: dict[str, Mapping[str, str]] = {}
        if page.has_earlier:
            links["first"] = {**kept, "after": "0"}
            links["earlier"] = {**kept, "before": str(page.lines[0].version)}
        if page.has_later:
            links["later"] = {**kept, "after": str(page.lines[-1].version)}
            links["last"] = kept
        return links


def read_page(account: Account, chosen: Chosen) -> StatementPage:
    """The chosen page; without a choice the latest one. Constant cost: pages are found by version, never by offset."""
    postings: Any = statement_postings(
        account.code, from_=chosen.from_, to=chosen.to, kinds=[chosen.kind] if chosen.kind else None
    )
    forwards = chosen.after is not None
    if forwards:
        found = list(postings.filter(version__gt=chosen.after)[: LINES_PER_PAGE + 1])
        more, lines = len(found) > LINES_PER_PAGE, found[:LINES_PER_PAGE]
    else:
        earlier = postings if chosen.before is None else postings.filter(version__lt=chosen.before)
        found = list(earlier.order_by("-version")[: LINES_PER_PAGE + 1])
        more, lines = len(found) > LINES_PER_PAGE, found[:LINES_PER_PAGE][::-1]
    if not lines:
        return StatementPage.empty()
    return StatementPage(
        lines=tuple(lines),
        forward=None if chosen.is_filtered else _before(lines[0], account),
        has_earlier=more if not forwards else bool(chosen.after),
        has_later=more if forwards else chosen.before is not None,
    )


def read_totals(account: Account, chosen: Chosen) -> Totals | None:
    """The totals of what was chosen; None where nothing was: they are the account's own."""
    if chosen.kind:
        postings = statement_postings(account.code, from_=chosen.from_, to=chosen.to, kinds=[chosen.kind])
        sums = postings.order_by().aggregate(debits=Sum("debit"), credits=Sum("credit"))
        return Totals(
            debits=sums["debits"] or Decimal(0), credits=sums["credits"] or Decimal(0), opening=None, closing=None
        )
    if not chosen.is_filtered:
        return None
    with one_moment():
        first = None if chosen.from_ is None else balance_at(account.code, at=_just_before(chosen.from_))
        last = balance_at(account.code, at=None if chosen.to is None else _just_before(chosen.to))
    return Totals(
        debits=EXACT.subtract(last.debits, first.debits) if first else last.debits,
        credits=EXACT.subtract(last.credits, first.credits) if first else last.credits,
        opening=first.balance if first else Decimal(0),
        closing=last.balance,
    )


def _just_before(moment: datetime) -> datetime:
    """The last moment that is not yet this one: the database keeps microseconds."""
    return moment - timedelta(microseconds=1)


def _before(line: Posting, account: Account) -> Decimal:
    """The account's balance before one of its lines, on its normal side."""
    increase = line.debit if account.normal_side == Side.DEBIT.value else line.credit
    decrease = line.credit if account.normal_side == Side.DEBIT.value else line.debit
    return EXACT.add(EXACT.subtract(line.balance_after, increase), decrease)
