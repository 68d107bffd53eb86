"""Receipts of takeovers."""

from rest_framework.request import Request
from rest_framework.response import Response

from ledger.rest.permissions import HOUSE_AND_TRADER, own_trader
from ledger.rest.schema import shown
from ledger.rest.serializers import NoQuery
from ledger.rest.views import ResourceView
from liquidation import reports
from liquidation.serializers.reports import ReceiptSerializer
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
            # Nor is what the fund holds: its own positions bear no part of the result.
            document["inventory"] = []
        return Response(document)
