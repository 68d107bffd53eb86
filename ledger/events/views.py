"""`GET /events/`, polled by position, and the webhooks that events are sent to."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.events import reading, signing, webhooks
from ledger.events.models import Webhook
from ledger.events.serializers import (
    EventsQuery,
    EventsSerializer,
    NewWebhookSerializer,
    ReplayBody,
    ReplayedSerializer,
    RotateBody,
    WebhookBody,
    WebhookChange,
    WebhookQuery,
    WebhookSerializer,
)
from ledger.rest.idempotency import idempotent, idempotent_with
from ledger.rest.models import Role
from ledger.rest.paging import LIMIT_MOST, page_response
from ledger.rest.permissions import HOUSE, allow_fund, allowed_funds
from ledger.rest.schema import KEY_PARAMETER, acted, listed, recorded, shown
from ledger.rest.serializers import NoQuery
from ledger.rest.views import ResourceView, recorded_response

# Whoever sends the books' news out of the house.
SENDERS = frozenset({Role.TREASURY, Role.BOOKKEEPER})
OLD_SECRET_LIVES = timedelta(days=1)


def _without_secret(body: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an answer with a secret: its fingerprint in its place."""
    return {**body, "secret": signing.fingerprint(body["secret"]) if body["secret"] else None}


def _with_secret_again(body: dict[str, Any]) -> dict[str, Any]:
    secret = webhooks.secret_again(body["id"], body["secret"]) if body["secret"] else None
    return {**body, "secret": secret or None}


# Whoever lost the answer gets the same secret by the same key.
_idempotent_with_secret = idempotent_with(conceal=_without_secret, reveal=_with_secret_again)


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
            from_=query["recorded_from"],
            to=query["recorded_to"],
        )
        return Response(EventsSerializer({"results": found.events, "next_after": found.next_after}).data)


class WebhooksView(ResourceView):
    """Addresses that events are sent to, and registering one; its secret is shown once."""

    roles = {"GET": HOUSE, "POST": SENDERS}
    per_fund = True

    @listed(WebhookSerializer, WebhookQuery)
    def get(self, request: Request) -> Response:
        query = WebhookQuery.read(request, paged=True)
        rows = webhooks.shown(at=timezone.now(), streams=allowed_funds(request)).filter(**query)
        return page_response(request, rows, by="id", serializer=WebhookSerializer)

    @recorded(WebhookBody, NewWebhookSerializer)
    @_idempotent_with_secret
    def post(self, request: Request) -> Response:
        body = WebhookBody.read_body(request)
        allow_fund(request, body["fund"])
        now = timezone.now()
        made = webhooks.register(
            name=body["name"], url=body["url"], stream=body["fund"], kinds=body["kinds"], created_at=now
        )
        return recorded_response(_with_secret(made.webhook, made.secret), replayed=made.replayed)


class WebhookView(ResourceView):
    """One webhook: shown, changed, removed."""

    roles = {"GET": HOUSE, "PATCH": SENDERS, "DELETE": SENDERS}
    per_fund = True

    @shown(WebhookSerializer)
    def get(self, request: Request, webhook_id: int) -> Response:
        NoQuery.read(request)
        return Response(_document(_found(request, webhook_id)))

    @acted(WebhookSerializer, WebhookChange)
    def patch(self, request: Request, webhook_id: int) -> Response:
        changes = WebhookChange.read_body(request)
        changed = webhooks.change(_found(request, webhook_id), changes, at=timezone.now())
        return Response(_document(changed))

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, webhook_id: int) -> Response:
        webhooks.remove(_found(request, webhook_id))
        return Response(status=204)


class RotateView(ResourceView):
    """Another secret, shown once; the one before it signs beside it for a day, or as long as is said."""

    roles = {"POST": SENDERS}
    per_fund = True

    @extend_schema(parameters=[KEY_PARAMETER], request=RotateBody, responses=NewWebhookSerializer)
    @_idempotent_with_secret
    def post(self, request: Request, webhook_id: int) -> Response:
        body = RotateBody.read_body(request)
        webhook, now = _found(request, webhook_id), timezone.now()
        secret = webhooks.rotate(webhook, old_until=body.get("old_until", now + OLD_SECRET_LIVES), at=now)
        return Response(_with_secret(webhook, secret))


class ReplayView(ResourceView):
    """Send dead letters again, beside what is on its way."""

    roles = {"POST": SENDERS}
    per_fund = True

    @extend_schema(parameters=[KEY_PARAMETER], request=ReplayBody, responses=ReplayedSerializer)
    @idempotent
    def post(self, request: Request, webhook_id: int) -> Response:
        body = ReplayBody.read_body(request)
        replayed = webhooks.replay(_found(request, webhook_id), body.get("dead_letters"))
        return Response({"replayed": replayed})


def _found(request: Request, webhook_id: int) -> Webhook:
    return webhooks.find(webhook_id, streams=allowed_funds(request))


def _document(webhook: Webhook) -> dict[str, Any]:
    return dict(WebhookSerializer(webhooks.shown(at=timezone.now()).get(pk=webhook.pk)).data)


def _with_secret(webhook: Webhook, secret: str) -> dict[str, Any]:
    return {**_document(webhook), "secret": secret or None}
