"""The public figures in venues' published shapes: every field with its type, amounts with all their digits."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from fund.models import Fund
from ledger.models import Posting
from tests.fund.builders import earn, lose, open_cycle, open_fund
from tests.fund.settling import settle
from tests.rest.api import V1, get, refused_get, stranger
from tests.rest.published import BALANCE, FUNDS, HISTORY, PATHS, SETTLEMENTS, milliseconds, open_book

pytestmark = pytest.mark.django_db


@pytest.fixture
def book() -> APIClient:
    return open_book()


def changed_at(fund: str) -> int:
    """When the fund's balance last moved, in milliseconds."""
    last = Posting.objects.filter(account__code=f"fund:{fund}").order_by("-version").select_related("entry")[0]
    return milliseconds(last.entry.created_at)


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
