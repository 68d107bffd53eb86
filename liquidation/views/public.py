"""What everybody may see, without a key: funds, their history and settlements, in our shape or in a venue's."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from fund import history, inclusion
from fund.figures import add_inventory, with_figures
from fund.models import Cycle, Fund, FundSnapshot
from fund.serializers.public import (
    HistoryQuery,
    PublicFundQuery,
    PublicFundSerializer,
    SettlementQuery,
    SettlementSerializer,
    SnapshotSerializer,
)
from ledger.rest.paging import cursor_malformed, page_response, window_response
from ledger.rest.schema import listed_in_shapes
from ledger.rest.views import PublicView
from liquidation.views.shapes import DERIBIT_INSTRUMENT, FUNDS, HISTORY, SETTLEMENTS, Shape, all_answers, asked_shape


class InsuranceFundView(PublicView):
    """The insurance funds as they stand now."""

    @listed_in_shapes(PublicFundSerializer, PublicFundQuery, all_answers(FUNDS))
    def get(self, request: Request) -> Response:
        if shape := asked_shape(request, FUNDS):
            return shape.respond(request)
        funds = Fund.objects.filter(**PublicFundQuery.read(request, paged=True))
        rows = with_figures(funds, at=timezone.now())
        return page_response(request, rows, by="code", serializer=PublicFundSerializer, complete=add_inventory)


class HistoryView(PublicView):
    """The funds' figures as they were, the newest first: snapshots, or with `interval` every full hour or day."""

    @listed_in_shapes(SnapshotSerializer, HistoryQuery, all_answers(HISTORY))
    def get(self, request: Request) -> Response:
        if shape := asked_shape(request, HISTORY):
            return shape.respond(request)
        query = HistoryQuery.read(request, paged=True)
        if query["interval"] is None:
            rows = FundSnapshot.objects.filter(**query["snapshots"]).select_related("fund")
            return page_response(request, rows, by="-id", serializer=SnapshotSerializer)
        funds = list(Fund.objects.filter(**query["funds"]).order_by("code"))
        span = history.span(query["interval"], from_=query["from"], to=query["to"], now=timezone.now())

        def read(beyond: str | None, backward: bool, most: int) -> Sequence[history.Point]:
            try:
                place = None if beyond is None else history.Place.read(beyond)
            except (ValueError, OverflowError):
                raise cursor_malformed() from None
            return history.points(funds, span, beyond=place, backward=backward, limit=most)

        return window_response(
            request, read, key=lambda point: str(point.place), kind=str, serializer=SnapshotSerializer
        )


class SettlementsView(PublicView):
    """Settled cycles, the newest first: each loss and who bore it."""

    @listed_in_shapes(SettlementSerializer, SettlementQuery, all_answers(SETTLEMENTS))
    def get(self, request: Request) -> Response:
        if shape := asked_shape(request, SETTLEMENTS):
            return shape.respond(request)
        query = SettlementQuery.read(request, paged=True)
        rows = Cycle.objects.filter(status=Cycle.Status.SETTLED, **query).select_related("fund", "rulebook")
        return page_response(request, inclusion.with_roots(rows), by="-id", serializer=SettlementSerializer)


class VenueView(PublicView):
    """A venue's own path, for a program that was written for the venue."""

    shapes: ClassVar[dict[str, Shape]]

    def get(self, request: Request) -> Response:
        (shape,) = self.shapes.values()
        return (asked_shape(request, self.shapes) or shape).respond(request)


def _described(shape: Shape) -> Any:
    return extend_schema_view(get=shape.described())


@_described(FUNDS["binance"])
class BinanceView(VenueView):
    """The funds as Binance publishes its own, at the venue's path."""

    shapes = {"binance": FUNDS["binance"]}


@_described(HISTORY["okx"])
class OkxView(VenueView):
    """The funds and what moved them day by day, as OKX publishes its own, at the venue's path."""

    shapes = {"okx": HISTORY["okx"]}


@_described(FUNDS["bybit"])
class BybitView(VenueView):
    """The funds as Bybit publishes its own, at the venue's path."""

    shapes = {"bybit": FUNDS["bybit"]}


@_described(HISTORY["bitmex"])
class BitmexView(VenueView):
    """The funds day by day, as BitMEX publishes its own, at the venue's path."""

    shapes = {"bitmex": HISTORY["bitmex"]}


@_described(SETTLEMENTS["deribit"])
class DeribitView(VenueView):
    """Settled cycles as Deribit publishes bankruptcies, at the venue's path."""

    shapes = {"deribit": SETTLEMENTS["deribit"]}


@_described(DERIBIT_INSTRUMENT)
class DeribitInstrumentView(VenueView):
    """Settled cycles of a contract's fund as Deribit publishes bankruptcies, at the venue's path."""

    shapes = {"deribit": DERIBIT_INSTRUMENT}
