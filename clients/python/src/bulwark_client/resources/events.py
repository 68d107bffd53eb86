"""What happened, polled or sent."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from bulwark_client.resources.resource import Resource
from bulwark_client.shapes.events import Event, NewWebhook, Replayed, Webhook
from bulwark_client.shapes.events import Events as EventsPage

EVENTS_OF_A_REQUEST = 1000


class Events(Resource):
    def after(
        self,
        position: int,
        *,
        kind: str | None = None,
        fund: str | None = None,
        limit: int = EVENTS_OF_A_REQUEST,
        recorded_from: datetime | None = None,
        recorded_to: datetime | None = None,
    ) -> EventsPage:
        """One portion; ask again after its `next_after`, also where it is empty. `recorded_to` is exclusive."""
        filters = {"kind": kind, "fund": fund, "recorded_from": recorded_from, "recorded_to": recorded_to}
        return self._one("events/", EventsPage, after=position, limit=limit, **filters)

    def list(self, *, after: int = 0, **filters: Any) -> Iterator[Event]:
        """All that there are now, the oldest first; the last one's position is where to go on later.

        Filters: kind, fund, recorded_from, recorded_to.
        """
        while True:
            portion = self.after(after, **filters)
            yield from portion.results
            if not portion.results:
                return
            after = portion.next_after


class Webhooks(Resource):
    """Registering and changing may be said again; `rotate` makes another secret each time, and is said once."""

    def list(self, **filters: Any) -> Iterator[Webhook]:
        """Filters: name, fund, enabled."""
        return self._rows("webhooks/", Webhook, filters)

    def get(self, webhook_id: int) -> Webhook:
        return self._one(f"webhooks/{webhook_id}/", Webhook)

    def register(self, *, name: str, url: str, fund: str = "", kinds: Sequence[str] = ()) -> NewWebhook:
        """`fund` and `kinds` empty: every one. The secret is in the first answer and in no other."""
        body = {"name": name, "url": url, "fund": fund, "kinds": kinds}
        return self._once("POST", "webhooks/", body, NewWebhook)

    def change(self, webhook_id: int, **changes: Any) -> Webhook:
        """Changes: url, kinds, enabled. What is not named stays."""
        return self._once("PATCH", f"webhooks/{webhook_id}/", changes, Webhook, repeatable=True)

    def remove(self, webhook_id: int) -> None:
        self._transport.call("DELETE", f"webhooks/{webhook_id}/", repeatable=False)

    def rotate(self, webhook_id: int, *, old_until: datetime | None = None) -> NewWebhook:
        """Another secret; the one before it signs beside it for a day, or until `old_until`."""
        body = {} if old_until is None else {"old_until": old_until}
        return self._once("POST", f"webhooks/{webhook_id}/rotate/", body, NewWebhook)

    def replay(self, webhook_id: int, *, dead_letters: Sequence[int] | None = None) -> int:
        """Send dead letters again, all or these. Returns how many."""
        body = {} if dead_letters is None else {"dead_letters": dead_letters}
        return self._once("POST", f"webhooks/{webhook_id}/replay/", body, Replayed).replayed
