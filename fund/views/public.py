"""What the next settlements would take, for everybody."""

from rest_framework.request import Request
from rest_framework.response import Response

from fund.estimates import estimates, unsettled
from fund.serializers.public import EstimateQuery, EstimateSerializer
from ledger.rest.paging import page_response
from ledger.rest.schema import listed
from ledger.rest.views import PublicView


class EstimatedAllocationView(PublicView):
    """What the cycles that run would cost profitable positions if no loss came any more."""

    @listed(EstimateSerializer, EstimateQuery)
    def get(self, request: Request) -> Response:
        rows = unsettled().filter(**EstimateQuery.read(request, paged=True))
        return page_response(request, rows, by="-id", serializer=EstimateSerializer, shown_as=estimates)
