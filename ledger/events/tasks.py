"""Tasks of the webhooks. They run in a queue of their own: a receiver that is slow holds up nothing else."""

import random
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from ledger.broker import redis_at
from ledger.events import delivering
from ledger.events.models import Attempt

QUEUE = "webhooks"
SECONDS_TO_BEGIN = 30
# A task ends then, and the next one goes on: none of them keeps the others from a worker.
SECONDS_AT_WORK = 20
DAYS_KEPT = 30


# Results of what runs every few seconds are nobody's reading; failures are kept.
@shared_task(name="events.deliver_waiting", ignore_result=True, store_errors_even_if_ignored=True)
def deliver_waiting() -> list[int]:
    """Hand each lane that has something to send to a task of its own, once those handed out before have been taken.

    Where no courier runs, the broker would otherwise be filled with them: it keeps what has expired too.
    """
    if redis_at(settings.CELERY_BROKER_URL, seconds=2.0).llen(QUEUE):
        return []
    lane_ids = delivering.waiting(now=timezone.now())
    for lane_id in lane_ids:
        deliver_lane.apply_async([lane_id], expires=SECONDS_TO_BEGIN)
    return lane_ids


@shared_task(name="events.deliver_lane", ignore_result=True, store_errors_even_if_ignored=True)
def deliver_lane(lane_id: int) -> int:
    """Send a lane's events one after the other, until none is due. Returns how many requests were made."""
    ends_at, sent = timezone.now() + timedelta(seconds=SECONDS_AT_WORK), 0
    while (now := timezone.now()) < ends_at:
        if delivering.deliver_next(lane_id=lane_id, now=now, draw=random.random()) is None:
            break
        sent += 1
    return sent


@shared_task(name="events.forget_attempts")
def forget_attempts() -> int:
    """Delete attempts that are older than a month; dead letters stay."""
    old = Attempt.objects.filter(at__lt=timezone.now() - timedelta(days=DAYS_KEPT))
    return old.delete()[0]
