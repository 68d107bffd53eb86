"""What everybody may see, without a key: funds, their history, settlements, and what the next one would take."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from fund.estimates import estimates, unsettled
from fund.figures import add_inventory, with_figures
from fund.models import Cycle, Fund, FundSnapshot
from fund.serializers.public import (
    EstimateSerializer,
    PublicCycleQuery,
    PublicFundQuery,
    PublicFundSerializer,
    SettlementSerializer,
    SnapshotQuery,
    SnapshotSerializer,
)
from ledger.rest.paging import page_response
from ledger.rest.schema import listed
from ledger.rest.views import PublicView


class InsuranceFundView(PublicView):
    """The insurance funds as they stand now."""

    @listed(PublicFundSerializer, PublicFundQuery)
    def get(self, request: Request) -> Response:
        funds = Fund.objects.filter(**PublicFundQuery.read(request, paged=True))
        rows = with_figures(funds, at=timezone.now())
        return page_response(request, rows, by="code", serializer=PublicFundSerializer, complete=add_inventory)


class HistoryView(PublicView):
    """The funds' figures as they were, the newest first."""

    @listed(SnapshotSerializer, SnapshotQuery)
    def get(self, request: Request) -> Response:
        rows = FundSnapshot.objects.filter(**SnapshotQuery.read(request, paged=True)).select_related("fund")
        return page_response(request, rows, by="-id", serializer=SnapshotSerializer)


class SettlementsView(PublicView):
    """Settled cycles, the newest first: each loss and who bore it."""

    @listed(SettlementSerializer, PublicCycleQuery)
    def get(self, request: Request) -> Response:
        query = PublicCycleQuery.read(request, paged=True)
        rows = Cycle.objects.filter(status=Cycle.Status.SETTLED, **query).select_related("fund", "rulebook")
        return page_response(request, rows, by="-id", serializer=SettlementSerializer)


class EstimatedAllocationView(PublicView):
    """What the cycles that run would cost profitable positions if no loss came any more."""

    @listed(EstimateSerializer, PublicCycleQuery)
    def get(self, request: Request) -> Response:
        rows = unsettled().filter(**PublicCycleQuery.read(request, paged=True))
        return page_response(request, rows, by="-id", serializer=EstimateSerializer, shown_as=estimates)
