"""What a cycle's takeovers met in the market, told to the fund for a comparison of rulebooks."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice

from django.db.models import Exists, OuterRef, Prefetch, Q, Subquery

from fund.models import Cycle, InventoryMovement, InventoryPosition, Shortfall
from fund.whatif import Outcome, Unsold
from ledger.models import Entry
from ledger.money import total
from liquidation.engine import SOURCE
from liquidation.lines import notional_of
from liquidation.models import Deleveraging, Fill, Takeover
from liquidation.rules import PositionSide
from liquidation.unfilled import terms_of

_AT_ONCE = 2_000


def outcomes(cycle: Cycle) -> Iterator[Outcome]:
    """Of the takeovers whose losses the cycle has, and of those closed without one in its time."""
    losses = Shortfall.objects.filter(
        cycle=cycle, source_kind=SOURCE, source_id=OuterRef("reference"), reversed_by=None
    )
    entries = Entry.objects.filter(source_kind=SOURCE, source_id=OuterRef("reference"))
    within = Q(closed_at__gte=cycle.starts_at, closed_at__lt=cycle.ends_at, result__gte=0)
    closed = Takeover.objects.filter(contract__fund=cycle.fund, status=Takeover.Status.CLOSED)
    takeovers = (
        closed.filter(Exists(losses) | within)
        .annotate(
            first=Subquery(entries.order_by("id").values("id")[:1]),
            last=Subquery(entries.order_by("-id").values("id")[:1]),
        )
        .select_related("contract__margin_currency")
        .prefetch_related(Prefetch("fills", Fill.objects.filter(reversed_at=None).order_by("id"), to_attr="standing"))
        .order_by("id")
    )
    positions = InventoryPosition.objects.filter(fund=cycle.fund, marked_at__lt=cycle.ends_at)
    marked = dict(positions.values_list("contract", "mark_price"))
    every = takeovers.iterator(chunk_size=_AT_ONCE)
    while some := list(islice(every, _AT_ONCE)):
        told = _told_marks([fill for takeover in some for fill in takeover.standing])
        for takeover in some:
            # Neither a takeover without margin nor a part that the inventory took at the bankruptcy price need have an
            # entry: they have a place among the entries of others, after their own.
            begun = min(filter(None, (takeover.first, takeover.place)), default=0)
            done = max(takeover.last or 0, *(fill.place or 0 for fill in takeover.standing))
            # As it was told with what nobody took, the last first, else with the takeover, else of the fund's position.
            known = [told.get(fill.reference) for fill in reversed(takeover.standing)]
            marks = (*known, takeover.mark_price, marked.get(takeover.contract.symbol))
            mark = next((each for each in marks if each is not None), None)
            yield _outcome(takeover, takeover.standing, mark, opened=begun, closed=done)


def _outcome(takeover: Takeover, fills: Iterable[Fill], mark: Decimal | None, *, opened: int, closed: int) -> Outcome:
    sold: list[Fill] = []
    rest: list[Fill] = []
    for fill in fills:
        fill.takeover = takeover
        (sold if fill.kind == Fill.Kind.MARKET else rest).append(fill)
    assert takeover.closed_at is not None, "it is closed"
    by_adl = [fill for fill in rest if fill.kind == Fill.Kind.ADL]
    return Outcome(
        source=(SOURCE, takeover.reference),
        opened_at=takeover.taken_over_at,
        at=takeover.closed_at,
        opened=opened,
        closed=closed,
        sold=total(fill.result for fill in sold),
        costs=total(fill.fee for fill in sold),
        notional=_notional(sold),
        unsold=_unsold(takeover, rest, mark) if rest else None,
        adl_notional=_notional(by_adl),
        own=tuple(fill.reference for fill in rest if fill.kind == Fill.Kind.INVENTORY),
    )


def _unsold(takeover: Takeover, rest: list[Fill], mark: Decimal | None) -> Unsold:
    return Unsold(
        terms=terms_of(takeover.contract),
        side=PositionSide(takeover.side),
        quantity=total(fill.quantity for fill in rest),
        bankruptcy_price=takeover.bankruptcy_price,
        mark_price=mark,
    )


def _notional(fills: Iterable[Fill]) -> Fraction:
    return sum((notional_of(fill) for fill in fills), Fraction(0))


def _told_marks(fills: Iterable[Fill]) -> dict[str, Decimal]:
    """Mark prices at which counterparties were closed, or the fund took a position over, by the fill's reference."""
    kinds = (Fill.Kind.ADL, Fill.Kind.INVENTORY)
    references = [fill.reference for fill in fills if fill.kind in kinds]
    events = Deleveraging.objects.filter(reference__in=references).values_list("reference", "queue__mark_price")
    taken = InventoryMovement.objects.filter(kind=InventoryMovement.Kind.ACQUIRED, reference__in=references)
    told = {reference: Decimal(mark) for reference, mark in events if mark is not None}
    came = taken.values_list("reference", "mark_price")
    return told | {reference: mark for reference, mark in came if mark is not None}
