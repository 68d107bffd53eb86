"""Events, and the webhooks that they are sent to: how far each is, what was tried, what could not be delivered."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Event(models.Model):
    """Something that happened, written with it. `position`: its place for every reader, given when it is first read."""

    position = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=40, db_collation="C")
    stream = models.CharField("fund", max_length=60, db_collation="C", help_text="Order is kept within a fund.")
    data = models.JSONField()
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())
    once = models.CharField(max_length=400, blank=True, db_collation="C", help_text="Of what may be told twice.")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["position"], condition=Q(position__isnull=False), name="event_position"),
            models.UniqueConstraint(fields=["once"], condition=~Q(once=""), name="event_once"),
        ]
        indexes = [
            models.Index(fields=["stream", "position"], condition=Q(position__isnull=False), name="event_stream"),
            models.Index(fields=["id"], condition=Q(position=None), name="event_unnumbered"),
            BrinIndex(fields=["created_at"], name="event_created_at", pages_per_range=32, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.position or 'new'}: {self.kind}"


class Counter(models.Model):
    """The last position given: one row, locked by whoever gives more."""

    last = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="counter_is_one")]

    def __str__(self) -> str:
        return str(self.last)


class Webhook(models.Model):
    """An address that events are sent to. Each fund's events go there in their order, one at a time: its `Lane`."""

    name = models.CharField(max_length=100, unique=True)
    url = models.CharField("URL", max_length=2000)
    stream = models.CharField("fund", max_length=60, blank=True, db_collation="C", help_text="Empty: every fund.")
    kinds = ArrayField(models.CharField(max_length=40), default=list, blank=True, help_text="Empty: every kind.")
    enabled = models.BooleanField(default=True)
    starts_after = models.BigIntegerField(help_text="Position of the last event that it does not get.")
    scanned = models.BigIntegerField(help_text="Position up to which funds have been looked for.")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, blank=True)
    disabled_because = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Secret(models.Model):
    """A secret that deliveries are signed with. It is not kept: it is worked out from the salt and `SECRET_KEY`."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="secrets")
    salt = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=16, help_text="Tells whether `SECRET_KEY` is still that of its making.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.webhook}: {self.fingerprint}"

    def is_live(self, at: datetime) -> bool:
        """Whether deliveries are signed with it at this moment."""
        return self.expires_at is None or at < self.expires_at


class Lane(models.Model):
    """One fund's events on their way to one webhook: how far they are, and when the next one is tried."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="lanes")
    stream = models.CharField("fund", max_length=60, db_collation="C")
    after = models.BigIntegerField(help_text="Position of the last event that was delivered or given up.")
    failures = models.PositiveIntegerField(default=0, help_text="Of the event that is tried now.")
    due_at = models.DateTimeField()

    class Meta:
        ordering = ["webhook", "stream"]
        constraints = [models.UniqueConstraint(fields=["webhook", "stream"], name="lane_once")]
        indexes = [models.Index(fields=["due_at"], name="lane_due")]

    def __str__(self) -> str:
        return f"{self.webhook}: {self.stream}"


class Attempt(models.Model):
    """One request to a webhook, and what came of it."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="attempts")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(help_text="From 1, for this event and webhook.")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of the answer; none: there was none.")
    milliseconds = models.PositiveIntegerField()
    answer = models.CharField(max_length=500, blank=True, help_text="Its beginning, or why there was none.")
    delivered = models.BooleanField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["at"], name="attempt_at")]

    def __str__(self) -> str:
        return f"{self.webhook}: {self.event_id}, attempt {self.number}"


class DeadLetter(models.Model):
    """An event that a webhook would not take. It is sent again when somebody asks for it, out of its order."""

    class Status(models.TextChoices):
        DEAD = "dead"
        AGAIN = "again", "to be sent again"
        DELIVERED = "delivered"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="dead_letters")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    stream = models.CharField("fund", max_length=60, db_collation="C")
    status = models.CharField(max_length=9, choices=Status, default=Status.DEAD)
    attempts = models.PositiveIntegerField()
    reason = models.CharField(max_length=500)
    died_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="dead_letter_once"),
            models.CheckConstraint(
                condition=Q(status="delivered") & Q(delivered_at__isnull=False)
                | ~Q(status="delivered") & Q(delivered_at=None),
                name="dead_letter_delivered_at",
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "stream", "event"], condition=Q(status="again"), name="dead_letter_again")
        ]

    def __str__(self) -> str:
        return f"{self.webhook}: {self.event_id}"
