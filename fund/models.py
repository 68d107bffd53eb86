"""Funds, their rulebooks, transfers and deficits; what each loss and surplus became; settlement cycles and allocations.

Money stands in the ledger; these rows say why it moved. Parts are stored with the whole they sum to, under a CHECK.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast

from ledger.fields import AmountField, RecorderField
from ledger.models import Currency, Entry
from ledger.money import MAX_INTEGER_DIGITS


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


class Cycle(models.Model):
    """One settlement cycle: the losses of a span of time, and how they were shared when it was settled."""

    class Status(models.TextChoices):
        OPEN = "open"
        ENDED = "ended"
        SETTLED = "settled"

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="cycles")
    number = models.PositiveIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    opened_at = models.DateTimeField()
    recorded_by = RecorderField()

    # The profits that the traders' part is shared over, once they are complete.
    positions_count = models.BigIntegerField(null=True, blank=True)
    positions_profit = AmountField(null=True, blank=True, help_text="Sum of all profits as given, losses included.")
    positions_complete_at = models.DateTimeField(null=True, blank=True)

    # What settling found; null until then.
    rulebook = models.ForeignKey(
        RulebookVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="cycles"
    )
    run = models.PositiveIntegerField(default=0, help_text="How often it was settled; a reversal makes another run.")
    loss = AmountField(null=True, blank=True, help_text="All losses of the cycle, before any layer.")
    fund_paid = AmountField(null=True, blank=True, help_text="By the fund, at the closes and at settlement.")
    treasury_paid = AmountField(null=True, blank=True)
    to_allocate = AmountField(null=True, blank=True, help_text="The traders' part that came to settlement.")
    allocated = AmountField(null=True, blank=True, help_text="Taken from profitable traders.")
    levy_surplus = AmountField(null=True, blank=True, help_text="What a minimum levy took above the loss.")
    residue = AmountField(null=True, blank=True, help_text="Traders' part that the formula left unallocated.")
    carried = AmountField(null=True, blank=True, help_text="Borne by nobody yet.")
    participants = models.BigIntegerField(null=True, blank=True)
    profit_total = AmountField(null=True, blank=True, help_text="P: total of the positive profits.")
    participants_total = AmountField(null=True, blank=True, help_text="S: total profit of the participants.")
    base = AmountField(null=True, blank=True, help_text="The formula's denominator.")
    cut_profit = AmountField(null=True, blank=True, help_text="Profit of the last position taken.")
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["fund", "number"], name="cycle_number"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="cycle_ends_after_start"),
            models.CheckConstraint(
                condition=~Q(status="settled")
                | Q(loss=F("fund_paid") + F("treasury_paid") + F("allocated") - F("levy_surplus") + F("carried")),
                name="cycle_parts_sum_to_loss",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fund.code} cycle {self.number}"


class CyclePosition(models.Model):
    """One position's profit in a cycle, as the venue reports it: realised + change of unrealised + funding − fees."""

    # No foreign key in the database, as in Allocation: a look-up a row; fund/sql/guards.sql looks once a statement.
    cycle = models.ForeignKey(
        Cycle, on_delete=models.PROTECT, related_name="positions", db_index=False, db_constraint=False
    )
    position = models.CharField(max_length=200, db_collation="C")
    trader = models.CharField(max_length=100, db_collation="C")
    contract = models.CharField(max_length=100, blank=True, db_collation="C")
    profit = AmountField()
    opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cycle", "position"], name="cycle_position_once")]
        indexes = [models.Index(fields=["cycle", "trader"], name="cycle_position_trader")]

    def __str__(self) -> str:
        return self.position


class Allocation(models.Model):
    """What one participant of a settlement bears. `run` counts the cycle's settlements; a reversed run stays."""

    cycle = models.ForeignKey(
        Cycle, on_delete=models.PROTECT, related_name="allocations", db_index=False, db_constraint=False
    )
    run = models.PositiveIntegerField()
    rank = models.BigIntegerField(help_text="From 1, the most profitable.")
    position = models.CharField(max_length=200, db_collation="C")
    trader = models.CharField(max_length=100, db_collation="C")
    profit = AmountField()
    amount = AmountField()
    entry = models.ForeignKey(
        Entry, null=True, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        ordering = ["cycle", "run", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["cycle", "run", "rank"], name="allocation_rank"),
            models.CheckConstraint(
                condition=Q(amount__gte=0, amount__lte=F("profit")), name="allocation_within_profit"
            ),
        ]
        indexes = [models.Index(fields=["trader", "cycle"], name="allocation_trader")]

    def __str__(self) -> str:
        return f"{self.position}: {self.amount}"


class Shortfall(models.Model):
    """One loss that came to the fund, and who bears it. `source` is the caller's: the fund does not look behind it."""

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="shortfalls")
    cycle = models.ForeignKey(Cycle, null=True, blank=True, on_delete=models.PROTECT, related_name="shortfalls")
    rulebook = models.ForeignKey(RulebookVersion, on_delete=models.PROTECT, related_name="+")
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+")
    source_kind = models.CharField(max_length=40)
    source_id = models.CharField(max_length=200, db_collation="C")
    effective_at = models.DateTimeField()
    loss = AmountField()
    fund_paid = AmountField(help_text="By the fund's free balance.")
    reserved_used = AmountField(default=0, help_text="By what the fund had set aside for it.")
    to_allocate = AmountField(default=0, help_text="For profitable traders, at the cycle's settlement.")
    treasury_paid = AmountField(default=0)
    carried = AmountField(default=0)
    reversed_by = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    loss=F("fund_paid") + F("reserved_used") + F("to_allocate") + F("treasury_paid") + F("carried")
                ),
                name="shortfall_parts_sum_to_loss",
            ),
            models.UniqueConstraint(
                fields=["source_kind", "source_id"], condition=Q(reversed_by=None), name="shortfall_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_kind} {self.source_id}: {self.loss}"


class Surplus(models.Model):
    """One positive result and who got it; `repaid` is the part of the injection that repaid a carried deficit."""

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="surpluses")
    rulebook = models.ForeignKey(RulebookVersion, on_delete=models.PROTECT, related_name="+")
    entry = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    source_kind = models.CharField(max_length=40)
    source_id = models.CharField(max_length=200, db_collation="C")
    effective_at = models.DateTimeField()
    result = AmountField()
    penalty = AmountField(default=0, help_text="Liquidation penalty, all its shares.")
    injected = AmountField(default=0, help_text="To the fund, beside the penalty's share.")
    to_vault = AmountField(default=0)
    to_trader = AmountField(default=0)
    to_fees = AmountField(default=0)
    repaid = AmountField(default=0)
    reversed_by = models.OneToOneField(Entry, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "surpluses"
        constraints = [
            models.CheckConstraint(
                condition=Q(result=F("penalty") + F("injected") + F("to_vault") + F("to_trader") + F("to_fees")),
                name="surplus_parts_sum_to_result",
            ),
            models.UniqueConstraint(
                fields=["source_kind", "source_id"], condition=Q(reversed_by=None), name="surplus_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_kind} {self.source_id}: {self.result}"


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
    # Each rounded once, for the estimates that a queue begins with: see sql/adl_scores.sql.
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
    side_before = models.CharField(max_length=5, blank=True)
    quantity_before = AmountField()
    carrying_before = models.TextField(blank=True, help_text="Carrying price before, as an exact fraction.")
    rulebook = models.ForeignKey(RulebookVersion, on_delete=models.PROTECT, related_name="+")
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = RecorderField()
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
