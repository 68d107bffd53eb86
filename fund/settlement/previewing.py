"""What settling a cycle would do, by its own rulebook or by another one. Nothing is booked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from fund import cycles, rulebooks, whatif
from fund.models import Cycle
from fund.rulebook import Rulebook
from fund.rules import Share, repay_deficit, split_residue
from fund.settlement import allocating
from fund.settlement.allocating import Allocated, allocate_in_database
from fund.settlement.losses import Losses, of_cycle
from fund.settlement.settling import rulebook_of
from ledger.money import EXACT, total

# Participants that a preview shows.
SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A settlement that is not booked. Figures are those of Cycle; amounts are in the fund's currency.

    `fund_after` and `deficit_after`: the fund's free balance and its deficit once the cycle is settled like this.
    `traders_charged` bear something; `largest_haircut` is the largest part of a profit that is taken. `largest` are
    the first participants in rank order. Without `positions_complete` more profits may come in.
    `retold`: what another rulebook made of the cycle; None where it is previewed under its own.
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
    retold: whatif.Retold | None


@dataclass(frozen=True, slots=True)
class _Before:
    """Where the cycle stands before it is settled: who has borne what so far, and what the fund has left."""

    losses: Losses
    fund_balance: Decimal
    deficit: Decimal
    retold: whatif.Retold | None


def preview(*, cycle_id: int, rulebook: Rulebook | None = None) -> Preview:
    """What settling the cycle would do; of a settled one what settling it anew would.

    With a `rulebook` the whole cycle is told again under it: what each takeover met in the market stays, who bears a
    loss and who gets a surplus is worked out anew, one after the other, from what the fund had before the first.
    Raises NotFound `cycle_unknown`.
    """
    with _one_view():
        cycle = cycles.find(cycle_id)
        if rulebook is None:
            return _settled(cycle, _as_it_was(cycle), rulebooks.load(rulebook_of(cycle)))
        return _settled(cycle, _told_anew(whatif.read_record(cycle), rulebook), rulebook)


def compare(*, cycle_id: int, others: Sequence[Rulebook]) -> list[Preview]:
    """The whole cycle told again under the rulebook that it is settled by, and then under each of the others.

    All of one moment, each as `preview` tells it. Raises NotFound `cycle_unknown`.
    """
    with _one_view():
        cycle = cycles.find(cycle_id)
        record = whatif.read_record(cycle)
        told = (rulebooks.load(rulebook_of(cycle)), *others)
        return [_settled(cycle, _told_anew(record, rulebook), rulebook) for rulebook in told]


@contextmanager
def _one_view() -> Iterator[None]:
    """Everything read inside is of one moment; inside a transaction it is that transaction's view.

    Not `balances.one_moment`: what is worked out stands in a temporary table meanwhile, which counts as writing.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _as_it_was(cycle: Cycle) -> _Before:
    balance, deficit = whatif.before_settlement(cycle)
    return _Before(of_cycle(cycle), balance, deficit, None)


def _told_anew(record: whatif.Record, rulebook: Rulebook) -> _Before:
    retold = whatif.retell(record, rulebook)
    losses = Losses(**{field.name: getattr(retold, field.name) for field in fields(Losses)})
    return _Before(losses, retold.fund_balance, retold.deficit, retold)


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
        retold=before.retold,
        **_figures(allocated),
    )


def _figures(allocated: Allocated) -> dict[str, Any]:
    return {field.name: getattr(allocated, field.name) for field in fields(allocated)}


def _sum(start: Decimal, added: Sequence[Decimal], taken: Sequence[Decimal]) -> Decimal:
    return EXACT.subtract(total((start, *added)), total(taken))
