"""Figures of funds as they stand now, for lists of them: balances, what they hold, the rulebook in force."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from django.db.models import CharField, IntegerField, QuerySet, Subquery
from django.db.models.expressions import OuterRef, Value
from django.db.models.functions import Coalesce, Concat

from fund import holdings
from fund.models import Fund, InventoryPosition, RulebookVersion
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
    """Gives each fund the `inventory` of its own positions, their notional at mark, and `inventory_unrealised`, what
    disposing of them there brings, None where a mark is not known. Exact, then half-even to its currency.
    """
    totals = holdings.totals([fund.pk for fund in funds])
    for fund in funds:
        held, decimals = totals.get(fund.pk, holdings.Total()), fund.currency.decimals
        # Figures beside the columns, as annotations are.
        vars(fund).update(
            inventory=round_half_even(held.exposure, decimals),
            inventory_unrealised=None if held.unrealised is None else round_half_even(held.unrealised, decimals),
        )


def exposure(position: InventoryPosition) -> Decimal:
    """Notional at mark, at the carrying price where no mark is known; half-even to the fund's currency."""
    exact = holdings.held_of(position).exposure if position.quantity else Fraction(0)
    return round_half_even(exact, position.fund.currency.decimals)


def unrealised(position: InventoryPosition) -> Decimal | None:
    """What disposing of the position at mark brings, None where no mark is known; half-even to the fund's currency."""
    if position.mark_price is None:
        return None
    exact = holdings.held_of(position).unrealised if position.quantity else Fraction(0)
    return round_half_even(exact, position.fund.currency.decimals)
