"""The record of a cycle, read from the books.

The fund knows what each of its causes brought; what stood behind it (costs, notional, what found no taker) is told by
whoever registered for it, since the fund looks at no table but its own.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from django.db import connection
from django.db.models import Min, Q

from fund.holdings import Terms
from fund.models import Cycle, InventoryMovement, InventoryPosition, Shortfall, Surplus
from fund.planning import CYCLE, INVENTORY, RESULT_SOURCES
from fund.rules import ContractKind, Holding, PositionSide
from fund.whatif.record import Disposal, Moved, Outcome, Owned, Record
from ledger import chart
from ledger.models import POSTINGS_PER_ENTRY, Account, Entry, Posting
from ledger.money import EXACT

_ZERO = Decimal(0)

_MOVES = """
SELECT p.entry_id, e.effective_at, e.source_kind, e.source_id,
       sum(CASE WHEN a.id = %(fund)s THEN p.credit - p.debit ELSE 0 END),
       sum(CASE WHEN a.id = %(reserved)s THEN p.credit - p.debit ELSE 0 END),
       sum(CASE WHEN a.id = %(deficit)s THEN p.debit - p.credit ELSE 0 END)
  FROM ledger_posting p
  JOIN ledger_account a ON a.id = p.account_id
  JOIN ledger_entry e ON e.id = p.entry_id
 WHERE a.id IN (%(fund)s, %(reserved)s, %(deficit)s) AND p.id >= %(first)s
   AND (%(before)s::bigint IS NULL OR p.id < %(before)s)
 GROUP BY p.entry_id, e.effective_at, e.source_kind, e.source_id
 ORDER BY p.entry_id"""

Outcomes = Callable[[Cycle], Iterable[Outcome]]
_sources: list[Outcomes] = []


def register(outcomes: Outcomes) -> None:
    """Have the outcomes of a cycle told from behind the fund, from an AppConfig.ready.

    Those whose losses the cycle has, and those without one that were settled within its time.
    """
    _sources.append(outcomes)


def read_record(cycle: Cycle) -> Record:
    """What happened to the fund in the cycle, up to its settlement, or to now where it is not settled."""
    outcomes, disposed = list(_outcomes(cycle)), _disposed(cycle)
    positions = list(InventoryPosition.objects.filter(fund=cycle.fund).order_by("contract"))
    disposals = list(_disposals(disposed, {position.contract: _terms(cycle, position) for position in positions}))
    orders = [order for outcome in outcomes for order in (outcome.opened, outcome.closed)]
    orders += [disposal.order for disposal in disposals]
    before = _settled_with(cycle)
    first = min((order for order in orders if order), default=before)
    changes = {reference for outcome in outcomes for reference in outcome.own}
    changes |= {movement.reference for movement in disposed}
    own = {outcome.source for outcome in outcomes} | {(INVENTORY, reference) for reference in changes}
    own.add((CYCLE, f"{cycle.fund.code}:{cycle.number}"))
    owned = (_owned(cycle, position, changes) for position in positions)
    fund, reserved, deficit = _accounts(cycle)
    return Record(
        decimals=cycle.fund.currency.decimals,
        opening_balance=_balance_before(fund, first),
        opening_reserved=_balance_before(reserved, first),
        opening_deficit=_balance_before(deficit, first),
        owned=tuple(each for each in owned if each is not None),
        steps=(*outcomes, *disposals, *_moves(fund, reserved, deficit, first=first, before=before, own=own)),
    )


def before_settlement(cycle: Cycle) -> tuple[Decimal, Decimal]:
    """The fund's balance and its deficit before the cycle was settled; as they are, where it is not."""
    fund, _, deficit = _accounts(cycle)
    before = _settled_with(cycle)
    return _balance_before(fund, before), _balance_before(deficit, before)


def _accounts(cycle: Cycle) -> tuple[Account, Account, Account]:
    """What the fund has free, what it has set aside, and its deficit."""
    code = cycle.fund.code
    fund, reserved, deficit = (
        Account.objects.get(code=account)
        for account in (chart.fund(code), chart.fund_reserved(code), chart.deficit(code))
    )
    return fund, reserved, deficit


def _outcomes(cycle: Cycle) -> Iterator[Outcome]:
    """One for each cause. What nobody tells more about is known by its loss or surplus alone."""
    booked = {(row.source_kind, row.source_id): row for row in _booked(cycle)}
    for outcomes in _sources:
        for outcome in outcomes(cycle):
            row = booked.pop(outcome.source, None)
            yield outcome if row is None else replace(outcome, closed=row.entry_id or outcome.closed)
    for source, row in booked.items():
        if source[0] != INVENTORY:
            order = row.entry_id or 0
            result = row.result if isinstance(row, Surplus) else EXACT.minus(row.loss)
            at = row.effective_at
            yield Outcome(source=source, opened_at=at, at=at, opened=order, closed=order, sold=result)


def _booked(cycle: Cycle) -> Iterator[Shortfall | Surplus]:
    yield from Shortfall.objects.filter(cycle=cycle, reversed_by=None)
    yield from Surplus.objects.filter(
        fund=cycle.fund, reversed_by=None, effective_at__gte=cycle.starts_at, effective_at__lt=cycle.ends_at
    )


def _disposals(movements: Sequence[InventoryMovement], terms: Mapping[str, Terms]) -> Iterator[Disposal]:
    references = [movement.reference for movement in movements]
    entries = Entry.objects.filter(source_kind=INVENTORY, source_id__in=references, reverses=None)
    orders = dict(entries.values_list("source_id").annotate(order=Min("id")))
    for movement in movements:
        # One that brought nothing was not posted.
        order = orders.get(movement.reference, movement.place or 0)
        yield Disposal(
            order=order,
            at=movement.effective_at,
            terms=terms[movement.contract],
            quantity=movement.quantity,
            price=movement.price,
            fee=movement.fee,
        )


def _disposed(cycle: Cycle) -> list[InventoryMovement]:
    """Of the fund's own positions, what left them in the cycle's time."""
    disposed = InventoryMovement.objects.filter(fund=cycle.fund, kind=InventoryMovement.Kind.DISPOSED, reversed_at=None)
    within = disposed.filter(effective_at__gte=cycle.starts_at, effective_at__lt=cycle.ends_at)
    return list(within.order_by("id"))


def _terms(cycle: Cycle, position: InventoryPosition) -> Terms:
    return Terms(
        contract=position.contract,
        kind=ContractKind(position.kind),
        multiplier=position.multiplier,
        currency=cycle.fund.currency_id,
        decimals=cycle.fund.currency.decimals,
    )


def _owned(cycle: Cycle, position: InventoryPosition, own: Collection[str]) -> Owned | None:
    """What the fund held of a contract before the first of the cycle's own changes; where it has none, at its end."""
    standing = InventoryMovement.objects.filter(fund=cycle.fund, contract=position.contract, reversed_at=None)
    changes = standing.filter(Q(reference__in=own) | Q(effective_at__gte=cycle.ends_at))
    first = changes.order_by("id").first()
    side, quantity, carrying = position.side, position.quantity, position.carrying_exact
    if first is not None:
        side, quantity, carrying = first.side_before, first.quantity_before, first.carrying_before
    if not quantity:
        return None
    holding = Holding(side=PositionSide(side), quantity=quantity, price=Fraction(carrying))
    return Owned(terms=_terms(cycle, position), holding=holding, mark_price=position.mark_price)


def _settled_with(cycle: Cycle) -> int | None:
    """The first entry of the cycle's settlement; None where it is not settled, or was with nothing to book."""
    if cycle.status != Cycle.Status.SETTLED:
        return None
    own = Entry.objects.filter(source_kind=CYCLE, source_id=f"{cycle.fund.code}:{cycle.number}")
    first: int | None = own.filter(reverses=None, reversed_by__isnull=True).aggregate(first=Min("id"))["first"]
    return first


def _balance_before(account: Account, entry: int | None) -> Decimal:
    """What the account held before that entry; without one, what it holds."""
    if entry is None:
        balance: Decimal = account.balance
        return balance
    earlier = Posting.objects.filter(account=account, id__lt=entry * POSTINGS_PER_ENTRY).order_by("-version")
    return earlier.values_list("balance_after", flat=True).first() or _ZERO


def _moves(
    fund: Account,
    reserved: Account,
    deficit: Account,
    *,
    first: int | None,
    before: int | None,
    own: Collection[tuple[str, str]],
) -> Iterator[Moved]:
    """What moved the fund and its deficit from the first entry on, the cycle's own causes left out."""
    if first is None:
        return
    parameters = {
        "fund": fund.pk,
        "reserved": reserved.pk,
        "deficit": deficit.pk,
        "first": first * POSTINGS_PER_ENTRY,
        "before": None if before is None else before * POSTINGS_PER_ENTRY,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVES, parameters)
        for entry, at, kind, source, free, set_aside, owed in cursor:
            if (kind, source) not in own:
                by_result = kind in RESULT_SOURCES
                yield Moved(order=entry, at=at, fund=free, reserved=set_aside, deficit=owed, by_result=by_result)
