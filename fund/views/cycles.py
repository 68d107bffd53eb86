"""Settlement cycles."""

from django.utils import timezone
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from fund import cycles, funds, inclusion, rulebooks, settlement
from fund.models import Allocation, Cycle
from fund.rulebook import Rulebook, RulebookRefused
from fund.serializers.cycles import (
    AllocationQuery,
    AllocationSerializer,
    CycleQuery,
    CycleSerializer,
    NewCycleSerializer,
    PreviewQuery,
    PreviewSerializer,
)
from ledger.rest.idempotency import idempotent
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.permissions import HOUSE, HOUSE_AND_TRADER, allow_fund, own_trader
from ledger.rest.problems import QueryRefused
from ledger.rest.schema import acted, listed, recorded, shown
from ledger.rest.serializers import NoBody, NoQuery
from ledger.rest.views import ResourceView, recorded_response


class CyclesView(ResourceView):
    """A fund's settlement cycles, the newest first, and opening one."""

    roles = {"GET": HOUSE, "POST": {Role.BOOKKEEPER, Role.TREASURY, Role.ENGINE}}
    per_fund = True

    @listed(CycleSerializer, CycleQuery)
    def get(self, request: Request, code: str) -> Response:
        query = CycleQuery.read(request, paged=True)
        allow_fund(request, code)
        rows = Cycle.objects.filter(fund=funds.find(code), **query).select_related("fund", "rulebook")
        rows = inclusion.with_roots(rows)
        return page_response(request, rows, by="-number", serializer=CycleSerializer)

    @recorded(NewCycleSerializer, CycleSerializer)
    @idempotent
    def post(self, request: Request, code: str) -> Response:
        allow_fund(request, code)
        body, now = NewCycleSerializer.read_body(request), timezone.now()
        cycle = cycles.open_cycle(fund_code=code, opened_at=now, **body)
        return recorded_response(CycleSerializer(cycle).data, replayed=cycle.opened_at != now)


class CycleView(ResourceView):
    """One cycle."""

    roles = {"GET": HOUSE}
    per_fund = True

    @shown(CycleSerializer)
    def get(self, request: Request, cycle_id: int) -> Response:
        NoQuery.read(request)
        return Response(CycleSerializer(inclusion.rooted(find_cycle(request, cycle_id), grown=True)).data)


def find_cycle(request: Request, cycle_id: int) -> Cycle:
    """The cycle, where the key is for its fund. Raises NotFound `cycle_unknown`."""
    cycle = cycles.find(cycle_id)
    allow_fund(request, cycle.fund.code)
    return cycle


class PreviewView(ResourceView):
    """What settling the cycle would do, by its own rulebook or by another one; nothing is booked."""

    roles = {"GET": HOUSE}
    per_fund = True

    @shown(PreviewSerializer, PreviewQuery)
    def get(self, request: Request, cycle_id: int) -> Response:
        name = PreviewQuery.read(request)["rulebook"]
        cycle = find_cycle(request, cycle_id)
        rulebook = None if name is None else _named(cycle, name)
        return Response(PreviewSerializer(settlement.preview(cycle_id=cycle_id, rulebook=rulebook)).data)


def _named(cycle: Cycle, name: str) -> Rulebook:
    try:
        return rulebooks.named(cycle.fund, name)
    except RulebookRefused as refused:
        # Its fields stand in no body here: the query names the preset.
        raise QueryRefused({"rulebook": [ErrorDetail(refused.detail, code=refused.code)]}) from refused


class SettleView(ResourceView):
    """Settle the cycle, as the scheduled task does; a settled one stays as it is."""

    roles = {"POST": {Role.BOOKKEEPER}}
    per_fund = True

    @acted(CycleSerializer)
    def post(self, request: Request, cycle_id: int) -> Response:
        NoBody.read_body(request)
        find_cycle(request, cycle_id)
        cycle = settlement.settle_cycle(cycle_id=cycle_id, settled_at=timezone.now())
        return Response(CycleSerializer(inclusion.rooted(cycle, grown=False)).data)


class AllocationsView(ResourceView):
    """What each participant bears, by rank. A trader sees its own rows."""

    roles = {"GET": HOUSE_AND_TRADER}
    per_fund = True

    @listed(AllocationSerializer, AllocationQuery)
    def get(self, request: Request, cycle_id: int) -> Response:
        query = AllocationQuery.read(request, paged=True)
        cycle = find_cycle(request, cycle_id)
        # Of a settlement that was reversed the rows stay, under its run.
        standing = cycle.run if cycle.status == Cycle.Status.SETTLED else 0
        rows = Allocation.objects.filter(**{"cycle": cycle, "run": standing, **query})
        trader = own_trader(request)
        if trader is not None:
            rows = rows.filter(trader=trader)
        return page_response(request, rows, by="rank", serializer=AllocationSerializer)
