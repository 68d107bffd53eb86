"""Fills of any takeovers: in a cascade one call takes what closed hundreds of them."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.money import plain
from ledger.rest.batch import post_events
from ledger.rest.models import Role
from ledger.rest.schema import recorded
from ledger.rest.serializers import document
from ledger.rest.views import ResourceView
from liquidation.fills import FillReport, ReportedFill, report_fills
from liquidation.serializers.fills import NewFillOfAnySerializer
from liquidation.serializers.takeovers import FillItemAnswer, FillSerializer


class FillsOfAnyView(ResourceView):
    """What closed takeovers, named by each fill; the last quantity settles one. Not for a key of some funds."""

    roles = {"POST": {Role.ENGINE}}

    @recorded(NewFillOfAnySerializer, FillSerializer, item=FillItemAnswer)
    def post(self, request: Request) -> Response:
        now = timezone.now()

        def report(items: Sequence[dict[str, Any]]) -> list[ReportedFill]:
            return report_fills([FillReport(**item) for item in items], recorded_at=now)

        return post_events(
            request,
            shape=NewFillOfAnySerializer,
            call=report,
            show=lambda reported: document(FillSerializer, reported.fill),
            show_item=lambda reported: {
                "takeover_status": reported.takeover.status,
                "remaining": plain(reported.takeover.remaining),
            },
        )
