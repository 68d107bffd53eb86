"""What an ADL event closed otherwise than its queue says."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fund.rules import AdlFill, adl_differences

CUT = ["q1 sue 4", "q2 tom 2", "q3 tom 3"]


def fills(*texts: str) -> list[AdlFill]:
    """`position trader quantity`; `-` names no position."""
    split = [text.split() for text in texts]
    return [
        AdlFill(position="" if position == "-" else position, trader=trader, quantity=Decimal(quantity))
        for position, trader, quantity in split
    ]


def differing(*closed: str, earlier: tuple[str, ...] = (), in_turn: bool = True) -> list[AdlFill]:
    return list(adl_differences(fills(*CUT), fills(*closed), earlier=fills(*earlier), in_turn=in_turn))


def test_what_the_cut_says_is_no_difference_in_whatever_order_it_is_told() -> None:
    assert differing(*CUT) == []
    assert differing(*reversed(CUT)) == []
    assert differing("- tom 5", "- sue 4") == []


def test_who_is_not_in_the_cut_and_what_is_above_a_part_differ() -> None:
    assert differing("q1 sue 4", "q9 zoe 5") == fills("q9 zoe 5")
    assert differing("q1 sue 6", "- tom 3") == fills("q1 sue 2")
    assert differing("q1 tom 4", "q2 tom 2") == fills("q1 tom 4")


def test_who_stands_behind_is_not_closed_before_who_stands_in_front() -> None:
    assert differing("q1 sue 3") == []
    assert differing("q2 tom 2") == fills("q2 tom 2")
    assert differing("q2 tom 2", in_turn=False) == []


def test_a_later_event_goes_on_where_the_earlier_ones_ended() -> None:
    assert differing("q1 sue 1", "- tom 5", earlier=("- sue 3",)) == []
    assert differing("q1 sue 4", earlier=("- sue 3",)) == fills("q1 sue 3")


def test_a_fill_that_names_a_position_goes_before_one_that_may_have_any() -> None:
    assert differing("- sue 4", "- tom 3", "q2 tom 2") == []


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 72), st.booleans())
def test_a_cut_that_is_closed_in_two_goes_has_no_difference(parts: list[int], first: int, named: bool) -> None:
    whole = [AdlFill(position=f"q{n}", trader=f"t{n}", quantity=Decimal(part)) for n, part in enumerate(parts)]
    front: list[AdlFill] = []
    rest: list[AdlFill] = []
    left = Decimal(first)
    for fill in whole:
        part = min(left, fill.quantity)
        left -= part
        for fills_, quantity in ((front, part), (rest, fill.quantity - part)):
            position = fill.position if named else ""
            if quantity:
                fills_.append(AdlFill(position=position, trader=fill.trader, quantity=quantity))

    assert adl_differences(whole, front, in_turn=True) == ()
    assert adl_differences(whole, rest, earlier=front, in_turn=True) == ()
