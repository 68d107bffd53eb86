"""Positions: profits of a cycle, for its settlement, and the venue's open ones, for ADL."""

import io
from typing import Any, BinaryIO, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from fund import funds, open_positions, positions
from fund.models import CyclePosition, OpenPosition
from fund.positions import PositionProfit, Taken
from fund.serializers.cycles import CycleSerializer
from fund.serializers.positions import (
    CompletionSerializer,
    CountSerializer,
    DiscardedSerializer,
    OpenPositionQuery,
    OpenPositionSerializer,
    OpenPositionsSerializer,
    PositionQuery,
    PositionSerializer,
    PositionsSerializer,
    TakenSerializer,
)
from fund.views.cycles import find_cycle
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.parsers import CsvStream, NdjsonStream, StrictJSONParser
from ledger.rest.permissions import HOUSE, allow_fund
from ledger.rest.schema import acted, listed
from ledger.rest.serializers import NoBody
from ledger.rest.views import ResourceView, recorded_response

_FORMATS = {CsvStream.media_type: "csv", NdjsonStream.media_type: "ndjson"}


class PositionsView(ResourceView):
    """Profits of a cycle's positions, in as many requests as it takes; the same position again is known."""

    roles = {"GET": HOUSE, "POST": {Role.ENGINE}}
    per_fund = True
    parser_classes = (StrictJSONParser, NdjsonStream, CsvStream)

    @listed(PositionSerializer, PositionQuery)
    def get(self, request: Request, cycle_id: int) -> Response:
        query = PositionQuery.read(request, paged=True)
        rows = CyclePosition.objects.filter(cycle=find_cycle(request, cycle_id), **query)
        return page_response(request, rows, by="position", serializer=PositionSerializer)

    @extend_schema(
        request={
            "application/json": PositionsSerializer,
            "application/x-ndjson": str,
            "text/csv": str,
        },
        responses={201: TakenSerializer, 200: TakenSerializer},
    )
    def post(self, request: Request, cycle_id: int) -> Response:
        find_cycle(request, cycle_id)
        taken = _take(request, cycle_id)
        return recorded_response(TakenSerializer(taken).data, replayed=not taken.added)


class CompletionView(ResourceView):
    """Freeze a cycle's positions, checked against their number and total."""

    roles = {"POST": {Role.ENGINE, Role.BOOKKEEPER}}
    per_fund = True

    @acted(CycleSerializer, CompletionSerializer)
    def post(self, request: Request, cycle_id: int) -> Response:
        find_cycle(request, cycle_id)
        body = CompletionSerializer.read_body(request)
        cycle = positions.complete(cycle_id=cycle_id, completed_at=timezone.now(), **body)
        return Response(CycleSerializer(cycle).data)


class DiscardView(ResourceView):
    """Throw a cycle's positions away after a wrong upload, so that others can come in; never of a settled cycle."""

    roles = {"POST": {Role.ENGINE, Role.BOOKKEEPER}}
    per_fund = True

    @acted(DiscardedSerializer)
    def post(self, request: Request, cycle_id: int) -> Response:
        NoBody.read_body(request)
        find_cycle(request, cycle_id)
        return Response({"discarded": positions.discard(cycle_id=cycle_id)})


class OpenPositionsView(ResourceView):
    """The venue's open positions, ranked when a position has to be deleveraged; an upload replaces them all."""

    roles = {"GET": HOUSE, "PUT": {Role.ENGINE}}
    per_fund = True
    parser_classes = (StrictJSONParser, NdjsonStream, CsvStream)

    @listed(OpenPositionSerializer, OpenPositionQuery)
    def get(self, request: Request, code: str) -> Response:
        query = OpenPositionQuery.read(request, paged=True)
        allow_fund(request, code)
        rows = OpenPosition.objects.filter(fund=funds.find(code), **query)
        return page_response(request, rows, by="position", serializer=OpenPositionSerializer)

    @extend_schema(
        request={
            "application/json": OpenPositionsSerializer,
            "application/x-ndjson": str,
            "text/csv": str,
        },
        responses=CountSerializer,
    )
    def put(self, request: Request, code: str) -> Response:
        allow_fund(request, code)
        count = _replace_open(request, code)
        return Response({"count": count})


def _take(request: Request, cycle_id: int) -> Taken:
    streamed = _FORMATS.get(_media_type(request))
    if streamed is not None:
        return positions.stream(cycle_id=cycle_id, source=_stream(request), format=streamed)
    shape, malformed, rows = PositionSerializer(), {}, []
    for place, item in enumerate(_items(request.data)):
        try:
            rows.append(PositionProfit(**shape.run_validation(item)))
        except ValidationError as error:
            malformed[str(place)] = error.detail
    if malformed:
        raise ValidationError({"items": malformed})
    return positions.add(cycle_id=cycle_id, rows=rows)


def _replace_open(request: Request, code: str) -> int:
    streamed = _FORMATS.get(_media_type(request))
    if streamed is None:
        return open_positions.replace_from_documents(fund_code=code, rows=_items(request.data))
    return open_positions.replace_from_stream(fund_code=code, source=_stream(request), format=streamed)


def _items(body: Any) -> list[Any]:
    """The rows of a JSON body: a list, an object with one as its `items` or `rows`, or a single position."""
    if isinstance(body, dict) and "position" in body:
        body = [body]
    elif isinstance(body, dict) and len(body) == 1:
        body = body.get("items", body.get("rows"))
    if not isinstance(body, list):
        raise ValidationError({"items": [ErrorDetail("a list of positions is expected", code="list_expected")]})
    return body


def _stream(request: Request) -> BinaryIO:
    """What the parsers of streams leave as the parsed body; the framework has none where there is no body."""
    return cast(BinaryIO, request.data) if hasattr(request.data, "read") else io.BytesIO()


def _media_type(request: Request) -> str:
    return str(request.content_type).partition(";")[0].strip().lower()
