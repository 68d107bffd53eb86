"""Events are sent to webhooks: within a fund one after the other, until each was taken or given up.

A lane's row is locked while one of its events is on its way, so nobody sends the next one meanwhile; whoever dies with
it leaves the lane as it was, and the event is sent again. Source: docs/events.md, webhooks.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from ledger.errors import Refused
from ledger.events import signing
from ledger.events.models import Attempt, DeadLetter, Event, Lane, Secret, Webhook
from ledger.events.recording import number
from ledger.events.sending import Outcome, send
from ledger.events.serializers import EventSerializer
from ledger.rest.fields import TimeField

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
# A lane that has nothing to send is moved up when so many events of other kinds have gone by.
PASSED_BY = 1_000
GONE = 410

_OPEN_LANES = """
INSERT INTO events_lane (webhook_id, stream, after, failures, due_at)
SELECT w.id, s.stream, w.starts_after, 0, %(now)s
  FROM events_webhook w
 CROSS JOIN LATERAL (SELECT DISTINCT e.stream FROM events_event e
                      WHERE e.position > w.scanned AND e.position <= %(last)s
                        AND (w.stream = '' OR e.stream = w.stream)) s
 WHERE w.enabled AND w.scanned < %(last)s
    ON CONFLICT (webhook_id, stream) DO NOTHING"""
_MATCHING = """
SELECT FROM events_event e
 WHERE e.stream = l.stream AND e.position > l.after AND (w.kinds = '{}' OR e.kind = ANY (w.kinds))"""
_PASS_BY = f"""
UPDATE events_lane l SET after = %(last)s
  FROM events_webhook w
 WHERE w.id = l.webhook_id AND w.enabled AND l.after < %(last)s - %(passed_by)s
   AND NOT EXISTS ({_MATCHING} AND e.position <= %(last)s)"""
_WAITING = f"""
SELECT l.id
  FROM events_lane l
  JOIN events_webhook w ON w.id = l.webhook_id
 WHERE w.enabled AND l.due_at <= %(now)s
   AND (EXISTS ({_MATCHING})
        OR EXISTS (SELECT FROM events_deadletter d
                    WHERE d.webhook_id = l.webhook_id AND d.stream = l.stream AND d.status = 'again'))
 ORDER BY l.due_at, l.id"""


def waiting(*, now: datetime) -> list[int]:
    """Ids of the lanes that have something to send now, the longest waiting first. New events get their positions."""
    parameters: dict[str, Any] = {"now": now, "last": number(), "passed_by": PASSED_BY}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_OPEN_LANES, parameters)
        Webhook.objects.filter(enabled=True, scanned__lt=parameters["last"]).update(scanned=parameters["last"])
        cursor.execute(_PASS_BY, parameters)
        cursor.execute(_WAITING, parameters)
        return [lane_id for (lane_id,) in cursor.fetchall()]


def deliver_next(*, lane_id: int, now: datetime, draw: float) -> Outcome | None:
    """Send what is next in a lane, and note what came of it. None: nothing is due, or somebody else is sending.

    `draw`, from 0 to 1, spreads the waits after failures, so that not all of them come back at once.
    """
    with transaction.atomic():
        lanes = Lane.objects.select_for_update(no_key=True, of=("self",), skip_locked=True).select_related("webhook")
        lane = lanes.filter(pk=lane_id, webhook__enabled=True, due_at__lte=now).first()
        if lane is None:
            return None
        again = _asked_again(lane)
        event = again.event if again else _next(lane)
        if event is None:
            return None
        number_ = Attempt.objects.filter(webhook=lane.webhook, event=event).count() + 1
        outcome = _send(lane.webhook, event, now)
        Attempt.objects.create(
            webhook=lane.webhook,
            event=event,
            number=number_,
            at=now,
            status=outcome.status,
            milliseconds=outcome.milliseconds,
            answer=outcome.answer,
            delivered=outcome.delivered,
        )
        if again:
            _note_again(again, outcome, now)
        else:
            _note(lane, event, outcome, now, draw)
        if outcome.status == GONE:
            gone = f"it answered {GONE} at {now:%Y-%m-%d %H:%M:%S} UTC"
            Webhook.objects.filter(pk=lane.webhook_id).update(enabled=False, disabled_because=gone)
    return outcome


def wait_after(failures: int, *, draw: float, asked: int | None = None) -> timedelta:
    """How long to wait after so many failures: twice as long each time, up to an hour, from half of it to all.

    `asked`: seconds that the receiver asked for; it waits at least as long, within the hour.
    """
    doubled = FIRST_WAIT * 2 ** min(failures - 1, 20)
    wait: timedelta = min(doubled, LONGEST_WAIT) * (0.5 + draw / 2)
    return max(wait, min(timedelta(seconds=asked or 0), LONGEST_WAIT))


def body_of(event: Event) -> str:
    """What is sent of an event: the envelope of Standard Webhooks, the event as `GET /events/` has it inside."""
    told = EventSerializer(event).data
    document = {"type": event.kind, "timestamp": TimeField().to_representation(event.occurred_at), "data": told}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _next(lane: Lane) -> Event | None:
    events = Event.objects.filter(stream=lane.stream, position__gt=lane.after)
    if lane.webhook.kinds:
        events = events.filter(kind__in=lane.webhook.kinds)
    return events.order_by("position").first()


def _asked_again(lane: Lane) -> DeadLetter | None:
    letters = DeadLetter.objects.filter(webhook=lane.webhook_id, stream=lane.stream, status=DeadLetter.Status.AGAIN)
    return letters.select_related("event").order_by("event_id").first()


def _send(webhook: Webhook, event: Event, now: datetime) -> Outcome:
    live = [secret for secret in Secret.objects.filter(webhook=webhook) if secret.is_live(now)]
    body = body_of(event)
    try:
        signed = signing.headers(message_id=f"evt_{event.position}", body=body, live=live, at=now)
    except Refused as refused:
        return Outcome(None, f"{refused.code}: {refused.detail}", 0)
    headers = {"content-type": "application/json", "user-agent": "bulwark", "connection": "close", **signed}
    return send(webhook.url, body=body.encode(), headers=headers, seconds=settings.WEBHOOKS_SECONDS)


def _note(lane: Lane, event: Event, outcome: Outcome, now: datetime, draw: float) -> None:
    failures = lane.failures + 1
    if outcome.delivered or (failures >= settings.WEBHOOKS_ATTEMPTS and outcome.status != GONE):
        assert event.position is not None, f"{event} was read by its position"
        lane.after, lane.failures, lane.due_at = event.position, 0, now
        if not outcome.delivered:
            DeadLetter.objects.create(
                webhook=lane.webhook,
                event=event,
                stream=lane.stream,
                attempts=failures,
                reason=_reason(outcome),
                died_at=now,
            )
    else:
        lane.failures = failures
        lane.due_at = now + wait_after(failures, draw=draw, asked=outcome.retry_after)
    lane.save(update_fields=["after", "failures", "due_at"])


def _note_again(letter: DeadLetter, outcome: Outcome, now: datetime) -> None:
    letter.status = DeadLetter.Status.DELIVERED if outcome.delivered else DeadLetter.Status.DEAD
    letter.attempts += 1
    letter.delivered_at = now if outcome.delivered else None
    if not outcome.delivered:
        letter.reason = _reason(outcome)
    letter.save(update_fields=["status", "attempts", "delivered_at", "reason"])


def _reason(outcome: Outcome) -> str:
    return outcome.answer if outcome.status is None else f"{outcome.status}: {outcome.answer}"[:500]
