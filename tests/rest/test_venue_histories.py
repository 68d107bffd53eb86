"""The funds' balances over time in venues' published shapes: a row a day, and why each balance moved."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from fund.models import Fund
from liquidation.venues import okx
from tests.builders import moment
from tests.fund.builders import HOUR, contribute, lose
from tests.liquidation.venue import deleverage, open_venue, take_over, unfilled
from tests.rest.api import get, stranger
from tests.rest.published import HISTORY, PATHS, milliseconds, open_book

pytestmark = pytest.mark.django_db

DAY = 24 * HOUR


@pytest.fixture
def book() -> APIClient:
    return open_book()


def history_of_bitmex(by: APIClient, **query: Any) -> list[tuple[str, int]]:
    rows = get(by, PATHS["bitmex"], currency="USDT", **query)
    return [(row["timestamp"], row["walletBalance"]) for row in rows]


def test_bitmex_history_has_a_row_a_day(book: APIClient) -> None:
    lose("0.00000001", at=moment(DAY + 5))
    before = 79393057931584800000001
    first, second, third = ((f"2026-01-0{day}T00:00:00.000Z", before - (day == 3)) for day in (1, 2, 3))

    assert history_of_bitmex(book, count=3) == [first, second, third]
    assert history_of_bitmex(book, count=2, start=1) == [second, third]
    until = {"endTime": "2026-01-04T00:00:00Z"}
    assert history_of_bitmex(book, reverse="true", count=2, **until) == [third, second]
    assert history_of_bitmex(book, startTime="2026-01-01T00:00:01Z", **until) == [second, third]
    assert history_of_bitmex(book, start=1000000) == []
    whole = get(book, HISTORY, format="bitmex", count=2)
    assert [row["currency"] for row in whole] == ["BTC", "USDT"]


def okx_details(by: APIClient, **query: Any) -> list[dict[str, str]]:
    (only,) = get(by, PATHS["okx"], instType="SWAP", instFamily="usdt", **query)["data"]
    details: list[dict[str, str]] = only["details"]
    return details


def test_okx_history_tells_why_the_balance_moved(book: APIClient) -> None:
    lose("30.5", at=moment(DAY + 5))
    contribute("more", "4", at=moment(DAY + 6))
    until = {"after": milliseconds(moment(2 * DAY)) + 1}

    newest = okx_details(book, limit=4, **until)

    assert {detail["ts"] for detail in newest} == {str(milliseconds(moment(2 * DAY)))}
    assert {detail["balance"] for detail in newest} == {"793930579315821.50000001"}
    assert [(detail["type"], detail["amt"]) for detail in newest] == [
        ("regular_update", ""),
        ("liquidation_balance_deposit", "0"),
        ("bankruptcy_loss", "-30.5"),
        ("platform_revenue", "4"),
    ]
    losses = okx_details(book, type="bankruptcy_loss", **until)
    assert [detail["amt"] for detail in losses] == ["-30.5", "0", "0"]
    newer = okx_details(book, type="bankruptcy_loss", before=milliseconds(moment(DAY)), **until)
    assert [detail["amt"] for detail in newer] == ["-30.5"]


def test_okx_history_is_paged_by_time_without_a_gap(book: APIClient) -> None:
    until = milliseconds(moment(7 * DAY)) + 1
    whole = okx_details(book, after=until)
    paged: list[dict[str, str]] = []

    while page := okx_details(book, after=paged[-1]["ts"] if paged else until, limit=6):
        paged += page

    assert len(whole) == 8 * 4
    assert paged == whole


def test_okx_history_has_adl_with_the_peak_before_it() -> None:
    open_venue(adl={"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"})
    contribute("more", "500", at=moment(DAY - 100))
    lose("400", at=moment(DAY - 50))
    take_over()
    unfilled()
    deleverage("a1", "t1", ("sue", "10", "130"), seconds=DAY)

    (event,) = okx_details(stranger(), type="adl", after=milliseconds(moment(DAY)) + 1)

    assert event == {
        "adlType": "pos_adl_start",
        "amt": "",
        "balance": "1100",
        "ccy": "USDT",
        "maxBal": "1500",
        "maxBalTs": str(milliseconds(moment(DAY - 100))),
        "ts": str(milliseconds(moment(DAY))),
        "type": "adl",
    }


def test_okx_history_reads_of_each_funds_adl_what_it_shows_and_no_queue() -> None:
    open_venue(adl={"trigger": "unfilled"})
    take_over(quantity="10")
    unfilled()
    for number in range(5):
        deleverage(f"a{number}", "t1", ("sue", "1", "130"), seconds=number)
    whole = [each["ts"] for each in okx_details(stranger(), type="adl", after=milliseconds(moment(DAY)))]

    shown = okx_details(stranger(), type="adl", after=milliseconds(moment(DAY)), limit=2)
    read = okx.newest_adl(list(Fund.objects.all()), since=moment(), until=moment(DAY), most=3)

    assert [each["ts"] for each in shown] == whole[:2]
    assert [event.reference for event in read] == ["a4", "a3", "a2"]
    assert all(event.get_deferred_fields() == {"queue"} for event in read)
