"""`GET /events/`: the outbox, polled by position."""

from rest_framework.request import Request
from rest_framework.response import Response

from ledger.events import reading
from ledger.events.serializers import EventsQuery, EventsSerializer
from ledger.rest.paging import LIMIT_MOST
from ledger.rest.permissions import HOUSE, allow_fund, allowed_funds
from ledger.rest.schema import shown
from ledger.rest.views import ResourceView


class EventsView(ResourceView):
    """What happened, from a position on: no event is left out, none comes twice, and a fund's own are in order."""

    roles = {"GET": HOUSE}
    per_fund = True

    @shown(EventsSerializer, EventsQuery)
    def get(self, request: Request) -> Response:
        query = EventsQuery.read(request)
        if "fund" in query:
            allow_fund(request, query["fund"])
        found = reading.read(
            after=query["after"],
            limit=min(query["limit"], LIMIT_MOST),
            kind=query.get("kind"),
            streams=[query["fund"]] if "fund" in query else allowed_funds(request),
        )
        return Response(EventsSerializer({"results": found.events, "next_after": found.next_after}).data)
