"""Contributions to funds, withdrawals from them, and deficits that the house bears."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from fund import deficits, errors, funds, transfers
from fund.models import Transfer
from fund.serializers.transfers import (
    AbsorptionSerializer,
    NewAbsorptionSerializer,
    NewContributionSerializer,
    NewTransferSerializer,
    TransferQuery,
    TransferSerializer,
)
from ledger.rest.models import Role
from ledger.rest.paging import page_response
from ledger.rest.permissions import HOUSE, allow_fund, key_of
from ledger.rest.schema import acted, listed, recorded, shown
from ledger.rest.serializers import NoBody, NoQuery
from ledger.rest.views import ResourceView, recorded_response


class ContributionsView(ResourceView):
    """Money that the house puts into a fund."""

    roles = {"GET": HOUSE, "POST": {Role.TREASURY}}
    per_fund = True

    @listed(TransferSerializer, TransferQuery)
    def get(self, request: Request, code: str) -> Response:
        return _page(request, code, Transfer.Direction.CONTRIBUTION)

    @recorded(NewContributionSerializer, TransferSerializer)
    def post(self, request: Request, code: str) -> Response:
        allow_fund(request, code)
        body = NewContributionSerializer.read_body(request)
        effective_at = body.pop("effective_at") or timezone.now()
        person = key_of(request).person
        done = transfers.contribute(fund_code=code, requested_by=person, effective_at=effective_at, **body)
        return _answer(done)


class AbsorptionsView(ResourceView):
    """A part of a carried deficit that the house takes on its own loss."""

    roles = {"POST": {Role.TREASURY}}
    per_fund = True

    @recorded(NewAbsorptionSerializer, AbsorptionSerializer)
    def post(self, request: Request, code: str) -> Response:
        allow_fund(request, code)
        body = NewAbsorptionSerializer.read_body(request)
        posted = deficits.absorb(fund_code=code, effective_at=timezone.now(), **body)
        answer = AbsorptionSerializer({"fund": code, "entry": posted.entry_id, **body}).data
        return recorded_response(answer, replayed=posted.replayed)


class WithdrawalsView(ResourceView):
    """Money that the house takes out of a fund: asked for here, paid when a second person approves."""

    roles = {"GET": HOUSE, "POST": {Role.TREASURY}}
    per_fund = True

    @listed(TransferSerializer, TransferQuery)
    def get(self, request: Request, code: str) -> Response:
        return _page(request, code, Transfer.Direction.WITHDRAWAL)

    @recorded(NewTransferSerializer, TransferSerializer)
    def post(self, request: Request, code: str) -> Response:
        allow_fund(request, code)
        body = NewTransferSerializer.read_body(request)
        person = key_of(request).person
        done = transfers.request_withdrawal(fund_code=code, requested_by=person, requested_at=timezone.now(), **body)
        return _answer(done)


class WithdrawalView(ResourceView):
    """One withdrawal."""

    roles = {"GET": HOUSE}
    per_fund = True

    @shown(TransferSerializer)
    def get(self, request: Request, code: str, reference: str) -> Response:
        NoQuery.read(request)
        return Response(TransferSerializer(_withdrawal(request, code, reference)).data)


class ApprovalView(ResourceView):
    """The second person's yes: the withdrawal is paid."""

    roles = {"POST": {Role.TREASURY}}
    per_fund = True

    @acted(TransferSerializer)
    def post(self, request: Request, code: str, reference: str) -> Response:
        NoBody.read_body(request)
        _withdrawal(request, code, reference)
        person = key_of(request).person
        done = transfers.approve_withdrawal(reference=reference, approved_by=person, decided_at=timezone.now())
        return Response(TransferSerializer(done.transfer).data)


class RejectionView(ResourceView):
    """A no to a withdrawal; who asked for it may take it back."""

    roles = {"POST": {Role.TREASURY}}
    per_fund = True

    @acted(TransferSerializer)
    def post(self, request: Request, code: str, reference: str) -> Response:
        NoBody.read_body(request)
        _withdrawal(request, code, reference)
        person = key_of(request).person
        done = transfers.reject_withdrawal(reference=reference, rejected_by=person, decided_at=timezone.now())
        return Response(TransferSerializer(done.transfer).data)


def _page(request: Request, code: str, direction: Transfer.Direction) -> Response:
    query = TransferQuery.read(request, paged=True)
    allow_fund(request, code)
    rows = Transfer.objects.filter(fund=funds.find(code), direction=direction, **query).select_related("fund")
    return page_response(request, rows, by="-id", serializer=TransferSerializer)


def _withdrawal(request: Request, code: str, reference: str) -> Transfer:
    """The fund's withdrawal of this reference. Raises NotFound `withdrawal_unknown`."""
    allow_fund(request, code)
    found = Transfer.objects.filter(reference=reference, fund__code=code, direction=Transfer.Direction.WITHDRAWAL)
    withdrawal = found.select_related("fund").first()
    if withdrawal is None:
        raise errors.withdrawal_unknown(reference)
    return withdrawal


def _answer(done: transfers.Recorded) -> Response:
    return recorded_response(TransferSerializer(done.transfer).data, replayed=done.replayed)
