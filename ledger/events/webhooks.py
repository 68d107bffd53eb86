"""Webhooks: registered, changed, given another secret, told again what they would not take."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from ledger import chart
from ledger.actor import recorder
from ledger.errors import NotFound, Refused
from ledger.events import signing
from ledger.events.addresses import check_url
from ledger.events.models import DeadLetter, Lane, Secret, Webhook
from ledger.events.recording import number
from ledger.models import Account

SECRETS_LIVE = 2


@dataclass(frozen=True, slots=True)
class Registered:
    """`secret` is shown this once; empty where the webhook was known on the same terms."""

    webhook: Webhook
    secret: str
    replayed: bool


def register(*, name: str, url: str, stream: str, kinds: Sequence[str], created_at: datetime) -> Registered:
    """Send what happens from now on to an address. The same name on the same terms again is the same webhook.

    Raises Refused `webhook_name_malformed`, `webhook_exists`, `webhook_url_malformed`, `webhook_not_https`,
    `webhook_host_unknown`, `webhook_address_private`; NotFound `fund_unknown`.
    """
    if not name.strip() or not name.isprintable():
        raise Refused("webhook_name_malformed", f"{name!r} is not a name for a webhook", field="name")
    wanted = sorted(set(kinds))
    known = Webhook.objects.filter(name=name).first()
    if known is None:
        check_url(url)
        _check_stream(stream)
        start = number()
        with transaction.atomic():
            webhook, made = Webhook.objects.get_or_create(
                name=name,
                defaults={
                    "url": url,
                    "stream": stream,
                    "kinds": wanted,
                    "starts_after": start,
                    "scanned": start,
                    "created_at": created_at,
                    "created_by": recorder(),
                },
            )
            if made:
                return Registered(webhook, signing.make_secret(webhook, created_at=created_at), replayed=False)
        known = webhook
    if (known.url, known.stream, known.kinds) != (url, stream, wanted):
        raise Refused("webhook_exists", f"webhook {name} exists already, on other terms", status=409)
    return Registered(known, "", replayed=True)


def secret_again(webhook_id: int, fingerprint: str) -> str:
    """The text of a secret that was shown before; empty where its webhook was removed.

    Raises Refused `webhook_secret_lost`.
    """
    secret = Secret.objects.filter(webhook=webhook_id, fingerprint=fingerprint).select_related("webhook").first()
    return "" if secret is None else signing.text_of(secret)


def shown(*, at: datetime, streams: Collection[str] | None = None) -> QuerySet[Webhook]:
    """Webhooks with their live secrets, their lanes and how many dead letters wait; with `streams`, of those alone."""
    live = Secret.objects.filter(Q(expires_at=None) | Q(expires_at__gt=at)).order_by("-id")
    dead = DeadLetter.objects.filter(webhook=OuterRef("pk"), status=DeadLetter.Status.DEAD).order_by()
    counted = dead.values("webhook").annotate(count=Count("pk")).values("count")
    webhooks = Webhook.objects.all() if streams is None else Webhook.objects.filter(stream__in=streams)
    return webhooks.prefetch_related("lanes", Prefetch("secrets", live, to_attr="live_secrets")).annotate(
        dead=Coalesce(Subquery(counted), 0)
    )


def find(webhook_id: int, *, streams: Collection[str] | None = None) -> Webhook:
    """The webhook; with `streams`, one of those alone. Raises NotFound `webhook_unknown`."""
    webhooks = Webhook.objects.filter(pk=webhook_id)
    webhook = (webhooks if streams is None else webhooks.filter(stream__in=streams)).first()
    if webhook is None:
        raise NotFound("webhook_unknown", f"webhook {webhook_id} does not exist")
    return webhook


def change(webhook: Webhook, changes: dict[str, Any], *, at: datetime) -> Webhook:
    """Change `url`, `kinds` or `enabled`. Events that came while it was off are sent when it is on again, at once.

    Raises as `register` of a URL.
    """
    if "url" in changes:
        check_url(changes["url"])
    switched_on = bool(changes.get("enabled")) and not webhook.enabled

    for name, value in changes.items():
        setattr(webhook, name, sorted(set(value)) if name == "kinds" else value)
    fields = list(changes)
    if changes.get("enabled"):
        webhook.disabled_because = ""
        fields.append("disabled_because")
    with transaction.atomic():
        if switched_on:
            # Failures of before are no longer counted or waited for. Lanes before the webhook, as deliveries lock them.
            Lane.objects.filter(webhook=webhook, failures__gt=0).update(failures=0, due_at=at)
        if fields:
            webhook.save(update_fields=fields)
    return webhook


def remove(webhook: Webhook) -> None:
    """End a webhook, with what is known of its deliveries. What is on its way is waited for."""
    webhook.delete()


def rotate(webhook: Webhook, *, old_until: datetime, at: datetime) -> str:
    """Make another secret and return its text; the one before it signs beside it until `old_until`, others end now."""
    with transaction.atomic():
        Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
        live = [secret for secret in Secret.objects.filter(webhook=webhook).order_by("-id") if secret.is_live(at)]
        for place, secret in enumerate(live, 1):
            ends = max(old_until, at) if place < SECRETS_LIVE else at
            secret.expires_at = ends if secret.expires_at is None else min(secret.expires_at, ends)
            secret.save(update_fields=["expires_at"])
        return signing.make_secret(webhook, created_at=at)


def replay(webhook: Webhook, letter_ids: Sequence[int] | None = None) -> int:
    """Have dead letters sent again, all of them or those named. Returns how many."""
    letters = DeadLetter.objects.filter(webhook=webhook, status=DeadLetter.Status.DEAD)
    if letter_ids is not None:
        letters = letters.filter(pk__in=letter_ids)
    return letters.update(status=DeadLetter.Status.AGAIN)


def _check_stream(stream: str) -> None:
    """Streams are funds, and a fund has its account from its first day on."""
    if stream and not Account.objects.filter(code=chart.fund(stream) if chart.is_name(stream) else "").exists():
        raise NotFound("fund_unknown", f"fund {stream} does not exist")
