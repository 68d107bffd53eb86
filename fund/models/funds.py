"""Funds, their rulebooks, money put in and taken out, and what a fund stood at."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from ledger.fields import AmountField, RecorderField
from ledger.models import Currency, Entry


class Fund(models.Model):
    """One insurance fund, in one currency. Its balances are the ledger's accounts `fund:{code}` and its kin."""

    code = models.CharField(max_length=60, unique=True, db_collation="C")
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="funds")
    cycle_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="Length of a settlement cycle; empty: cycles are opened by hand."
    )
    gross_injections = AmountField(default=0, help_text="All that surpluses have brought, before any repayment.")
    gross_payouts = AmountField(default=0, help_text="All that losses have drawn.")
    created_at = models.DateTimeField()
    recorded_by = RecorderField()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class RulebookVersion(models.Model):
    """One published version of a fund's rulebook: every field resolved, never edited."""

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="rulebooks")
    version = models.PositiveIntegerField()
    preset = models.CharField(max_length=40)
    fields = models.JSONField(help_text="All fields as rulebook.to_json gives them.")
    effective_from = models.DateTimeField()
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=150, blank=True)
    reference = models.CharField(max_length=200, null=True, blank=True, unique=True, db_collation="C")

    class Meta:
        ordering = ["fund", "-version"]
        constraints = [models.UniqueConstraint(fields=["fund", "version"], name="rulebook_version")]

    def __str__(self) -> str:
        return f"{self.fund.code} v{self.version} ({self.preset})"


class Transfer(models.Model):
    """A contribution to a fund or a withdrawal from it. A withdrawal waits for a second person."""

    class Direction(models.TextChoices):
        CONTRIBUTION = "contribution"
        WITHDRAWAL = "withdrawal"

    class Status(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        REJECTED = "rejected"

    class Source(models.TextChoices):
        TREASURY = "treasury"
        CUSTODY = "custody"

    reference = models.CharField(max_length=200, unique=True, db_collation="C")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="transfers")
    direction = models.CharField(max_length=12, choices=Direction)
    source = models.CharField(max_length=8, choices=Source, default=Source.TREASURY)
    amount = AmountField()
    status = models.CharField(max_length=8, choices=Status)
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    entry = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(
                condition=Q(direction="contribution") | ~Q(status="done") | ~Q(decided_by=F("requested_by")),
                name="transfer_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.reference}"


class FundSnapshot(models.Model):
    """A fund's figures at a moment, for its history."""

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="snapshots", db_index=False)
    taken_at = models.DateTimeField()
    balance = AmountField()
    reserved = AmountField()
    inventory = AmountField(default=0, help_text="The fund's positions at mark.")
    deficit = AmountField()
    gross_injections = AmountField()
    gross_payouts = AmountField()

    class Meta:
        ordering = ["-taken_at"]
        constraints = [models.UniqueConstraint(fields=["fund", "taken_at"], name="snapshot_once")]

    def __str__(self) -> str:
        return f"{self.fund.code} {self.taken_at:%Y-%m-%d %H:%M}"
