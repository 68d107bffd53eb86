"""What happens to what the market did not take: the fund's inventory, and ADL."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from fund import funds
from fund.models import InventoryMovement, InventoryPosition
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.permissions import HOUSE, allow_fund
from ledger.rest.schema import acted, listed, recorded
from ledger.rest.views import ResourceView, recorded_response
from liquidation import inventory
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.models import CounterpartyFill, Deleveraging
from liquidation.serializers.unfilled import (
    DeleveragingQuery,
    DeleveragingSerializer,
    InventoryQuery,
    InventorySerializer,
    MarkSerializer,
    MovementQuery,
    MovementSerializer,
    NewDeleveragingSerializer,
    NewDisposalSerializer,
    UnfilledReportSerializer,
    UnfilledSerializer,
)
from liquidation.unfilled import report_unfilled
from liquidation.views.takeovers import allow_contract_of, allow_takeover, find_takeover


class UnfilledView(ResourceView):
    """The close order was not executed: what the rulebook does next, with the ranked queue where that is ADL."""

    roles = {"POST": {Role.ENGINE}}
    per_fund = True

    @acted(UnfilledSerializer, UnfilledReportSerializer)
    def post(self, request: Request, reference: str) -> Response:
        allow_takeover(request, reference)
        body, now = UnfilledReportSerializer.read_body(request), timezone.now()
        reported_at = body.pop("reported_at") or now
        unfilled = report_unfilled(reference=reference, reported_at=reported_at, recorded_at=now, **body)
        return Response(UnfilledSerializer(unfilled).data)


class DeleveragingsView(ResourceView):
    """ADL events of a takeover: counterparties that were closed."""

    roles = {"GET": HOUSE, "POST": {Role.ENGINE}}
    per_fund = True

    @listed(DeleveragingSerializer, DeleveragingQuery)
    def get(self, request: Request, reference: str) -> Response:
        query = DeleveragingQuery.read(request, paged=True)
        trader = query.pop("trader", None)
        events = Deleveraging.objects.filter(takeover=find_takeover(request, reference), **query)
        if trader is not None:
            events = events.filter(pk__in=CounterpartyFill.objects.filter(trader=trader).values("deleveraging_id"))
        rows = events.select_related("takeover", "answered").prefetch_related("fills")
        return page_response(request, rows, by="-id", serializer=DeleveragingSerializer)

    @recorded(NewDeleveragingSerializer, DeleveragingSerializer)
    def post(self, request: Request, reference: str) -> Response:
        allow_takeover(request, reference)
        body = NewDeleveragingSerializer.read_body(request)
        fills = [Counterparty(**fill) for fill in body.pop("fills")]
        done = report_adl(takeover=reference, fills=fills, recorded_at=timezone.now(), **body)
        return recorded_response(DeleveragingSerializer(done.deleveraging).data, replayed=done.replayed)


class InventoryView(ResourceView):
    """The fund's own positions: average price, mark, exposure, unrealised result."""

    roles = {"GET": HOUSE}
    per_fund = True

    @listed(InventorySerializer, InventoryQuery)
    def get(self, request: Request, code: str) -> Response:
        query = InventoryQuery.read(request, paged=True)
        allow_fund(request, code)
        rows = InventoryPosition.objects.filter(fund=funds.find(code), quantity__gt=0, **query)
        rows = rows.select_related("fund__currency")
        return page_response(request, rows, by="contract", serializer=InventorySerializer)


class DisposalsView(ResourceView):
    """What the fund gave out of its inventory, the newest first, and reporting more."""

    roles = {"GET": HOUSE, "POST": {Role.ENGINE}}
    per_fund = True

    @listed(MovementSerializer, MovementQuery)
    def get(self, request: Request, code: str) -> Response:
        query = MovementQuery.read(request, paged=True)
        allow_fund(request, code)
        disposals = InventoryMovement.objects.filter(
            fund=funds.find(code), kind=InventoryMovement.Kind.DISPOSED, **query
        )
        return page_response(request, disposals, by="-id", serializer=MovementSerializer)

    @recorded(NewDisposalSerializer, MovementSerializer)
    def post(self, request: Request, code: str) -> Response:
        body = NewDisposalSerializer.read_body(request)
        allow_contract_of(request, code, body["contract"])
        disposed = inventory.dispose(recorded_at=timezone.now(), **body)
        return recorded_response(MovementSerializer(disposed.movement).data, replayed=disposed.replayed)


class MarksView(ResourceView):
    """Note a contract's mark price, for what the fund holds of it."""

    roles = {"POST": {Role.ENGINE}}
    per_fund = True

    @acted(InventorySerializer, MarkSerializer)
    def post(self, request: Request, code: str) -> Response:
        body = MarkSerializer.read_body(request)
        allow_contract_of(request, code, body["contract"])
        marked_at = body.pop("marked_at") or timezone.now()
        return Response(InventorySerializer(inventory.mark(marked_at=marked_at, **body)).data)
