"""The queue that is answered is the one that an ADL event goes by, and all of it can be worked out anew."""

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import product
from typing import Any

import pytest

from fund.open_positions import PositionRow, replace_positions
from fund.rulebook import AdlQueue
from liquidation.corrections import reverse_fill
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.models import AnsweredQueue, Deleveraging, Takeover
from liquidation.rules import ContractKind, PositionSide
from liquidation.serializers.unfilled import DeleveragingSerializer, UnfilledSerializer
from liquidation.unfilled import Next, report_unfilled
from tests.builders import balance, balances, moment, refused
from tests.liquidation.test_deleveraging import BANKRUPTCY, open_positions, row
from tests.liquidation.venue import FUND, deleverage, open_venue, take_over, unfilled

pytestmark = pytest.mark.django_db

EXTERNAL = {**BANKRUPTCY, "queue": "external"}


def others_open(mark: str = "93") -> None:
    """The venue's next upload: nobody is left of those who were answered."""
    replace_positions(fund_code=FUND, rows=[row("q9", "zoe", "short", "50", "300", mark)])


def evidence(reference: str = "a1") -> dict[str, Any]:
    """The event as everybody gets it."""
    event = Deleveraging.objects.get(reference=reference)
    document: dict[str, Any] = json.loads(json.dumps(DeleveragingSerializer(event).data))
    return document


def traders(document: dict[str, Any]) -> list[str]:
    return [each["trader"] for each in document["queue"]["rows"]]


def close(reference: str, *closed: tuple[str, str, str], seconds: int = 4, mark: str | None = None) -> None:
    """Each counterparty as (trader, position, quantity), with an entry price of 130."""
    report_adl(
        reference=reference,
        takeover="t1",
        fills=[
            Counterparty(trader=trader, position=position, quantity=Decimal(quantity), entry_price=Decimal(130))
            for trader, position, quantity in closed
        ],
        mark_price=None if mark is None else Decimal(mark),
        recorded_at=moment(seconds),
    )


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


# Worked out anew from the event alone. Sources of the scores: fund/rules/adl.py.


def anew(queue: dict[str, Any], told: dict[str, Any]) -> tuple[Fraction, Fraction | None]:
    """Profit and score of a row."""
    inverse, sign = queue["kind"] == "inverse", 1 if queue["side"] == "long" else -1
    entry, mark = Fraction(told["entry_price"]), Fraction(told["mark_price"])
    size = Fraction(told["quantity"]) * Fraction(queue["multiplier"])
    profit = sign * size * (1 / entry - 1 / mark if inverse else mark - entry)
    at_entry, at_mark = (size / price if inverse else size * price for price in (entry, mark))
    margin, wallet = (Fraction(told[name] or 0) for name in ("margin", "wallet"))
    match queue["queue"]:
        case "profit_amount":
            return profit, profit
        case "pnl_rate_x_leverage":
            rate, leverage = profit / at_entry, at_mark / (margin + profit)
            return profit, rate * leverage if profit > 0 else rate / leverage
        case "profit_x_margin_ratio":
            ratio = margin / (wallet + profit) if wallet + profit > 0 else Fraction(0)
            return profit, max(profit, Fraction(0)) / max(wallet, Fraction(1)) * ratio
        case "mark_entry_x_leverage":
            return profit, (mark / entry) ** sign * at_mark / (wallet + profit)
    return profit, None


def a_crowd(side: PositionSide) -> list[PositionRow]:
    """Of both sides and with marks of their own, some at a loss."""
    rows = []
    for number in range(40):
        stands = side if number % 4 else side.opposite
        entry, mark = 70 + number * 7 % 60, Decimal(100) + Decimal(number % 3) / 4
        more = {"margin": str(60 + number), "wallet": str(50 + number * 3)}
        rows.append(
            row(f"q{number}", f"t{number % 30}", stands.value, f"{1 + number % 5}", str(entry), str(mark), **more)
        )
    return rows


ORDERED = [queue for queue in AdlQueue if queue is not AdlQueue.EXTERNAL]


@pytest.mark.parametrize(("queue", "kind", "side"), list(product(ORDERED, ContractKind, PositionSide)))
@pytest.mark.parametrize("asked", [True, False])
def test_every_place_is_worked_out_anew_from_nothing_but_the_event(
    queue: AdlQueue, kind: ContractKind, side: PositionSide, asked: bool
) -> None:
    open_venue(adl={**BANKRUPTCY, "queue": queue.value}, kind=kind.value, multiplier="0.5")
    replace_positions(fund_code=FUND, rows=a_crowd(side))
    take_over(quantity="30", side=side.opposite.value)
    if asked:
        unfilled()
        others_open()

    close("a1", ("zoe", "q9", "30"))

    kept = evidence()["queue"]
    assert (kept["queue"], kept["contract"], kept["kind"], kept["side"]) == (queue, "X-PERP", kind, side)
    rows: Sequence[dict[str, Any]] = kept["rows"]
    assert len(rows) > 5
    worked_out = [anew(kept, told) for told in rows]
    assert [each["profit"] for each in rows] == [str(profit) for profit, _ in worked_out]
    assert [each["score"] for each in rows] == [score if score is None else str(score) for _, score in worked_out]
    assert sorted(rows, key=lambda told: place(kept, told)) == rows
    assert sum(Decimal(told["closes"]) for told in rows) + Decimal(kept["left"]) == 30


def place(queue: dict[str, Any], told: dict[str, Any]) -> tuple[Any, str]:
    """What a row stands at its rank by."""
    if queue["queue"] == "seeded_random":
        return sha256(f"{queue['seed']}:{told['position']}".encode()).digest(), told["position"]
    _, score = anew(queue, told)
    return -score if score is not None else 0, told["position"]
