"""Settlement cycles."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from fund import cycles, funds
from fund.models import Cycle
from fund.serializers import CycleQuery, CycleSerializer, NewCycleSerializer
from ledger.rest.idempotency import idempotent
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.permissions import HOUSE, allow_fund
from ledger.rest.schema import listed, recorded, shown
from ledger.rest.serializers import NoQuery
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
        return Response(CycleSerializer(find_cycle(request, cycle_id)).data)


def find_cycle(request: Request, cycle_id: int) -> Cycle:
    """The cycle, where the key is for its fund. Raises NotFound `cycle_unknown`."""
    cycle = cycles.find(cycle_id)
    allow_fund(request, cycle.fund.code)
    return cycle
