"""What settling a cycle would do, by its own rulebook or by another one. Nothing is booked."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.db import transaction

from fund import cycles, rulebooks
from fund.models import Cycle, Shortfall
from fund.rulebook import Rulebook
from fund.rules import Share, repay_deficit, split_loss, split_residue
from fund.settlement import allocating
from fund.settlement.allocating import Allocated, allocate_in_database
from fund.settlement.losses import Losses, of_cycle
from fund.settlement.settling import rulebook_of
from ledger import chart
from ledger.balances import balance_at
from ledger.money import EXACT, total

# Participants that a preview shows.
SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A settlement that is not booked. Figures are those of Cycle; amounts are in the fund's currency.

    `fund_after` and `deficit_after`: the fund's free balance and its deficit once the cycle is settled like this.
    `traders_charged` bear something; `largest_haircut` is the largest part of a profit that is taken. `largest` are
    the first participants in rank order. Without `positions_complete` more profits may come in.
    """

    cycle: Cycle
    rulebook: Rulebook
    positions_complete: bool
    loss: Decimal
    fund_paid: Decimal
    treasury_paid: Decimal
    to_allocate: Decimal
    allocated: Decimal
    levy_surplus: Decimal
    residue: Decimal
    carried: Decimal
    participants: int
    profit_total: Decimal
    participants_total: Decimal
    base: Decimal
    cut_profit: Decimal | None
    traders_charged: int
    largest_haircut: Decimal | None
    fund_after: Decimal
    deficit_after: Decimal
    largest: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class _Before:
    """Where the cycle stands before it is settled: who has borne what so far, and what the fund has left."""

    losses: Losses
    fund_balance: Decimal
    deficit: Decimal


def preview(*, cycle_id: int, rulebook: Rulebook | None = None) -> Preview:
    """What settling the cycle would do; of a settled one what settling it anew would.

    With a `rulebook` the cycle's losses are shared by that one too, one after the other, from what the fund has and
    has paid for them. Deficits of theirs are not repaid in between: surpluses stay as they were.
    Raises NotFound `cycle_unknown`.
    """
    cycle = cycles.find(cycle_id)
    ruled_by = rulebook or rulebooks.load(rulebook_of(cycle))
    with transaction.atomic():
        before = _as_it_was(cycle)
        if rulebook is not None:
            before = _shared_anew(cycle, before, rulebook)
        return _settled(cycle, before, ruled_by)


def _as_it_was(cycle: Cycle) -> _Before:
    """The cycle before its settlement, whether it has been settled or not."""
    code = cycle.fund.code
    losses = of_cycle(cycle)
    balance = balance_at(chart.fund(code)).balance
    deficit = balance_at(chart.deficit(code)).balance
    if cycle.status == Cycle.Status.SETTLED:
        assert cycle.fund_paid is not None, "a settled cycle has its figures"
        assert cycle.carried is not None, "a settled cycle has its figures"
        assert cycle.levy_surplus is not None, "a settled cycle has its figures"
        drawn = EXACT.subtract(cycle.fund_paid, total((losses.fund_paid, losses.reserved_used)))
        balance = EXACT.subtract(EXACT.add(balance, drawn), cycle.levy_surplus)
        deficit = EXACT.subtract(deficit, EXACT.subtract(cycle.carried, losses.carried))
    return _Before(losses, balance, deficit)


def _shared_anew(cycle: Cycle, before: _Before, rulebook: Rulebook) -> _Before:
    """The cycle's losses under another rulebook, in their order."""
    decimals = cycle.fund.currency.decimals
    balance = total((before.fund_balance, before.losses.fund_paid, before.losses.reserved_used))
    deficit = EXACT.subtract(before.deficit, before.losses.carried)
    splits = []
    standing = Shortfall.objects.filter(cycle=cycle, reversed_by=None).order_by("id")
    for loss in standing.values_list("loss", flat=True):
        split = split_loss(loss, fund_balance=balance, rulebook=rulebook, decimals=decimals)
        balance = EXACT.subtract(balance, split.fund)
        splits.append(split)
    losses = Losses(
        loss=before.losses.loss,
        fund_paid=total(split.fund for split in splits),
        reserved_used=Decimal(0),
        to_allocate=total(split.to_allocate for split in splits),
        treasury_paid=total(split.treasury for split in splits),
        carried=total(split.carried for split in splits),
    )
    return _Before(losses, balance, EXACT.add(deficit, losses.carried))


def _settled(cycle: Cycle, before: _Before, rulebook: Rulebook) -> Preview:
    losses, decimals = before.losses, cycle.fund.currency.decimals
    allocated = allocate_in_database(cycle.pk, losses.to_allocate, rulebook=rulebook, decimals=decimals)
    residue = split_residue(
        allocated.residue,
        any_profit=allocated.profit_total > 0,
        fund_balance=before.fund_balance,
        rulebook=rulebook,
    )
    repaid = repay_deficit(allocated.levy_surplus, deficit=before.deficit, rulebook=rulebook, decimals=decimals)
    return Preview(
        cycle=cycle,
        rulebook=rulebook,
        positions_complete=cycle.positions_complete_at is not None,
        loss=losses.loss,
        fund_paid=total((losses.fund_paid, losses.reserved_used, residue.fund)),
        treasury_paid=losses.treasury_paid,
        to_allocate=losses.to_allocate,
        carried=EXACT.add(losses.carried, residue.carried),
        traders_charged=allocating.charged(),
        largest_haircut=allocating.largest_haircut(),
        fund_after=_sum(before.fund_balance, [allocated.levy_surplus], [residue.fund, repaid]),
        deficit_after=_sum(before.deficit, [residue.carried], [repaid]),
        largest=allocating.shares(limit=SHOWN),
        **_figures(allocated),
    )


def _figures(allocated: Allocated) -> dict[str, Any]:
    return {field.name: getattr(allocated, field.name) for field in fields(allocated)}


def _sum(start: Decimal, added: Sequence[Decimal], taken: Sequence[Decimal]) -> Decimal:
    return EXACT.subtract(total((start, *added)), total(taken))
