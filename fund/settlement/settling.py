"""A cycle is settled: its traders' part shared, booked, and the cycle closed, all in one transaction.

Killed anywhere, nothing of it is there, and it runs again. Source: architecture.md, a settlement cycle's way.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from psycopg import sql

from fund import cycles, errors, events, rulebooks
from fund.models import Cycle, Fund, RulebookVersion, Shortfall
from fund.planning import CYCLE
from fund.rulebook import Rulebook
from fund.rules import ResidueSplit, repay_deficit, split_residue
from fund.settlement import booking
from fund.settlement.allocating import Allocated, allocate_in_database
from fund.settlement.losses import Losses, of_cycle
from ledger import accounts, chart, metrics
from ledger.actor import recorder
from ledger.balances import balance_at
from ledger.events.recording import record
from ledger.models import Entry
from ledger.money import EXACT, total
from ledger.transactions import retried

_BOOK = """SELECT fund_book_settlement_v1(
    %(cycle)s, %(run)s, %(reference)s, %(source)s, %(at)s, %(by)s, %(loss)s, %(from_fund)s, %(carried)s, %(repaid)s,
    %(currency)s, %(fund)s, %(loss_account)s, %(deficit)s)"""


def settle_cycle(*, cycle_id: int, settled_at: datetime) -> Cycle:
    """Settle a cycle by the rulebook in force at its end, and return it. A settled one is returned as it is.

    An open cycle is ended first, where its time is over or its positions are complete.
    Raises NotFound `cycle_unknown`; Refused `cycle_not_ended`, `positions_incomplete`; PostingRefused `account_floor`
    where traders may not fall below 0 and one of them has not enough.
    """
    _end(cycle_id, settled_at)
    with metrics.SETTLEMENT.time():
        return _settle(cycle_id, settled_at)


def ready() -> QuerySet[Cycle]:
    """Ended cycles that can be settled: their positions are complete, or nothing is to be allocated."""
    to_allocate = Shortfall.objects.filter(cycle=OuterRef("pk"), reversed_by=None, to_allocate__gt=0)
    ended = Cycle.objects.filter(status=Cycle.Status.ENDED)
    return ended.filter(Q(positions_complete_at__isnull=False) | ~Exists(to_allocate)).order_by("ends_at", "id")


def source_id(cycle: Cycle) -> str:
    """How entries of the cycle's settlements name it."""
    return f"{cycle.fund.code}:{cycle.number}"


def rulebook_of(cycle: Cycle) -> RulebookVersion:
    """The version that the cycle is settled by: the one that holds in its last instant."""
    return rulebooks.in_force(cycle.fund, cycle.ends_at - timedelta(microseconds=1))


@retried
def _end(cycle_id: int, at: datetime) -> None:
    """In a transaction of its own: whoever waits for the open cycle with a loss need not wait for its settlement."""
    cycle = cycles.find(cycle_id)
    if cycle.status != Cycle.Status.OPEN:
        return
    if at < cycle.ends_at and cycle.positions_complete_at is None:
        raise errors.cycle_not_ended(str(cycle), ends_at=cycle.ends_at)
    cycles.end(cycle_id=cycle_id)


@retried
def _settle(cycle_id: int, settled_at: datetime) -> Cycle:
    cycle = cycles.lock(cycle_id)
    if cycle.status == Cycle.Status.SETTLED:
        return cycle
    # A loss that was booked while a settlement was taken back may have seen none.
    cycles.take_waiting(cycle)
    losses = of_cycle(cycle)
    if losses.to_allocate and cycle.positions_complete_at is None:
        raise errors.positions_incomplete(str(cycle), to_allocate=losses.to_allocate)

    version = rulebook_of(cycle)
    rulebook = rulebooks.load(version)
    decimals = cycle.fund.currency.decimals
    allocated = allocate_in_database(cycle_id, losses.to_allocate, rulebook=rulebook, decimals=decimals)
    accounts.open_for_traders(
        sql.SQL("SELECT trader FROM pg_temp.cycle_share WHERE amount > 0"), currency=cycle.fund.currency_id
    )
    fund = Fund.objects.select_for_update(no_key=True).get(pk=cycle.fund_id)
    residue = _residue(fund, allocated, rulebook)
    repaid = _repaid(fund, allocated, rulebook, decimals)
    _book(cycle, losses, allocated, residue, repaid, settled_at)
    Fund.objects.filter(pk=fund.pk).update(
        gross_injections=F("gross_injections") + allocated.levy_surplus,
        gross_payouts=F("gross_payouts") + residue.fund,
    )
    _close(cycle, version, losses, allocated, residue, settled_at)
    record(
        events.of_settlement(
            cycle, source_id=source_id(cycle), from_fund=residue.fund, carried=residue.carried, repaid=repaid
        )
    )
    return cycle


def _residue(fund: Fund, allocated: Allocated, rulebook: Rulebook) -> ResidueSplit:
    return split_residue(
        allocated.residue,
        any_profit=allocated.profit_total > 0,
        fund_balance=balance_at(chart.fund(fund.code)).balance,
        rulebook=rulebook,
    )


def _repaid(fund: Fund, allocated: Allocated, rulebook: Rulebook, decimals: int) -> Decimal:
    """A minimum levy's surplus is an injection like any other: the rulebook's share of it repays a carried deficit."""
    deficit = balance_at(chart.deficit(fund.code)).balance
    return repay_deficit(allocated.levy_surplus, deficit=deficit, rulebook=rulebook, decimals=decimals)


def _book(
    cycle: Cycle, losses: Losses, allocated: Allocated, residue: ResidueSplit, repaid: Decimal, at: datetime
) -> None:
    """Post the settlement's entries and insert its allocations, inside the database."""
    code, run = cycle.fund.code, cycle.run + 1
    parameters = {
        "cycle": cycle.pk,
        "run": run,
        "reference": f"cycle:{source_id(cycle)}:{run}",
        "source": source_id(cycle),
        "at": at,
        "by": recorder(),
        "loss": losses.to_allocate,
        "from_fund": residue.fund,
        "carried": residue.carried,
        "repaid": repaid,
        "currency": cycle.fund.currency_id,
        "fund": chart.fund(code),
        "loss_account": chart.loss_to_allocate(code),
        "deficit": chart.deficit(code),
    }
    booking.call(_BOOK, parameters)
    booked = Entry.objects.filter(source_kind=CYCLE, source_id=source_id(cycle))
    booking.count(booked.filter(reference__startswith=f"{parameters['reference']}:"))


def _close(
    cycle: Cycle,
    version: RulebookVersion,
    losses: Losses,
    allocated: Allocated,
    residue: ResidueSplit,
    settled_at: datetime,
) -> None:
    cycle.status = Cycle.Status.SETTLED
    cycle.run += 1
    cycle.rulebook = version
    cycle.loss = losses.loss
    cycle.fund_paid = total((losses.fund_paid, losses.reserved_used, residue.fund))
    cycle.treasury_paid = losses.treasury_paid
    cycle.to_allocate = losses.to_allocate
    cycle.allocated = allocated.allocated
    cycle.levy_surplus = allocated.levy_surplus
    cycle.residue = allocated.residue
    cycle.carried = EXACT.add(losses.carried, residue.carried)
    cycle.participants = allocated.participants
    cycle.profit_total = allocated.profit_total
    cycle.participants_total = allocated.participants_total
    cycle.base = allocated.base
    cycle.cut_profit = allocated.cut_profit
    cycle.settled_at = settled_at
    cycle.save()
