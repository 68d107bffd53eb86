"""Reversing what was booked: entries of events take their event back with them."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.errors import NotFound
from ledger.models import Entry
from ledger.rest.models import Role
from ledger.rest.schema import recorded
from ledger.rest.views import ResourceView, recorded_response
from ledger.serializers import EntrySerializer, ReversalSerializer
from ledger.views import show_entry
from liquidation.corrections import reverse_entry


class ReversalView(ResourceView):
    """Post the mirror of an entry. A fill's opens its takeover again, a settlement's makes way for another run."""

    roles = {"POST": {Role.BOOKKEEPER}}

    @recorded(ReversalSerializer, EntrySerializer)
    def post(self, request: Request, entry_id: int) -> Response:
        body, now = ReversalSerializer.read_body(request), timezone.now()
        entry = Entry.objects.filter(pk=entry_id).first()
        if entry is None:
            raise NotFound("entry_unknown", f"entry {entry_id} does not exist")
        stated = body.pop("effective_at")
        posted = reverse_entry(entry, effective_at=stated or now, effective_stated=stated is not None, **body)
        return recorded_response(show_entry(posted.entry_id), replayed=posted.replayed)
