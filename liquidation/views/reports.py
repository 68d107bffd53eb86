"""Receipts of takeovers and statements of traders."""

from rest_framework.request import Request
from rest_framework.response import Response

from ledger.rest.paging import forward_response
from ledger.rest.permissions import HOUSE_AND_TRADER, allow_trader, own_trader
from ledger.rest.schema import listed, shown
from ledger.rest.serializers import NoQuery
from ledger.rest.views import ResourceView
from liquidation import reports
from liquidation.serializers.reports import ReceiptSerializer, TraderLineSerializer, TraderStatementQuery
from liquidation.views.takeovers import find_takeover


class ReceiptView(ResourceView):
    """The loss of a takeover from its fills to the last layer; the parts sum to it."""

    roles = {"GET": HOUSE_AND_TRADER}
    per_fund = True

    @shown(ReceiptSerializer)
    def get(self, request: Request, reference: str) -> Response:
        NoQuery.read(request)
        find_takeover(request, reference)
        document = ReceiptSerializer(reports.receipt(reference)).data
        trader = own_trader(request)
        if trader is not None:
            # Who the counterparties were is no business of the trader that was liquidated.
            for event in document["adl"]:
                event["counterparties"] = [fill for fill in event["counterparties"] if fill["trader"] == trader]
        return Response(document)


class TraderStatementView(ResourceView):
    """A trader's lines in all currencies, in the order of the book, as far as `next` leads."""

    roles = {"GET": HOUSE_AND_TRADER}

    @listed(TraderLineSerializer, TraderStatementQuery)
    def get(self, request: Request, trader: str) -> Response:
        query = TraderStatementQuery.read(request, paged=True)
        allow_trader(request, trader)
        return forward_response(
            request,
            lambda after, limit: reports.trader_statement(trader, types=query["type"], after=after, limit=limit).lines,
            serializer=TraderLineSerializer,
        )
