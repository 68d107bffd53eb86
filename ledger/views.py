"""The ledger's resources: currencies, accounts, entries, trial balance."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from ledger import balances, chart, currencies, manual, reports
from ledger.errors import NotFound
from ledger.models import Account, Currency, Entry, Posting
from ledger.rest.batch import post_events
from ledger.rest.idempotency import idempotent
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.permissions import HOUSE, HOUSE_AND_TRADER, allow_trader, own_trader
from ledger.rest.schema import listed, recorded, shown
from ledger.rest.serializers import NoQuery
from ledger.rest.views import ResourceView, recorded_response
from ledger.serializers import (
    AccountQuery,
    AccountSerializer,
    BalanceAtSerializer,
    BalanceQuery,
    CurrencyQuery,
    CurrencySerializer,
    EntryItemAnswer,
    EntryQuery,
    EntrySerializer,
    NewEntrySerializer,
    StatementLineSerializer,
    StatementQuery,
    TrialBalanceQuery,
    TrialBalanceSerializer,
)


class CurrenciesView(ResourceView):
    """Currencies and their precision."""

    roles = {"GET": HOUSE, "POST": {Role.BOOKKEEPER, Role.TREASURY}}
    per_fund = True

    @listed(CurrencySerializer, CurrencyQuery)
    def get(self, request: Request) -> Response:
        rows = Currency.objects.filter(**CurrencyQuery.read(request, paged=True))
        return page_response(request, rows, by="code", serializer=CurrencySerializer)

    @recorded(CurrencySerializer, CurrencySerializer)
    @idempotent
    def post(self, request: Request) -> Response:
        currency, known = currencies.add_currency(**CurrencySerializer.read_body(request))
        return recorded_response(CurrencySerializer(currency).data, replayed=known)


class AccountsView(ResourceView):
    """Accounts with what stands on them now. A trader sees its own."""

    roles = {"GET": HOUSE_AND_TRADER}

    @listed(AccountSerializer, AccountQuery)
    def get(self, request: Request) -> Response:
        rows = Account.objects.filter(**AccountQuery.read(request, paged=True))
        trader = own_trader(request)
        if trader is not None:
            rows = rows.filter(kind="trader", owner=trader)
        return page_response(request, rows, by="code", serializer=AccountSerializer)


class AccountView(ResourceView):
    """One account."""

    roles = {"GET": HOUSE_AND_TRADER}

    @shown(AccountSerializer)
    def get(self, request: Request, code: str) -> Response:
        NoQuery.read(request)
        _allow_account(request, code)
        account = Account.objects.filter(code=code).first()
        if account is None:
            raise NotFound("account_unknown", f"account {code} does not exist")
        return Response(AccountSerializer(account).data)


class BalanceView(ResourceView):
    """An account's balance at a moment of the world, and as the book knew it at another."""

    roles = {"GET": HOUSE_AND_TRADER}

    @shown(BalanceAtSerializer, BalanceQuery)
    def get(self, request: Request, code: str) -> Response:
        moment = BalanceQuery.read(request)
        _allow_account(request, code)
        balance = balances.balance_at(code, **moment)
        return Response(BalanceAtSerializer({**asdict(balance), **moment}).data)


class StatementView(ResourceView):
    """The lines of an account in the order of its book, with the balance after each."""

    roles = {"GET": HOUSE_AND_TRADER}

    @listed(StatementLineSerializer, StatementQuery)
    def get(self, request: Request, code: str) -> Response:
        query = StatementQuery.read(request, paged=True)
        _allow_account(request, code)
        rows = reports.statement_postings(
            code,
            from_=query.get("effective_from"),
            to=query.get("effective_to"),
            kinds=[query["kind"]] if "kind" in query else None,
            reference=query.get("reference"),
        )
        return page_response(request, rows, by="version", serializer=StatementLineSerializer)


class EntriesView(ResourceView):
    """Balanced transactions, the newest first; posted one at a time or in a batch."""

    roles = {"GET": HOUSE, "POST": {Role.BOOKKEEPER}}

    @listed(EntrySerializer, EntryQuery)
    def get(self, request: Request) -> Response:
        query = EntryQuery.read(request, paged=True)
        account = query.pop("account", None)
        rows = _entries().filter(**query)
        if account is not None:
            rows = rows.filter(pk__in=Posting.objects.filter(account__code=account).values("entry_id"))
        return page_response(request, rows, by="-id", serializer=EntrySerializer)

    @recorded(NewEntrySerializer, EntrySerializer, item=EntryItemAnswer)
    def post(self, request: Request) -> Response:
        now = timezone.now()
        return post_events(
            request,
            shape=NewEntrySerializer,
            call=lambda items: manual.record_entries([_manual_entry(item) for item in items], recorded_at=now),
            show=lambda posted: show_entry(posted.entry_id),
            show_item=lambda posted: {"id": posted.entry_id},
        )


class EntryView(ResourceView):
    """One entry with its lines."""

    roles = {"GET": HOUSE}

    @shown(EntrySerializer)
    def get(self, request: Request, entry_id: int) -> Response:
        NoQuery.read(request)
        return Response(show_entry(entry_id))


class TrialBalanceView(ResourceView):
    """Every account of a currency that has moved by then, and whether the columns agree."""

    roles = {"GET": HOUSE}

    @shown(TrialBalanceSerializer, TrialBalanceQuery)
    def get(self, request: Request) -> Response:
        return Response(TrialBalanceSerializer(balances.trial_balance(**TrialBalanceQuery.read(request))).data)


def show_entry(entry_id: int) -> Mapping[str, Any]:
    """An entry as the API shows it. Raises NotFound `entry_unknown`."""
    entry = _entries().filter(pk=entry_id).first()
    if entry is None:
        raise NotFound("entry_unknown", f"entry {entry_id} does not exist")
    document: Mapping[str, Any] = EntrySerializer(entry).data
    return document


def _entries() -> QuerySet[Entry]:
    return Entry.objects.select_related("reversed_by").prefetch_related("postings__account")


def _allow_account(request: Request, code: str) -> None:
    """A trader's key opens that trader's accounts alone."""
    trader = own_trader(request)
    if trader is not None:
        try:
            spec = chart.parse(code)
        except chart.ChartError:
            spec = None
        allow_trader(request, spec.owner if spec is not None and spec.kind.name == "trader" else "")


def _manual_entry(item: dict[str, Any]) -> manual.ManualEntry:
    lines = [
        manual.line_of(line["account"], debit=line.get("debit"), credit=line.get("credit")) for line in item["lines"]
    ]
    return manual.ManualEntry(**{**item, "lines": lines})
