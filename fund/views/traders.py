"""A trader's part of settlements."""

from rest_framework.request import Request
from rest_framework.response import Response

from fund.explanations import explain
from fund.serializers.explanations import ExplanationSerializer
from fund.views.cycles import find_cycle
from ledger.rest.permissions import HOUSE_AND_TRADER, allow_trader
from ledger.rest.schema import shown
from ledger.rest.serializers import NoQuery
from ledger.rest.views import ResourceView


class ExplanationView(ResourceView):
    """Why a trader bears what it bears: rank, profit, cut line, the formula with the numbers, rounding, cap, proof."""

    roles = {"GET": HOUSE_AND_TRADER}
    per_fund = True

    @shown(ExplanationSerializer)
    def get(self, request: Request, trader: str, cycle_id: int) -> Response:
        NoQuery.read(request)
        allow_trader(request, trader)
        find_cycle(request, cycle_id)
        return Response(ExplanationSerializer(explain(cycle_id=cycle_id, trader=trader)).data)
