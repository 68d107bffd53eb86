"""What a trader sees of its own: the statement, and where its open positions stand in the ADL queues."""

from collections.abc import Sequence

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from fund.models import OpenPosition
from ledger.rest.paging import page_response, window_response
from ledger.rest.permissions import HOUSE_AND_TRADER, allow_trader, of_allowed_funds
from ledger.rest.schema import listed
from ledger.rest.views import ResourceView
from liquidation.serializers.traders import (
    StandingQuery,
    StandingSerializer,
    TraderLineSerializer,
    TraderStatementQuery,
)
from liquidation.standings import standings
from liquidation.statements import TraderLine, trader_lines


class TraderStatementView(ResourceView):
    """A trader's lines in all currencies, in the order of the book."""

    roles = {"GET": HOUSE_AND_TRADER}

    @listed(TraderLineSerializer, TraderStatementQuery)
    def get(self, request: Request, trader: str) -> Response:
        query = TraderStatementQuery.read(request, paged=True)
        allow_trader(request, trader)
        span = {"from_": query["effective_from"], "to": query["effective_to"]}
        filters = {"types": query["type"], "currency": query["currency"], **span}

        def read(beyond: int | None, backward: bool, most: int) -> Sequence[TraderLine]:
            return trader_lines(trader, **filters, beyond=beyond or 0, backward=backward, limit=most)

        return window_response(request, read, key=lambda line: line.id, kind=int, serializer=TraderLineSerializer)


class StandingsView(ResourceView):
    """A trader's open positions, and how near each is to being deleveraged."""

    roles = {"GET": HOUSE_AND_TRADER}
    per_fund = True

    @listed(StandingSerializer, StandingQuery)
    def get(self, request: Request, trader: str) -> Response:
        query = StandingQuery.read(request, paged=True)
        allow_trader(request, trader)
        rows = OpenPosition.objects.filter(trader=trader, **query).select_related("fund")
        rows = of_allowed_funds(request, rows, by="fund__code")
        now = timezone.now()
        return page_response(
            request, rows, by="id", serializer=StandingSerializer, shown_as=lambda page: standings(page, at=now)
        )
