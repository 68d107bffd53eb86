"""Reversals of transfers to the inventory and of disposals: the fund holds what it held before."""

import pytest

from fund.models import InventoryPosition
from liquidation import corrections
from tests.builders import balance, moment, refused
from tests.liquidation.correction import amounts, clean, gross, reverse_fill
from tests.liquidation.holding import sell
from tests.liquidation.venue import figures, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

FUND = "fund:usdt"


def test_reversing_a_transfer_takes_the_position_out_of_the_inventory() -> None:
    open_venue("inventory_takeover")
    take_over("t1", quantity="2")
    unfilled("t1")
    take_over("t2", quantity="2", at_price="103")
    unfilled("t2")

    reverse_fill("unfilled:t2")

    position = InventoryPosition.objects.get()
    assert (position.quantity, position.carrying_price) == (2, 100)
    assert figures("t2") == {"status": "open", "remaining": "2"}
    assert clean()
    assert unfilled("t2", seconds=40).next == "inventory"
    assert InventoryPosition.objects.get().carrying_exact == "203/2"


def test_what_later_changes_stand_on_is_not_taken_away() -> None:
    open_venue("inventory_takeover")
    take_over("t1", quantity="2")
    unfilled("t1")
    sell("d1", quantity="1", price="110")

    with refused("inventory_moved_on"):
        reverse_fill("unfilled:t1")

    corrections.reverse_disposal("d1", reference="r1", effective_at=moment(30))
    reverse_fill("unfilled:t1", by="r2")
    assert (balance(FUND), InventoryPosition.objects.get().quantity) == ("1000", 0)
    assert gross() == [0, 0]
    assert clean()


def test_a_transfer_that_closed_the_other_side_gives_both_back() -> None:
    open_venue("inventory_takeover")
    take_over("t1", quantity="4")
    unfilled("t1")
    take_over("t2", quantity="6", at_price="103", side="short")
    unfilled("t2")
    assert balance(FUND) == "1012"

    reverse_fill("unfilled:t2")

    position = InventoryPosition.objects.get()
    assert (position.side, position.quantity, position.carrying_price) == ("long", 4, 100)
    assert balance(FUND) == "1000"
    assert gross() == [0, 0]
    assert clean()


def test_a_disposal_that_booked_nothing_is_reversed_without_an_entry() -> None:
    open_venue("inventory_takeover")
    take_over("t1", quantity="2")
    unfilled("t1")
    before = amounts()
    sell("d1", quantity="2", price="100", fee="0")

    for reference in ("r1", "r1"):
        assert corrections.reverse_disposal("d1", reference=reference, effective_at=moment(30)) is None
        assert InventoryPosition.objects.get().quantity == 2
    assert amounts() == before
    assert clean()


@pytest.mark.parametrize("price", ["90", "100", "110"])
def test_a_disposal_is_reversed_once(price: str) -> None:
    open_venue("inventory_takeover")
    take_over("t1", quantity="2")
    unfilled("t1")
    before = amounts()
    sell("d1", quantity="2", price=price, fee="1")

    first = corrections.reverse_disposal("d1", reference="r1", effective_at=moment(30))
    again = corrections.reverse_disposal("d1", reference="r1", effective_at=moment(31))

    assert first is not None
    assert again is not None
    assert (first.entry_id, again.replayed) == (again.entry_id, True)
    assert amounts() == before
    assert InventoryPosition.objects.get().carrying_price == 100
    with refused("entry_already_reversed"):
        corrections.reverse_disposal("d1", reference="r2", effective_at=moment(32))
    assert clean()
