"""Contracts."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.rest.idempotency import idempotent
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.permissions import HOUSE, allow_fund, of_allowed_funds
from ledger.rest.schema import listed, recorded
from ledger.rest.views import ResourceView, recorded_response
from liquidation import contracts
from liquidation.models import Contract
from liquidation.serializers.takeovers import ContractQuery, ContractSerializer, NewContractSerializer


class ContractsView(ResourceView):
    """Contracts and the fund that each belongs to."""

    roles = {"GET": HOUSE, "POST": {Role.ENGINE, Role.TREASURY}}
    per_fund = True

    @listed(ContractSerializer, ContractQuery)
    def get(self, request: Request) -> Response:
        rows = Contract.objects.filter(**ContractQuery.read(request, paged=True)).select_related("fund")
        rows = of_allowed_funds(request, rows, by="fund__code")
        return page_response(request, rows, by="symbol", serializer=ContractSerializer)

    @recorded(NewContractSerializer, ContractSerializer)
    @idempotent
    def post(self, request: Request) -> Response:
        body = NewContractSerializer.read_body(request)
        fund = body.pop("fund")
        allow_fund(request, fund)
        added = contracts.add_contract(**body, fund_code=fund, created_at=timezone.now())
        return recorded_response(ContractSerializer(added.contract).data, replayed=added.replayed)
