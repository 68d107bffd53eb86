"""Any story of takeovers, each closed in the end, told in any order that each of them allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import strategies as st

from fund.open_positions import PositionRow
from fund.positions import PositionProfit
from tests.properties.amounts import amounts, moves, profits, quantities, taken
from tests.properties.rulebooks import Published
from tests.properties.venue import SIDES, Taken, Venue, decimal_of


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A part that the market takes: at a price, or with a result that the venue tells itself."""

    part: Decimal
    price: Decimal | None
    pnl: Decimal | None
    fee: Decimal


@dataclass(frozen=True, kw_only=True)
class Liquidation:
    """A takeover and the sales that close it. `unsold`: for the last part nobody is found, or not at once."""

    taken: Taken
    sales: tuple[Sale, ...]
    unsold: bool


@dataclass(frozen=True, kw_only=True)
class Story:
    """`order` names a liquidation whenever something happens to it; a contribution is -1."""

    decimals: int
    opening: Decimal
    contribution: Decimal
    liquidations: tuple[Liquidation, ...]
    order: tuple[int, ...]
    profits: tuple[PositionProfit, ...]


@st.composite
def liquidations(draw: st.DrawFn, decimals: int, *, unsold: bool) -> Liquidation:
    what = draw(taken(decimals))
    parts = draw(st.lists(quantities(), max_size=1))
    sales = []
    for part in [*parts, what.quantity - sum(parts)]:
        price = what.price * draw(moves())
        told = not price or draw(st.booleans())
        result = draw(amounts(decimals)) * draw(st.sampled_from((1, -1, -1)))
        fee = draw(st.just(Decimal(0)) | amounts(decimals))
        sales.append(Sale(part=part, price=None if told else price, pnl=result if told else None, fee=fee))
    # Parts that are more than there is: one sale of all of it.
    kept = sales if sales[-1].part > 0 else [Sale(part=what.quantity, price=sales[0].price, pnl=sales[0].pnl, fee=fee)]
    return Liquidation(taken=what, sales=tuple(kept), unsold=unsold and draw(st.booleans()))


@st.composite
def stories(draw: st.DrawFn, *, unsold: bool = False, opening: Decimal | None = None) -> Story:
    decimals = draw(st.sampled_from((0, 2, 8, 18)))
    told = draw(st.lists(liquidations(decimals, unsold=unsold), min_size=1, max_size=3))
    events = [place for place, each in enumerate(told) for _ in range(1 + len(each.sales))]
    return Story(
        decimals=decimals,
        opening=draw(amounts(decimals)) if opening is None else opening,
        contribution=draw(amounts(decimals, least=1)),
        liquidations=tuple(told),
        order=tuple(draw(st.permutations([*events, *draw(st.just([]) | st.just([-1]))]))),
        profits=tuple(draw(profits(decimals))),
    )


def play(story: Story, published: Published, *, order: Sequence[int] = ()) -> Venue:
    """All of it within one cycle, whose profits are complete then."""
    venue = Venue(decimals=story.decimals, published=published, contribution=story.opening)
    venue.open_cycle(100_000)
    references: dict[int, str] = {}
    sales = {place: list(each.sales) for place, each in enumerate(story.liquidations)}
    for place in order or story.order:
        if place < 0:
            venue.contribute(story.contribution, source="treasury")
        elif place not in references:
            known = set(venue.model.takeovers)
            venue.take_over([story.liquidations[place].taken])
            (references[place],) = set(venue.model.takeovers) - known
        else:
            sale = sales[place].pop(0)
            _sell(venue, references[place], sale, unsold=story.liquidations[place].unsold and not sales[place])
    number = next(iter(venue.model.cycles))
    venue.add_positions(number, story.profits, complete=True)
    venue.check()
    return venue


def _sell(venue: Venue, reference: str, sale: Sale, *, unsold: bool) -> None:
    """What nobody takes goes where the rulebook sends it; there are counterparties for all of it."""
    takeover = venue.model.takeovers[reference]
    if not unsold:
        venue.fill(reference, sale.part, price=sale.price, pnl=sale.pnl, fee=sale.fee)
        return
    mark = decimal_of(takeover.mark)
    venue.open_positions(
        [
            PositionRow(
                position=f"p{place}",
                trader="dee",
                contract=takeover.contract.symbol,
                side=SIDES[-takeover.side],
                quantity=decimal_of(takeover.quantity),
                # In profit at mark, as every queue asks.
                entry_price=mark * (Decimal(2) if takeover.side == 1 else Decimal("0.5")),
                mark_price=mark,
            )
            for place in range(2)
        ]
    )
    answer = venue.nobody_takes(reference, mark)
    venue.deleverage(reference, answer, mark)
    if takeover.remaining:
        venue.fill(reference, decimal_of(takeover.remaining), price=mark, fee=Decimal(0))
