"""Events, and the counter that their positions come from."""

from __future__ import annotations

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
