"""Keys of the API, and the answers that an `Idempotency-Key` repeats."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Role(models.TextChoices):
    """What a key may do. Source: api.md, conventions."""

    ENGINE = "engine"
    TREASURY = "treasury"
    BOOKKEEPER = "bookkeeper"
    AUDITOR = "auditor"
    TRADER = "trader"


class ApiKey(models.Model):
    """A key of the API: shown once, kept as the SHA-256 of its 256 random bits, dead the moment it is revoked.

    A model of our own rather than a token library's: role, funds and trader belong to the key, not to its user; every
    request finds it by one indexed look-up; and a random secret of this length needs no slow hash.
    """

    name = models.CharField(max_length=100, unique=True, help_text="Stands in the books as who recorded an entry.")
    prefix = models.CharField(max_length=16, help_text="First characters of the key, to recognise it by.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=10, choices=Role)
    trader = models.CharField(
        max_length=100, blank=True, db_collation="C", help_text="Whose rows a trader's key reads."
    )
    funds = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        help_text="The funds it works with; empty: every fund.",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="api_keys",
        help_text="The person behind the key: nobody approves his own request, by whichever key.",
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=Q(role__in=list(Role.values)), name="key_role"),
            models.CheckConstraint(
                condition=Q(role=Role.TRADER.value) & ~Q(trader="") | ~Q(role=Role.TRADER.value) & Q(trader=""),
                name="key_names_its_trader",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def person(self) -> str:
        """Who acts by this key, for the rule of two people: its user, or, without one, the key itself."""
        return self.user.get_username() if self.user else self.name

    def is_live(self, at: datetime) -> bool:
        """Whether the key opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class IdempotentAnswer(models.Model):
    """The first answer to a request that carried an `Idempotency-Key`, repeated to every later one with that key."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="idempotent_answers", db_index=False)
    idempotency_key = models.CharField(max_length=200, db_collation="C")
    request_digest = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["key", "idempotency_key"], name="idempotent_answer_once")]

    def __str__(self) -> str:
        return self.idempotency_key
