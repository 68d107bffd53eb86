"""What each loss and each surplus became: the parts with the whole they sum to, under a CHECK."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from fund.models.cycles import Cycle
from fund.models.funds import Fund, RulebookVersion
from ledger.fields import AmountField
from ledger.models import Entry


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
    # Kept, since the journal does not tell it: a contribution may come between this reading and the entry, and of a
    # fund that paid nothing there is no line. Null for rows from before it was kept.
    fund_balance = AmountField(null=True, blank=True, help_text="What the fund had free when its part was decided.")
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
        return f"{self.source_kind} {self.source_id}"


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
        return f"{self.source_kind} {self.source_id}"
