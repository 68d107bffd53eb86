"""Funds and their rulebooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from fund import errors, funds, rulebooks
from fund.figures import add_inventory, with_figures
from fund.models import Fund, RulebookVersion
from fund.rulebook import FieldError, RulebookRefused
from fund.serializers.funds import (
    FundQuery,
    FundSerializer,
    NewFundSerializer,
    NewRulebookSerializer,
    RulebookQuery,
    RulebookSerializer,
)
from ledger.rest.idempotency import idempotent
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.permissions import HOUSE, allow_fund, key_of, of_allowed_funds
from ledger.rest.schema import listed, recorded, shown
from ledger.rest.serializers import NoQuery
from ledger.rest.views import ResourceView, recorded_response


class FundsView(ResourceView):
    """Funds with their figures, and opening one."""

    roles = {"GET": HOUSE, "POST": {Role.TREASURY}}
    per_fund = True

    @listed(FundSerializer, FundQuery)
    def get(self, request: Request) -> Response:
        rows = Fund.objects.filter(**FundQuery.read(request, paged=True))
        rows = with_figures(of_allowed_funds(request, rows, by="code"), at=timezone.now())
        return page_response(request, rows, by="code", serializer=FundSerializer, complete=add_inventory)

    @recorded(NewFundSerializer, FundSerializer)
    @idempotent
    def post(self, request: Request) -> Response:
        body, now = NewFundSerializer.read_body(request), timezone.now()
        allow_fund(request, body["code"])
        rulebook = body.pop("rulebook")
        with _pointing_into("rulebook"):
            fund = funds.open_fund(
                **body,
                preset=rulebook.pop("preset"),
                fields=rulebook,
                opened_at=now,
                opened_by=key_of(request).person,
            )
        return recorded_response(show_fund(fund.code, at=now), replayed=fund.created_at != now)


class FundView(ResourceView):
    """One fund."""

    roles = {"GET": HOUSE}
    per_fund = True

    @shown(FundSerializer)
    def get(self, request: Request, code: str) -> Response:
        NoQuery.read(request)
        allow_fund(request, code)
        return Response(show_fund(code, at=timezone.now()))


class RulebooksView(ResourceView):
    """Versions of a fund's rulebook, the newest first, and publishing the next."""

    roles = {"GET": HOUSE, "POST": {Role.TREASURY}}
    per_fund = True

    @listed(RulebookSerializer, RulebookQuery)
    def get(self, request: Request, code: str) -> Response:
        query = RulebookQuery.read(request, paged=True)
        allow_fund(request, code)
        at, fund = query.pop("in_force_at", None), funds.find(code)
        rows = RulebookVersion.objects.filter(fund=fund, **query).select_related("fund")
        if at is not None:
            rows = rows.filter(pk__in=rulebooks.started(fund, at).values("pk")[:1])
        return page_response(request, rows, by="-version", serializer=RulebookSerializer)

    @recorded(NewRulebookSerializer, RulebookSerializer)
    def post(self, request: Request, code: str) -> Response:
        allow_fund(request, code)
        body, now = NewRulebookSerializer.read_body(request), timezone.now()
        version = rulebooks.publish(
            fund_code=code,
            preset=body.pop("preset"),
            effective_from=body.pop("effective_from"),
            reference=body.pop("reference"),
            fields=body,
            published_at=now,
            published_by=key_of(request).person,
        )
        return recorded_response(RulebookSerializer(version).data, replayed=version.published_at != now)


@contextmanager
def _pointing_into(name: str) -> Iterator[None]:
    """Fields of a rulebook that is refused are named where it stands in the body."""
    try:
        yield
    except RulebookRefused as refused:
        fields = (FieldError(f"{name}.{each.field}", each.code, each.reason) for each in refused.errors)
        raise RulebookRefused(tuple(fields)) from None


def show_fund(code: str, *, at: datetime) -> dict[str, Any]:
    """A fund as the API shows it. Raises NotFound `fund_unknown`."""
    rows: QuerySet[Fund] = with_figures(Fund.objects.filter(code=code), at=at)
    fund = rows.first()
    if fund is None:
        raise errors.fund_unknown(code)
    add_inventory([fund])
    document: dict[str, Any] = FundSerializer(fund).data
    return document
