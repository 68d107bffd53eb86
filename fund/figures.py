"""Figures of funds as they stand now, for lists of them: balances, what they hold, the rulebook in force."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from django.db.models import CharField, IntegerField, QuerySet, Subquery
from django.db.models.expressions import OuterRef, Value
from django.db.models.functions import Coalesce, Concat

from fund import holdings
from fund.models import Fund, RulebookVersion
from ledger.fields import AmountField
from ledger.models import Account
from ledger.money import round_half_even

# The balances, by the parts of their account's code around the fund's.
_ACCOUNTS = {
    "balance": ("fund:", ""),
    "reserved": ("fund:", ":reserved"),
    "to_allocate": ("loss:", ""),
    "deficit": ("deficit:", ""),
}


def with_figures(funds: QuerySet[Fund], *, at: datetime) -> QuerySet[Fund]:
    """Adds `balance`, `reserved`, `to_allocate`, `deficit`, in the fund's currency, and `rulebook_version` and
    `rulebook_preset`, those in force at `at`: all in the one query.
    """
    balances = {
        name: Coalesce(
            Subquery(
                Account.objects.filter(code=Concat(Value(before), OuterRef("code"), Value(after))).values("balance")
            ),
            Value(0),
            output_field=AmountField(),
        )
        for name, (before, after) in _ACCOUNTS.items()
    }
    # As rulebooks.in_force chooses.
    started = RulebookVersion.objects.filter(fund=OuterRef("pk"), effective_from__lte=at)
    in_force = started.order_by("-effective_from", "-version")
    return funds.select_related("currency").annotate(
        **balances,
        rulebook_version=Subquery(in_force.values("version")[:1], output_field=IntegerField()),
        rulebook_preset=Subquery(in_force.values("preset")[:1], output_field=CharField()),
    )


def add_inventory(funds: Sequence[Fund]) -> None:
    """Gives each fund its `inventory`: the notional at mark of its own positions, half-even to its currency."""
    held = holdings.exposures([fund.pk for fund in funds])
    for fund in funds:
        exposure = round_half_even(held.get(fund.pk, Fraction(0)), fund.currency.decimals)
        fund.inventory = exposure  # type: ignore[attr-defined]  # a figure beside the columns, as annotations are
