"""The queue that is answered is the one that an ADL event goes by."""

from decimal import Decimal
from typing import Any

import pytest

from fund.open_positions import replace_positions
from liquidation.corrections import reverse_fill
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.models import AnsweredQueue, Deleveraging, Takeover
from liquidation.serializers.unfilled import UnfilledSerializer
from liquidation.unfilled import Next, report_unfilled
from tests.builders import balance, balances, moment, refused
from tests.liquidation.adl import BANKRUPTCY, close, evidence, open_positions, others_open, row
from tests.liquidation.venue import FUND, deleverage, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

EXTERNAL = {**BANKRUPTCY, "queue": "external"}


def traders(document: dict[str, Any]) -> list[str]:
    return [each["trader"] for each in document["queue"]["rows"]]


def answer_list(*listed: str) -> None:
    assert report_unfilled(reference="t1", reported_at=moment(3), listed=listed).next is Next.ADL


def test_the_event_goes_by_the_answered_queue_whatever_the_venue_uploads_between() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions(mark="98")
    take_over(quantity="6")
    unfilled()
    others_open()

    deleverage("a1", "t1", ("sue", "4", "130"), ("tom", "2", "110"))

    document = evidence()
    assert document["answered"]["answered_at"] == "2026-01-01T00:00:03Z"
    assert (document["answered"]["quantity"], document["answered"]["mark_price"]) == ("6", "98")
    assert (traders(document), document["queue"]["length"], document["queue"]["differs"]) == (["sue", "tom"], 2, [])
    assert (document["queue"]["mark_price"], document["queue"]["averted"]) == ("98", "12")


def test_an_entry_price_that_is_not_told_is_the_answered_queues() -> None:
    """Whatever the position is now: Sue was closed, and has opened another under its name."""
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")
    unfilled()
    replace_positions(fund_code=FUND, rows=[row("q1", "sue", "short", "9", "105")])

    fills = [
        Counterparty(trader="sue", quantity=Decimal(4)),
        Counterparty(trader="tom", quantity=Decimal(2), position="q2"),
    ]
    report_adl(reference="a1", takeover="t1", fills=fills, recorded_at=moment(4))

    assert [balance("trader:sue:USDT"), balance("trader:tom:USDT")] == ["120", "20"]


def test_everyone_whom_a_pro_rata_queue_closes_is_in_its_answer() -> None:
    """Every second one is too small to be closed, so that the last one closed is far below the first thousand."""
    open_venue(adl={**BANKRUPTCY, "queue": "pro_rata"})
    rows = [row(f"q{place:04}", f"t{place}", "short", "0.001" if place % 2 else "10", "130") for place in range(2400)]
    replace_positions(fund_code=FUND, rows=rows)
    take_over(quantity="600")

    shown = UnfilledSerializer(unfilled()).data["queue"]

    assert sum(Decimal(each["closes"]) for each in shown) == 600


def test_the_answered_mark_is_the_price_where_the_rulebook_closes_at_mark() -> None:
    open_venue(adl={**BANKRUPTCY, "price": "mark"})
    open_positions(mark="95")
    take_over(quantity="6")
    unfilled(mark="96")
    others_open()

    deleverage("a1", "t1", ("sue", "4", "130"))
    close("a2", ("tom", "q2", "2"), mark="97")

    assert [str(each.price) for each in Deleveraging.objects.order_by("id")] == ["96", "97"]
    assert evidence("a2")["queue"]["mark_price"] == "97"
    assert evidence("a2")["answered"]["mark_price"] == "96"


def test_the_last_answer_holds_for_every_event_until_the_next_one() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")
    unfilled()
    unfilled(seconds=5)
    deleverage("a1", "t1", ("sue", "3", "130"), seconds=6)
    deleverage("a2", "t1", ("sue", "1", "130"), seconds=7)
    unfilled(seconds=8)
    deleverage("a3", "t1", ("tom", "2", "110"), seconds=9)

    documents = [evidence(reference) for reference in ("a1", "a2", "a3")]
    assert [each["answered"]["answered_at"][-3:] for each in documents] == ["05Z", "05Z", "08Z"]
    assert [each["queue"]["differs"] for each in documents] == [[], [], []]
    assert AnsweredQueue.objects.count() == 3


def test_an_event_told_again_keeps_its_queue() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")
    unfilled()
    deleverage("a1", "t1", ("sue", "3", "130"))
    before = evidence()
    unfilled(seconds=5)

    assert deleverage("a1", "t1", ("sue", "3", "130"), seconds=6).replayed
    assert evidence() == before


def test_without_an_answer_the_queue_is_ranked_when_the_event_is_booked() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")
    others_open()

    deleverage("a1", "t1", ("zoe", "6", "300"))

    document = evidence()
    assert (document["answered"], traders(document), document["queue"]["differs"]) == (None, ["zoe"], [])


def test_what_is_closed_otherwise_than_answered_is_booked_and_named() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")
    unfilled()

    deleverage("a1", "t1", ("tom", "2", "110"), ("zoe", "1", "120"))

    assert balance("trader:zoe:USDT") == "20"
    assert evidence()["queue"]["differs"] == [
        {"trader": "tom", "position": "", "quantity": "2"},
        {"trader": "zoe", "position": "", "quantity": "1"},
    ]


def test_an_event_that_was_reversed_has_used_up_nothing_of_its_queue() -> None:
    open_venue(adl=BANKRUPTCY)
    open_positions()
    take_over(quantity="6")
    unfilled()
    deleverage("a1", "t1", ("sue", "4", "130"))
    reverse_fill("a1", reference="r1", effective_at=moment(5))

    deleverage("a2", "t1", ("sue", "4", "130"), ("tom", "2", "110"), seconds=6)

    assert evidence("a2")["queue"]["differs"] == []
    assert Takeover.objects.get().status == "closed"


# The exchange's own list.


@pytest.mark.parametrize("stranger", [("liv", "", "1"), ("liv", "q2", "1"), ("tom", "q1", "1"), ("sue", "q1", "1")])
def test_nobody_is_closed_who_is_not_in_the_exchanges_list(stranger: tuple[str, str, str]) -> None:
    open_venue(adl=EXTERNAL)
    open_positions()
    take_over(quantity="6")
    answer_list("q2")
    before = balances()

    with refused("adl_fill_not_listed"):
        close("a1", ("tom", "q2", "1"), stranger)

    assert balances() == before
    assert not Deleveraging.objects.exists()
    assert Takeover.objects.get().remaining == 6


def test_the_exchanges_list_is_kept_as_a_whole_and_holds_for_later_events_too() -> None:
    open_venue(adl=EXTERNAL)
    open_positions()
    take_over(quantity="6")
    answer_list("q2", "q1")
    others_open()

    close("a1", ("tom", "", "5"))
    close("a2", ("sue", "q1", "1"), seconds=5)

    document = evidence("a2")
    assert (traders(document), [each["closes"] for each in document["queue"]["rows"]]) == (["tom", "sue"], ["6", "0"])
    assert (document["queue"]["left"], evidence("a1")["queue"]["differs"]) == ("0", [])
    assert document["queue"]["differs"] == [{"trader": "sue", "position": "q1", "quantity": "1"}]


def test_where_the_exchange_told_no_list_there_is_nothing_to_hold_its_fills_to() -> None:
    open_venue(adl=EXTERNAL)
    open_positions()
    take_over(quantity="6")
    close("a1", ("tom", "", "1"))
    answer_list()
    close("a2", ("sue", "", "1"), seconds=5)

    for document in (evidence("a1"), evidence("a2")):
        assert (document["queue"]["rows"], document["queue"]["left"], document["queue"]["differs"]) == ([], None, None)
