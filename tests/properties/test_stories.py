"""For any rulebook and any story: told again nothing changes, and its order changes no total."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.examples import on_the_books
from tests.properties.model import BALANCE, DEFICIT, RESERVED, TO_ALLOCATE, TREASURY
from tests.properties.rulebooks import Published, rulebooks
from tests.properties.stories import Story, play, stories
from tests.properties.venue import Venue, rolled_back

# Who may bear a loss; which of them does depends on what the fund has when it comes.
BEARERS = (BALANCE, RESERVED, DEFICIT, TO_ALLOCATE, TREASURY)
# More than all results of a story, each of which has 10^36 units at most.
RICH = Decimal(5 * 10**37)


def others(venue: Venue) -> dict[str, Fraction]:
    return {code: balance for code, balance in venue.balances().items() if code not in BEARERS}


def borne(venue: Venue) -> Fraction:
    """What bearers of losses have in all."""
    return sum((balance for code, balance in venue.balances().items() if code in BEARERS), Fraction(0))


@on_the_books()
@given(st.data(), stories(unsold=True), rulebooks())
def test_telling_every_event_again_changes_nothing(data: st.DataObject, story: Story, published: Published) -> None:
    with rolled_back():
        venue = play(story, published)
        venue.settle(1)
        books = venue.balances()
        for event in data.draw(st.permutations([*venue.replays, *venue.replays_unless_reversed])):
            event()
        assert venue.balances() == books
        venue.verify()


@on_the_books()
@given(st.data(), stories(), rulebooks())
def test_the_order_of_independent_takeovers_changes_no_total(
    data: st.DataObject, story: Story, published: Published
) -> None:
    with rolled_back():
        venue = play(story, published)
        told, sums = others(venue), borne(venue)
    with rolled_back():
        venue = play(story, published, order=data.draw(st.permutations(story.order)))
        assert (others(venue), borne(venue)) == (told, sums)


@on_the_books()
@given(st.data(), stories(opening=RICH), rulebooks())
def test_a_fund_that_never_runs_short_ends_the_same_in_any_order(
    data: st.DataObject, story: Story, published: Published
) -> None:
    """But for a deficit, which only what comes after it repays: fund and deficit are the same together."""
    fields = {**published.fields, "precompensation": None, "inventory": None}
    ample = replace(published, fields=fields)

    def together(venue: Venue) -> dict[str, Fraction]:
        balances = venue.balances()
        net = balances.pop(BALANCE, Fraction(0)) + balances.pop(DEFICIT, Fraction(0))
        return {**balances, BALANCE: net}

    with rolled_back():
        told = together(play(story, ample))
    with rolled_back():
        assert together(play(story, ample, order=data.draw(st.permutations(story.order)))) == told
