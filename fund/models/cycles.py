"""Settlement cycles, the profits that come in for them, and what each participant bears."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from fund.models.funds import Fund, RulebookVersion
from ledger.fields import AmountField, RecorderField
from ledger.models import Entry


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
        return f"{self.position}, rank {self.rank}"


class AllocationTree(models.Model):
    """The Merkle tree over a run's allocations, for proofs that one of them is in it; a reversed run keeps its own.

    `nodes`: its levels from the eighth up, 32 bytes a node. `salt` makes the leaves' nonces and is told to nobody: with
    it a trader could try out what its neighbours bear.
    """

    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="trees", db_index=False)
    run = models.PositiveIntegerField()
    size = models.BigIntegerField()
    root = models.CharField(max_length=64)
    salt = models.BinaryField()
    nodes = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cycle", "run"], name="allocation_tree_once")]

    def __str__(self) -> str:
        return self.root
