"""Positions: the venue's open ones, for the ADL queues, and the fund's own."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast

from fund.models.funds import Fund, RulebookVersion
from ledger.fields import AmountField, JournalPlaceField, RecorderField
from ledger.money import MAX_INTEGER_DIGITS

_TOO_LARGE = Decimal(f"1e{MAX_INTEGER_DIGITS}")


def _rounded(exact: F | CombinedExpression) -> models.GeneratedField:
    """The column that keeps a number as the nearest double."""
    nearest = models.FloatField()
    return models.GeneratedField(expression=Cast(exact, nearest), output_field=nearest, db_persist=True)


class OpenPosition(models.Model):
    """One open position of the venue, for the ADL queues; replaced as a whole by every upload."""

    # No foreign key in the database: a million look-ups an upload, of a fund that is never deleted.
    fund = models.ForeignKey(
        Fund, on_delete=models.CASCADE, related_name="open_positions", db_index=False, db_constraint=False
    )
    position = models.CharField(max_length=200, db_collation="C")
    trader = models.CharField(max_length=100, db_collation="C")
    contract = models.CharField(max_length=100, db_collation="C")
    side = models.CharField(max_length=5)
    quantity = AmountField()
    entry_price = AmountField()
    mark_price = AmountField()
    margin = AmountField(null=True, blank=True)
    wallet = AmountField(null=True, blank=True)
    # Each rounded once, for the estimates that a queue begins with: see sql/adl_scores.sql. In the table they are the
    # first columns.
    quantity_float = _rounded(F("quantity"))
    entry_float = _rounded(F("entry_price"))
    mark_float = _rounded(F("mark_price"))
    move_float = _rounded(F("mark_price") - F("entry_price"))
    margin_float = _rounded(F("margin"))
    wallet_float = _rounded(F("wallet"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fund", "position"], name="open_position_once"),
            models.CheckConstraint(
                condition=Q(side__in=["long", "short"], quantity__gt=0, entry_price__gt=0, mark_price__gt=0),
                name="open_position_sane",
            ),
            # Beyond these an estimate of a score could overflow. NaN is above all of them.
            models.CheckConstraint(
                condition=Q(quantity__lt=_TOO_LARGE, entry_price__lt=_TOO_LARGE, mark_price__lt=_TOO_LARGE)
                & (Q(margin=None) | Q(margin__gt=-_TOO_LARGE, margin__lt=_TOO_LARGE))
                & (Q(wallet=None) | Q(wallet__gt=-_TOO_LARGE, wallet__lt=_TOO_LARGE)),
                name="open_position_in_range",
            ),
        ]
        indexes = [
            models.Index(fields=["fund", "contract", "side"], name="open_position_book"),
            models.Index(fields=["trader"], name="open_position_trader"),
        ]

    def __str__(self) -> str:
        return self.position


class InventoryPosition(models.Model):
    """What the fund holds of one contract: taken over at an average carrying price, disposed of later."""

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="inventory_positions")
    contract = models.CharField(max_length=100, db_collation="C")
    kind = models.CharField(max_length=7, help_text="Of the contract: linear, inverse or quanto.")
    multiplier = AmountField(help_text="Of the contract.")
    side = models.CharField(max_length=5, blank=True)
    quantity = AmountField(default=0)
    carrying_price = AmountField(null=True, blank=True, help_text="Average price at which it was taken over.")
    carrying_exact = models.TextField(blank=True, help_text="The same as an exact fraction, p/q.")
    mark_price = AmountField(null=True, blank=True)
    marked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["fund", "contract"]
        constraints = [
            models.UniqueConstraint(fields=["fund", "contract"], name="inventory_once"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="inventory_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.contract}"


class InventoryMovement(models.Model):
    """One change of what the fund holds of a contract, and what it held before: the row that a correction restores."""

    class Kind(models.TextChoices):
        ACQUIRED = "acquired"
        DISPOSED = "disposed"

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="inventory_movements")
    contract = models.CharField(max_length=100, db_collation="C")
    kind = models.CharField(max_length=8, choices=Kind)
    reference = models.CharField(max_length=200, db_collation="C")
    side = models.CharField(max_length=5, help_text="Of what was acquired or disposed of.")
    quantity = AmountField()
    price = AmountField()
    fee = AmountField(default=0)
    realised = AmountField(default=0, help_text="Against the carrying price, before costs.")
    mark_price = AmountField(null=True, blank=True, help_text="Of the contract as it came in, where one was known.")
    side_before = models.CharField(max_length=5, blank=True)
    quantity_before = AmountField()
    carrying_before = models.TextField(blank=True, help_text="Carrying price before, as an exact fraction.")
    rulebook = models.ForeignKey(RulebookVersion, on_delete=models.PROTECT, related_name="+")
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = RecorderField()
    place = JournalPlaceField()
    reversed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name="inventory_movement_once"),
            models.CheckConstraint(
                condition=Q(side__in=["long", "short"], quantity__gt=0), name="inventory_movement_sane"
            ),
        ]
        indexes = [models.Index(fields=["fund", "contract"], name="inventory_movement_of")]

    def __str__(self) -> str:
        return f"{self.kind} {self.quantity} {self.contract}"
