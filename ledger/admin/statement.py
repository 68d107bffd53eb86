"""One page of an account's statement, found by the account's own numbering of its postings, however long it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django import forms

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
            from_=_midnight(values["from_day"], days=0),
            to=_midnight(values["to_day"], days=1),
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


def _before(line: Posting, account: Account) -> Decimal:
    """The account's balance before one of its lines, on its normal side."""
    increase = line.debit if account.normal_side == Side.DEBIT.value else line.credit
    decrease = line.credit if account.normal_side == Side.DEBIT.value else line.debit
    return EXACT.add(EXACT.subtract(line.balance_after, increase), decrease)


def _midnight(day: Any, *, days: int) -> datetime | None:
    return datetime.combine(day + timedelta(days=days), time.min, UTC) if day else None
