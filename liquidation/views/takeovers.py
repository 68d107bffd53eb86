"""Takeovers and their fills: what a matching engine reports."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from fund import funds
from ledger.money import plain
from ledger.rest.batch import post_events
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.permissions import HOUSE_AND_TRADER, allow_fund, allowed_funds, of_allowed_funds, own_trader
from ledger.rest.schema import acted, listed, recorded, shown
from ledger.rest.serializers import NoBody, NoQuery, document
from ledger.rest.views import ResourceView
from liquidation import closes, errors
from liquidation.fills import FillReport, ReportedFill, report_fills
from liquidation.models import Contract, Fill, Takeover
from liquidation.serializers.takeovers import (
    FillItemAnswer,
    FillQuery,
    FillSerializer,
    NewFillSerializer,
    NewTakeoverSerializer,
    TakeoverItemAnswer,
    TakeoverQuery,
    TakeoverSerializer,
)
from liquidation.takeovers import Reported, TakeoverReport, report_takeovers


class TakeoversView(ResourceView):
    """Positions that the engine took over, the newest first; reported one at a time or in a batch."""

    roles = {"GET": HOUSE_AND_TRADER, "POST": {Role.ENGINE}}
    per_fund = True

    @listed(TakeoverSerializer, TakeoverQuery)
    def get(self, request: Request) -> Response:
        rows = readable_takeovers(request).filter(**TakeoverQuery.read(request, paged=True))
        return page_response(request, rows, by="-id", serializer=TakeoverSerializer)

    @recorded(NewTakeoverSerializer, TakeoverSerializer, item=TakeoverItemAnswer)
    def post(self, request: Request) -> Response:
        now = timezone.now()

        def report(items: Sequence[dict[str, Any]]) -> list[Reported]:
            allow_contracts(request, {item["contract"] for item in items})
            return report_takeovers([TakeoverReport(**item) for item in items], recorded_at=now)

        return post_events(
            request,
            shape=NewTakeoverSerializer,
            call=report,
            show=lambda reported: document(TakeoverSerializer, reported.takeover),
            show_item=lambda reported: {
                "bankruptcy_price": plain(reported.takeover.bankruptcy_price),
                "limit_price": _plain(reported.takeover.limit_price),
            },
        )


class TakeoverView(ResourceView):
    """One takeover, with what became of its result."""

    roles = {"GET": HOUSE_AND_TRADER}
    per_fund = True

    @shown(TakeoverSerializer)
    def get(self, request: Request, reference: str) -> Response:
        NoQuery.read(request)
        return Response(document(TakeoverSerializer, find_takeover(request, reference)))


class FillsView(ResourceView):
    """What closed a takeover, in its order; the last quantity settles it."""

    roles = {"GET": HOUSE_AND_TRADER, "POST": {Role.ENGINE}}
    per_fund = True

    @listed(FillSerializer, FillQuery)
    def get(self, request: Request, reference: str) -> Response:
        query = FillQuery.read(request, paged=True)
        rows = Fill.objects.filter(takeover=find_takeover(request, reference), **query).select_related("takeover")
        return page_response(request, rows, by="id", serializer=FillSerializer)

    @recorded(NewFillSerializer, FillSerializer, item=FillItemAnswer)
    def post(self, request: Request, reference: str) -> Response:
        now = timezone.now()
        allow_takeover(request, reference)

        def report(items: Sequence[dict[str, Any]]) -> list[ReportedFill]:
            return report_fills([FillReport(takeover=reference, **item) for item in items], recorded_at=now)

        return post_events(
            request,
            shape=NewFillSerializer,
            call=report,
            show=lambda reported: document(FillSerializer, reported.fill),
            show_item=lambda reported: {
                "takeover_status": reported.takeover.status,
                "remaining": plain(reported.takeover.remaining),
            },
        )


class CloseView(ResourceView):
    """Settle the result of a takeover that is filled; implied by its last fill."""

    roles = {"POST": {Role.ENGINE}}
    per_fund = True

    @acted(TakeoverSerializer)
    def post(self, request: Request, reference: str) -> Response:
        NoBody.read_body(request)
        allow_takeover(request, reference)
        takeover = closes.close_takeover(reference=reference, closed_at=timezone.now())
        return Response(document(TakeoverSerializer, takeover))


def readable_takeovers(request: Request) -> QuerySet[Takeover]:
    """Those that the key may see: its funds', its trader's."""
    rows = Takeover.objects.select_related("contract__fund", "rulebook")
    rows, trader = of_allowed_funds(request, rows, by="contract__fund__code"), own_trader(request)
    if trader is not None:
        rows = rows.filter(trader=trader)
    return rows


def find_takeover(request: Request, reference: str) -> Takeover:
    """Raises NotFound `takeover_unknown`, also for one that the key may not see: it learns nothing of it."""
    takeover = readable_takeovers(request).filter(reference=reference).first()
    if takeover is None:
        raise errors.takeover_unknown(reference)
    return takeover


def allow_takeover(request: Request, reference: str) -> None:
    """A key of some funds reports on their takeovers alone. Other keys cost no query."""
    if allowed_funds(request) is not None:
        find_takeover(request, reference)


def allow_contract_of(request: Request, code: str, symbol: str) -> None:
    """A path of one fund takes its own contracts. Raises NotFound `fund_unknown`; Refused `contract_of_another_fund`.

    A contract that nobody knows is the domain's to refuse.
    """
    allow_fund(request, code)
    fund = funds.find(code)
    if Contract.objects.filter(symbol=symbol).exclude(fund=fund).exists():
        raise errors.contract_of_another_fund(symbol, code)


def allow_contracts(request: Request, symbols: set[str]) -> None:
    """A key of some funds reports on their contracts alone. Other keys cost no query."""
    codes = allowed_funds(request)
    if codes is None:
        return
    if Contract.objects.filter(symbol__in=symbols).exclude(fund__code__in=codes).exists():
        raise PermissionDenied(
            f"contracts of {', '.join(sorted(codes))} alone are reported here", code="fund_not_allowed"
        )


def _plain(value: Any) -> str | None:
    return None if value is None else plain(value)
