"""Reversals by entry, as the API and the admin name it, and the names that are kept for the entries of events."""

import pytest

from fund.models import InventoryPosition
from ledger.models import Entry
from ledger.posting import Posted
from liquidation import corrections
from tests.builders import balance, moment, refused
from tests.liquidation.correction import amounts, clean
from tests.liquidation.holding import sell
from tests.liquidation.venue import figures, fill, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

FUND = "fund:usdt"


def reverse_named(reference: str, *, by: str = "r1") -> Posted:
    entry = Entry.objects.get(reference=reference)
    return corrections.reverse_entry(entry, reference=by, effective_at=moment(20))


@pytest.mark.parametrize(
    ("entry", "then"),
    [
        ("fill:f1", {"status": "open", "remaining": "10"}),
        ("close:t1", {"status": "open"}),
        ("close-penalty:t1", {"status": "open"}),
        ("takeover:t1", {"status": "reversed", "remaining": "10"}),
    ],
)
def test_an_entry_is_reversed_with_what_it_belongs_to(entry: str, then: dict[str, str]) -> None:
    open_venue(penalty_rate="0.001")
    take_over(margin="60")
    fill(price="101")

    posted = reverse_named(entry)

    original = Entry.objects.get(reference=entry)
    assert Entry.objects.get(reverses=original).pk == posted.entry_id
    assert figures() == then
    assert clean()


def test_an_entry_reversed_again_is_a_replay_or_refused() -> None:
    open_venue()
    take_over()
    fill(price="101")
    posted = reverse_named("fill:f1")

    assert reverse_named("fill:f1").entry_id == posted.entry_id
    with refused("entry_already_reversed"):
        reverse_named("fill:f1", by="r2")
    with refused("entry_is_reversal"):
        reverse_named("r1", by="r3")


def test_an_entry_of_its_own_is_reversed_alone() -> None:
    open_venue()

    reverse_named("contribution:opening")

    assert balance(FUND) == "0"


@pytest.mark.parametrize("reference", ["fill:f9", "takeover:t9", "close.2:t1", "cycle:usdt:1:1:0"])
def test_a_reversal_takes_no_name_of_an_events_entry(reference: str) -> None:
    open_venue()
    take_over()
    fill(price="90", quantity="4")
    before = amounts()

    with refused("reference_reserved"):
        corrections.reverse_fill("f1", reference=reference, effective_at=moment(30))
    with refused("reference_reserved"):
        corrections.reverse_reference("fill:f1", reference=reference, effective_at=moment(30))

    assert amounts() == before


def test_no_event_takes_the_name_of_a_transfer_to_the_inventory() -> None:
    open_venue("inventory_takeover")
    take_over("t1", quantity="4")
    take_over("t2", quantity="4")
    unfilled("t2")
    before = amounts()

    with refused("reference_reserved"):
        fill("unfilled:t1", price="90", quantity="4")
    with refused("reference_reserved"):
        sell("unfilled.2:t1", quantity="2", price="90")

    assert amounts() == before
    unfilled("t1")
    assert InventoryPosition.objects.get().quantity == 8
