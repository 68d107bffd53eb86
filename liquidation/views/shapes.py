"""Which venue's shape a request asks for, and the answer in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.rest.schema import AnyOf
from liquidation.serializers import venues as answers
from liquidation.serializers.venue_queries import (
    BinanceQuery,
    BitmexHistoryQuery,
    BitmexQuery,
    BybitQuery,
    DeribitInstrumentQuery,
    DeribitQuery,
    OkxQuery,
    VenueQuery,
    format_unknown,
)
from liquidation.venues import binance, bitmex, bybit, deribit, okx


class Read(Protocol):
    """Makes the document of a query that was read; `at` is the time of the request."""

    def __call__(self, query: Mapping[str, Any], /, *, at: datetime) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A venue's published shape: its parameters, its document, and what that looks like."""

    query: type[VenueQuery]
    read: Read
    answers: tuple[Any, ...]

    def respond(self, request: Request) -> Response:
        return Response(self.read(self.query.read(request), at=timezone.now()))

    def described(self) -> Callable[[Any], Any]:
        """The shape as the schema shows it."""
        if len(self.answers) == 1:
            return extend_schema(parameters=[self.query], responses=self.answers[0])
        either = AnyOf(self.query.__name__, self.answers, resource_type_field_name=None, many=False)
        return extend_schema(parameters=[self.query], responses=either)


_BINANCE_ANSWERS = (answers.BinanceGroupSerializer(), answers.BinanceGroupSerializer(many=True))
_BITMEX_ANSWERS = (answers.BitmexInsuranceSerializer(many=True),)
_OKX_ANSWERS = (answers.OkxAnswerSerializer(),)

FUNDS: Mapping[str, Shape] = {
    "binance": Shape(query=BinanceQuery, read=binance.funds, answers=_BINANCE_ANSWERS),
    "bitmex": Shape(query=BitmexQuery, read=bitmex.funds, answers=_BITMEX_ANSWERS),
    "bybit": Shape(query=BybitQuery, read=bybit.funds, answers=(answers.BybitAnswerSerializer(),)),
    "okx": Shape(query=OkxQuery, read=okx.funds, answers=_OKX_ANSWERS),
}
HISTORY: Mapping[str, Shape] = {
    "bitmex": Shape(query=BitmexHistoryQuery, read=bitmex.days, answers=_BITMEX_ANSWERS),
    "okx": Shape(query=OkxQuery, read=okx.days, answers=_OKX_ANSWERS),
}
SETTLEMENTS: Mapping[str, Shape] = {
    "deribit": Shape(query=DeribitQuery, read=deribit.settlements, answers=(answers.DeribitAnswerSerializer(),)),
}

# At a path of its own alone: its contract has to be named.
DERIBIT_INSTRUMENT = Shape(
    query=DeribitInstrumentQuery, read=deribit.settlements, answers=(answers.DeribitAnswerSerializer(),)
)


def asked_shape(request: Request, shapes: Mapping[str, Shape]) -> Shape | None:
    """The shape that `?format=` names, None where the query has none. Raises QueryRefused `format_unknown`."""
    name = request.query_params.get("format")
    if name is None:
        return None
    if name not in shapes:
        raise format_unknown(name, sorted(shapes))
    return shapes[name]


def all_answers(shapes: Mapping[str, Shape]) -> dict[str, tuple[Any, ...]]:
    return {name: shape.answers for name, shape in shapes.items()}
