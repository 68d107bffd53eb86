"""The public figures in venues' published shapes: every field with its type, amounts with all their digits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from fund.models import Cycle, Fund
from ledger.models import Posting
from ledger.rest.models import Role
from liquidation.venues import okx
from tests.builders import moment
from tests.fund.builders import HOUR, contribute, earn, lose, open_cycle, open_fund
from tests.fund.settling import settle
from tests.liquidation.venue import deleverage, open_venue, take_over, unfilled
from tests.rest.api import V1, client, get, post, refused_get, stranger
from tests.rest.test_takeovers import contract

pytestmark = pytest.mark.django_db

FUNDS, HISTORY, SETTLEMENTS = "/public/insurance-fund/", "/public/insurance-fund/history/", "/public/settlements/"
PATHS = {
    "binance": "/public/binance/fapi/v1/insuranceBalance",
    "okx": "/public/okx/api/v5/public/insurance-fund",
    "bybit": "/public/bybit/v5/market/insurance",
    "bitmex": "/public/bitmex/api/v1/insurance",
    "deribit": "/public/deribit/api/v2/public/get_last_settlements_by_currency",
}
DAY = 24 * HOUR
# More digits than a double keeps.
BALANCE = "793930579315848.00000001"


@pytest.fixture
def book() -> APIClient:
    """A fund in USDT with two contracts and one in BTC with one; the client has no key."""
    engine = client(Role.ENGINE)
    open_fund("full_cover", contribution=BALANCE)
    open_fund("full_cover", code="btc", contribution="61.73143554")
    post(engine, "/contracts/", contract("ETH-PERP"))
    post(engine, "/contracts/", contract("BTC-PERP"))
    post(engine, "/contracts/", contract("BTC-USD", kind="inverse", margin_currency="BTC", fund="btc"))
    return stranger()


def changed_at(fund: str) -> int:
    """When the fund's balance last moved, in milliseconds."""
    last = Posting.objects.filter(account__code=f"fund:{fund}").order_by("-version").select_related("entry")[0]
    return milliseconds(last.entry.created_at)


def milliseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_binance_has_a_group_for_each_fund(book: APIClient) -> None:
    bitcoin = {"asset": "BTC", "marginBalance": "61.73143554", "updateTime": changed_at("btc")}
    tether = {"asset": "USDT", "marginBalance": BALANCE, "updateTime": changed_at("usdt")}
    groups = [
        {"symbols": ["BTC-USD"], "assets": [bitcoin]},
        {"symbols": ["BTC-PERP", "ETH-PERP"], "assets": [tether]},
    ]

    assert get(book, FUNDS, format="binance") == get(book, PATHS["binance"]) == groups
    assert get(book, FUNDS, format="binance", symbol="ETH-PERP") == groups[1]
    assert get(book, PATHS["binance"], symbol="BTC-USD") == groups[0]
    assert get(book, PATHS["binance"], fund="usdt") == [groups[1]]
    refused_get(book, PATHS["binance"], status=422, code="contract_unknown", symbol="DOGE-PERP")


def test_bybit_has_a_row_for_each_fund(book: APIClient) -> None:
    document = get(book, FUNDS, format="bybit")

    assert {name: document[name] for name in ("retCode", "retMsg", "retExtInfo")} == {
        "retCode": 0,
        "retMsg": "OK",
        "retExtInfo": {},
    }
    assert abs(document["time"] - milliseconds(datetime.now(UTC))) < 60_000
    assert document["result"] == {
        "updatedTime": str(max(changed_at("btc"), changed_at("usdt"))),
        "list": [
            {"coin": "BTC", "symbols": "BTC-USD", "balance": "61.73143554", "value": ""},
            {"coin": "USDT", "symbols": "BTC-PERP,ETH-PERP", "balance": BALANCE, "value": BALANCE},
        ],
    }
    assert [row["coin"] for row in get(book, PATHS["bybit"], coin="USDT")["result"]["list"]] == ["USDT"]
    assert get(book, PATHS["bybit"], coin="DOGE")["result"]["list"] == []


def test_okx_has_an_object_for_each_fund(book: APIClient) -> None:
    detail = {
        "adlType": "",
        "amt": "",
        "balance": BALANCE,
        "ccy": "USDT",
        "maxBal": "",
        "maxBalTs": "",
        "ts": str(changed_at("usdt")),
        "type": "regular_update",
    }
    named = {"format": "okx", "instType": "SWAP", "instFamily": "ETH-PERP"}

    assert get(book, FUNDS, **named) == {
        "code": "0",
        "data": [{"details": [detail], "instFamily": "ETH-PERP", "instType": "SWAP", "total": BALANCE}],
        "msg": "",
    }
    both = get(book, FUNDS, format="okx", instType="OPTION")["data"]
    assert [(each["instFamily"], each["instType"], each["total"]) for each in both] == [
        ("btc", "OPTION", ""),
        ("usdt", "OPTION", BALANCE),
    ]
    assert [each["instFamily"] for each in get(book, FUNDS, format="okx", ccy="BTC")["data"]] == ["btc"]
    assert get(book, FUNDS, format="okx", instFamily="DOGE")["data"] == []


def test_bitmex_has_whole_units_of_each_currency(book: APIClient) -> None:
    open_fund("full_cover", code="more", contribution="0")
    response = book.get(f"{V1}{FUNDS}", {"format": "bitmex", "currency": "USDT"})

    assert b'"walletBalance":79393057931584800000001}' in response.content
    rows = get(book, FUNDS, format="bitmex")
    assert [row["currency"] for row in rows] == ["BTC", "MORE", "USDT"]
    assert rows[0]["walletBalance"] == 6173143554
    at = datetime.fromisoformat(rows[0]["timestamp"])
    assert milliseconds(at) == changed_at("btc")
    assert rows[0]["timestamp"].endswith("Z")


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


@pytest.fixture
def settled() -> Cycle:
    """A loss of 1,000 of which the fund bears a fifth; the rest is shared over profits of 3,000.00000003."""
    open_fund(contribution="5000")
    cycle = open_cycle()
    lose("1000.00000001")
    earn(cycle, "2000", "1000.00000003", "-70")
    return settle(cycle)


def test_deribit_has_a_settlement_for_each_settled_cycle(settled: Cycle) -> None:
    assert settled.settled_at is not None
    response = stranger().get(f"{V1}{SETTLEMENTS}", {"format": "deribit"})

    assert response.content.decode() == (
        '{"jsonrpc":"2.0","result":{"settlements":[{"type":"bankruptcy",'
        f'"timestamp":{milliseconds(settled.settled_at)},'
        '"session_profit_loss":2930.00000003,"session_bankruptcy":1000.00000001,"funded":200,'
        '"socialized":800.00000001,"session_tax":-800.00000001,"session_tax_rate":0.26666666}],"continuation":"none"}}'
    )
    document = get(stranger(), PATHS["deribit"], currency="USDT", type="bankruptcy", count=10)
    assert document == response.json()


def test_deribit_settlements_are_chosen_as_the_venue_has_it(settled: Cycle) -> None:
    assert settled.settled_at is not None

    def times(**query: Any) -> list[int]:
        document = get(stranger(), PATHS["deribit"], **query)
        return [each["timestamp"] for each in document["result"]["settlements"]]

    at = milliseconds(settled.settled_at)
    assert times(currency="BTC") == times(type="delivery") == times(search_start_timestamp=at - 1) == []
    assert times(search_start_timestamp=at + 1) == times(fund="usdt") == [at]


def test_deribit_settlements_are_continued(settled: Cycle) -> None:
    for number in (2, 3):
        cycle = open_cycle(number, hours=(8 * (number - 1), 8 * number))
        lose("1", reference=f"t{number}", at=moment(8 * HOUR * (number - 1) + 1))
        earn(cycle, "10")
        settle(cycle)
    losses: list[float] = []
    query: dict[str, Any] = {"count": 2}

    while query.get("continuation") != "none":
        result = get(stranger(), PATHS["deribit"], **query)["result"]
        losses += [each["session_bankruptcy"] for each in result["settlements"]]
        query["continuation"] = result["continuation"]

    assert losses == [1, 1, 1000.00000001]


def test_deribit_settlements_of_a_contract_are_its_funds(settled: Cycle) -> None:
    path = PATHS["deribit"].replace("by_currency", "by_instrument")
    post(client(Role.ENGINE), "/contracts/", contract())

    assert get(stranger(), path, instrument_name="BTC-PERP") == get(stranger(), PATHS["deribit"])
    assert get(stranger(), path, instrument_name="DOGE-PERP")["result"]["settlements"] == []
    refused_get(stranger(), path, status=400, code="field_required")


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (FUNDS, "binance, bitmex, bybit, okx"),
        (HISTORY, "bitmex, okx"),
        (SETTLEMENTS, "deribit"),
        (PATHS["bybit"], "bybit"),
    ],
)
@pytest.mark.parametrize("name", ["kraken", "", "json", "BYBIT"])
def test_unknown_format_is_refused_with_those_there_are(path: str, known: str, name: str) -> None:
    document = refused_get(stranger(), path, status=400, code="format_unknown", format=name)

    assert document["errors"][0]["parameter"] == "format"
    assert document["detail"].endswith(f"it is published as {known}")


@pytest.mark.parametrize("venue", PATHS)
def test_venues_paths_take_the_venues_parameters_alone(venue: str) -> None:
    refused_get(stranger(), PATHS[venue], status=400, code="parameter_unknown", cursor="x")
    get(stranger(), PATHS[venue], format=venue)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        (PATHS["okx"], {"limit": "101"}, "out_of_range"),
        (PATHS["okx"], {"after": "yesterday"}, "field_malformed"),
        (PATHS["okx"], {"after": "99999999999999999"}, "out_of_range"),
        (PATHS["okx"], {"instType": "SPOT"}, "choice_unknown"),
        (PATHS["bitmex"], {"count": "0"}, "out_of_range"),
        (PATHS["bitmex"], {"reverse": "maybe"}, "field_malformed"),
        (PATHS["deribit"], {"continuation": "none"}, "field_malformed"),
    ],
)
def test_malformed_parameters_are_named(path: str, query: dict[str, str], code: str) -> None:
    document = refused_get(stranger(), path, status=400, code=code, **query)

    assert document["errors"][0]["parameter"] == next(iter(query))


@pytest.mark.parametrize("path", [f"{FUNDS}?format=binance", *PATHS.values()])
def test_number_of_queries_does_not_grow_with_the_funds(path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert stranger().get(f"{V1}{path}").status_code == 200
        return len(captured)

    def open_with_cycle(code: str) -> None:
        open_fund(code=code, contribution="5000")
        cycle = open_cycle(fund_code=code)
        lose("10", reference=code, fund_code=code)
        earn(cycle, "10")
        settle(cycle)

    open_with_cycle("one")
    few = queries()
    for number in range(4):
        open_with_cycle(f"more{number}")

    assert Fund.objects.count() == 5
    assert queries() == few
