"""Contracts, takeovers and what closed them."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from fund.models import Fund, RulebookVersion
from ledger.fields import AmountField, JournalPlaceField, RecorderField
from ledger.models import Currency, Entry


class Side(models.TextChoices):
    LONG = "long"
    SHORT = "short"


class Contract(models.Model):
    """A derivative contract. It belongs to one fund; funds are shared by margin currency or by choice."""

    class Kind(models.TextChoices):
        LINEAR = "linear"
        INVERSE = "inverse"
        QUANTO = "quanto"

    symbol = models.CharField(max_length=60, unique=True, db_collation="C")
    kind = models.CharField(max_length=7, choices=Kind)
    margin_currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="contracts")
    multiplier = AmountField()
    tick = AmountField(null=True, blank=True, help_text="Smallest step of the price.")
    close_fee_rate = AmountField(
        default=0, help_text="Share of a close's notional, for its fee, that a bankruptcy price leaves in the margin."
    )
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="contracts")
    created_at = models.DateTimeField()
    recorded_by = RecorderField()

    class Meta:
        ordering = ["symbol"]
        constraints = [
            models.CheckConstraint(condition=Q(multiplier__gt=0), name="contract_multiplier_positive"),
            models.CheckConstraint(
                condition=Q(close_fee_rate__gte=0, close_fee_rate__lt=1), name="contract_close_fee_rate"
            ),
        ]

    def __str__(self) -> str:
        return self.symbol


# Columns of a takeover that share its result, in the layers' order: who gets a part of a gain, who bears one of a loss.
GAIN_PARTS = ("penalty", "injected", "to_vault", "to_trader", "to_fees")
LOSS_PARTS = ("paid", "treasury_paid", "to_allocate", "carried")


class Takeover(models.Model):
    """A position that the engine took over at the bankruptcy price; its result is netted over its fills."""

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"
        REVERSED = "reversed"

    reference = models.CharField(max_length=200, unique=True, db_collation="C")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="takeovers")
    rulebook = models.ForeignKey(RulebookVersion, on_delete=models.PROTECT, related_name="+")
    trader = models.CharField(max_length=100, db_collation="C")
    side = models.CharField(max_length=5, choices=Side)
    quantity = AmountField()
    bankruptcy_price = AmountField()
    margin = AmountField()
    entry_price = AmountField(null=True, blank=True)
    mark_price = AmountField(null=True, blank=True)
    taken_over_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = RecorderField()
    entry = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    place = JournalPlaceField()

    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    remaining = AmountField()
    running_result = AmountField(default=0, help_text="Result of its fills so far, after costs.")
    notional = AmountField(default=0, help_text="Closing notional of its fills, in the margin currency.")
    costs = AmountField(default=0)
    compensation = AmountField(default=0, help_text="Set aside by the fund before the close.")
    limit_price = AmountField(null=True, blank=True, help_text="Of the close order, where the fund compensates first.")
    leftover = AmountField(
        default=0, help_text="Taken over at mark: margin beyond the loss at mark, of what is not closed yet."
    )
    unfilled_at = models.DateTimeField(null=True, blank=True)
    adl_seed = models.CharField(max_length=200, blank=True, help_text="Of its random ADL queue, so that it stays one.")
    adl_averted = AmountField(default=0, help_text="Memo: loss at mark that ADL averted; no money moved.")

    # What became of the result, in the layers' order; null until closed.
    closes = models.PositiveSmallIntegerField(default=0, help_text="How often it was closed; a correction reopens it.")
    closed_at = models.DateTimeField(null=True, blank=True)
    result = AmountField(null=True, blank=True)
    penalty = AmountField(null=True, blank=True)
    injected = AmountField(null=True, blank=True)
    to_vault = AmountField(null=True, blank=True)
    to_trader = AmountField(null=True, blank=True)
    to_fees = AmountField(null=True, blank=True)
    paid = AmountField(null=True, blank=True, help_text="By the fund, what it had set aside included.")
    treasury_paid = AmountField(null=True, blank=True)
    to_allocate = AmountField(null=True, blank=True)
    carried = AmountField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="takeover_quantity_positive"),
            models.CheckConstraint(condition=Q(bankruptcy_price__gte=0), name="takeover_bankruptcy_price"),
            models.CheckConstraint(condition=Q(margin__gte=0), name="takeover_margin"),
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("quantity")), name="takeover_remaining"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["open", "reversed"], result=None)
                | Q(status="closed", remaining=0, result__isnull=False),
                name="takeover_closed_whole",
            ),
            models.CheckConstraint(
                condition=Q(result=None)
                | Q(
                    result=F("penalty")
                    + F("injected")
                    + F("to_vault")
                    + F("to_trader")
                    + F("to_fees")
                    - F("paid")
                    - F("treasury_paid")
                    - F("to_allocate")
                    - F("carried")
                ),
                name="takeover_parts_sum_to_result",
            ),
        ]
        indexes = [
            models.Index(fields=["trader"], name="takeover_trader"),
            models.Index(fields=["status"], name="takeover_status"),
            # Takeovers come in the order of time, nearly: it costs a new one next to nothing.
            BrinIndex(
                fields=["taken_over_at", "closed_at"], name="takeover_times", pages_per_range=32, autosummarize=True
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class Fill(models.Model):
    """One closing of a part of a takeover: in the market, into the fund's inventory, or against a counterparty."""

    class Kind(models.TextChoices):
        MARKET = "market"
        INVENTORY = "inventory"
        ADL = "adl"

    reference = models.CharField(max_length=200, unique=True, db_collation="C")
    takeover = models.ForeignKey(Takeover, on_delete=models.PROTECT, related_name="fills")
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.MARKET)
    price = AmountField(null=True, blank=True)
    pnl = AmountField(null=True, blank=True, help_text="Result as the venue reports it, where it names no price.")
    quantity = AmountField()
    fee = AmountField(default=0)
    result = AmountField(help_text="Against the bankruptcy price, before costs.")
    leftover = AmountField(default=0, help_text="Part of the takeover's leftover margin that is in the result.")
    filled_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = RecorderField()
    entry = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    place = JournalPlaceField()
    reversed_at = models.DateTimeField(null=True, blank=True)
    reversed_by = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="fill_quantity_positive"),
            models.CheckConstraint(
                condition=Q(price__isnull=False, pnl=None, price__gt=0) | Q(price=None, pnl__isnull=False),
                name="fill_price_or_pnl",
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class AnsweredQueue(models.Model):
    """One ADL queue as it was answered to `unfilled/`: the engine acts on it, and the venue's positions change."""

    takeover = models.ForeignKey(Takeover, on_delete=models.PROTECT, related_name="answered_queues")
    quantity = AmountField()
    mark_price = AmountField(null=True, blank=True)
    queue = models.JSONField(
        help_text="Down to the cut line with its inputs; of an external queue all that was listed."
    )
    answered_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = RecorderField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.takeover}, {self.answered_at}"


class Deleveraging(models.Model):
    """One ADL event of a takeover. Its queue, cut line and inputs are kept as evidence."""

    reference = models.CharField(max_length=200, unique=True, db_collation="C")
    takeover = models.ForeignKey(Takeover, on_delete=models.PROTECT, related_name="deleveragings")
    price = AmountField()
    quantity = AmountField()
    answered = models.ForeignKey(
        AnsweredQueue, null=True, blank=True, on_delete=models.PROTECT, related_name="deleveragings"
    )
    queue = models.JSONField(
        help_text="The queue, where none had been answered; the event's mark, and what it averted."
    )
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = RecorderField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.reference

    @property
    def evidence(self) -> dict[str, Any]:
        """The queue that the event went by, and what the event says beside it."""
        return {**(self.answered.queue if self.answered else {}), **self.queue}


class CounterpartyFill(models.Model):
    """One counterparty's part in an ADL event, and the profit that it realised."""

    deleveraging = models.ForeignKey(Deleveraging, on_delete=models.PROTECT, related_name="fills")
    trader = models.CharField(max_length=100, db_collation="C")
    position = models.CharField(max_length=200, blank=True, db_collation="C")
    quantity = AmountField()
    entry_price = AmountField()
    realised = AmountField()
    entry = models.ForeignKey(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["trader"], name="counterparty_trader")]

    def __str__(self) -> str:
        return f"{self.trader}: {self.quantity}"


class Correction(models.Model):
    """One reversal of what was booked for a takeover: of a fill, of its close, or of the whole of it."""

    class Kind(models.TextChoices):
        FILL = "fill"
        CLOSE = "close"
        TAKEOVER = "takeover"

    reference = models.CharField(max_length=200, unique=True, db_collation="C")
    kind = models.CharField(max_length=8, choices=Kind)
    takeover = models.ForeignKey(Takeover, on_delete=models.PROTECT, related_name="corrections")
    fill = models.ForeignKey(Fill, null=True, blank=True, on_delete=models.PROTECT, related_name="corrections")
    entry = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    description = models.TextField(blank=True)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = RecorderField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.reference
