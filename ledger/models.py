"""The journal: currencies, accounts, entries and their postings. Only `ledger.posting.post` writes it."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import Case, When
from django.db.models.functions import Least
from django.db.models.lookups import Exact, GreaterThan, LessThan

from ledger import chart
from ledger.fields import AmountField, RecorderField

# Lines that one entry may have: a posting's id is its entry's id and its line, `entry * POSTINGS_PER_ENTRY + line`.
POSTINGS_PER_ENTRY = 10_000
# No line is as large as this.
AMOUNT_LIMIT = Decimal(10) ** 40


class Currency(models.Model):
    code = models.CharField(primary_key=True, max_length=20)
    decimals = models.PositiveSmallIntegerField(help_text="Digits after the point that an amount may have.")
    recorded_by = RecorderField()

    class Meta:
        verbose_name_plural = "currencies"
        ordering = ["code"]
        constraints = [models.CheckConstraint(condition=Q(decimals__lte=18), name="currency_decimals")]

    def __str__(self) -> str:
        return self.code


class Account(models.Model):
    """One account of the chart. `balance` stands on the normal side; `version` counts its postings."""

    code = models.CharField(max_length=240, db_collation="C")
    kind = models.CharField(max_length=20, choices=[(name, name.replace("_", " ")) for name in chart.KINDS])
    owner = models.CharField(max_length=100, blank=True, db_collation="C", help_text="Trader, contract, fund or vault.")
    # No foreign key in the database: a look-up an account. ledger/sql/guards_of_currencies.sql looks once a statement.
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="accounts", db_constraint=False)
    normal_side = models.CharField(max_length=6, choices=[(side.value, side.value) for side in chart.Side])
    floor = AmountField(null=True, blank=True, help_text="The balance may not pass below it.")
    lock_rank = models.SmallIntegerField(help_text="Locks are taken in the order (lock_rank, id).")
    debits = AmountField(default=0)
    credits = AmountField(default=0)
    balance = models.GeneratedField(
        expression=Case(
            When(normal_side=chart.Side.DEBIT.value, then=F("debits") - F("credits")),
            default=F("credits") - F("debits"),
        ),
        output_field=AmountField(),
        db_persist=True,
    )
    version = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["code"], name="account_code"),
            # The only check on an account: every one is read and evaluated again at each update of the totals. Kind
            # and side are checked once, when the account is opened (ledger/sql/guards.sql).
            models.CheckConstraint(condition=Q(floor__isnull=True) | Q(balance__gte=F("floor")), name="account_floor"),
        ]
        indexes = [models.Index(fields=["kind", "owner"], name="account_kind_owner")]

    def __str__(self) -> str:
        return self.code


class Entry(models.Model):
    """One balanced transaction. `effective_at` is when it happened in the world, `created_at` when the book took it."""

    reference = models.CharField(max_length=200, db_collation="C")
    kind = models.CharField(max_length=40)
    source_kind = models.CharField(max_length=40, blank=True, help_text="What caused it: takeover, cycle, fund…")
    source_id = models.CharField(max_length=200, blank=True, db_collation="C")
    lines = models.SmallIntegerField(help_text="Number of its postings.")
    effective_at = models.DateTimeField()
    created_at = models.DateTimeField()
    description = models.TextField(blank=True)
    recorded_by = models.CharField(max_length=150, blank=True, help_text="Key or user that had it recorded.")
    reverses = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by", db_constraint=False
    )

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="entry_reference"),
        ]
        indexes = [
            models.Index(fields=["source_kind", "source_id"], name="entry_source"),
            models.Index(fields=["effective_at"], name="entry_effective_at"),
            # The book takes entries in the order of time: a page of the journal and when its entries came are enough.
            BrinIndex(fields=["created_at"], name="entry_created_at", pages_per_range=32, autosummarize=True),
        ]

    def __str__(self) -> str:
        return self.reference


class Posting(models.Model):
    """One line of an entry: a debit or a credit of one account, with the account's balance and version after it.

    No foreign keys in the database: they halve the throughput. The guards of `ledger/sql/guards.sql` hold the same.
    """

    id = models.BigIntegerField(primary_key=True)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="postings", db_constraint=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="postings", db_constraint=False, db_index=False
    )
    debit = AmountField(default=0)
    credit = AmountField(default=0)
    balance_after = AmountField()
    version = models.BigIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "version"], name="posting_account_version"),
            # One side is 0 and the other positive. The limit also keeps out NaN and Infinity, which PostgreSQL holds to
            # be greater than every number.
            models.CheckConstraint(
                condition=Q(
                    Exact(Least("debit", "credit"), Decimal(0)),
                    GreaterThan(F("debit") + F("credit"), Decimal(0)),
                    LessThan(F("debit") + F("credit"), AMOUNT_LIMIT),
                ),
                name="posting_one_sided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}/{self.line}"

    @property
    def line(self) -> int:
        """Place in its entry, from 1."""
        return self.pk % POSTINGS_PER_ENTRY
