"""Programs that others wrote for venues read this venue's figures: ccxt for five of them, Bybit's own client for one.

Only the address is ours; path, parameters and reading are the clients'.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from pybit.unified_trading import HTTP

from config import serve
from config.scratch import DatabaseUrls
from ledger.money import plain
from liquidation.contracts import add_contract
from tests.builders import balance, moment
from tests.config.test_serve import answers, free_port
from tests.config.users import wait_until
from tests.fund.builders import HOUR, earn, lose, open_cycle, open_fund
from tests.fund.settling import settle

DAY = 24 * HOUR


@pytest.fixture
def address(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of the public figures of a venue with two funds, a settled loss, and contracts; on a real server."""
    open_fund(contribution="7939305.00000001")
    open_fund("full_cover", code="btc", contribution="61.73143554")
    for symbol, fund in (("BTC-PERP", "usdt"), ("ETH-PERP", "usdt"), ("BTC-USD", "btc")):
        add_contract(
            symbol=symbol,
            kind="linear",
            margin_currency=fund.upper(),
            multiplier=Decimal(1),
            fund_code=fund,
            created_at=moment(),
        )
    cycle = open_cycle()
    lose("1000.00000001")
    earn(cycle, "2000", "1000.00000003", "-70")
    settle(cycle)
    for name, value in committed_db.environment().items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with serve.running({"web": serve.web(port)}):
        wait_until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}/api/v1/public"


def client(venue: str, address: str) -> Any:
    """ccxt's client of the venue, with our address in place of each of the venue's."""
    made = getattr(ccxt, venue)({"enableRateLimit": False, "hostname": ""})
    known = made.urls["api"]
    # Binance's addresses have the beginning of the path in them, the others' have none.
    begins = {"fapiPublic": "/fapi/v1"} if venue == "binance" else {}
    made.urls["api"] = {name: f"{address}/{venue}{begins.get(name, '')}" for name in known}
    return made


def test_clients_of_venues_read_what_stands_in_the_book(address: str) -> None:
    read_binance(address)
    read_okx(address)
    read_bybit(address)
    read_bybit_with_its_own_client(address)
    read_bitmex(address)
    read_deribit(address)


def read_binance(address: str) -> None:
    exchange = client("binance", address)

    groups = exchange.fapiPublicGetInsuranceBalance()
    of_symbol = exchange.fapiPublicGetInsuranceBalance({"symbol": "ETH-PERP"})

    shown = {asset["asset"]: asset["marginBalance"] for group in groups for asset in group["assets"]}
    assert shown == {"BTC": balance("fund:btc"), "USDT": balance("fund:usdt")}
    assert of_symbol["symbols"] == ["BTC-PERP", "ETH-PERP"]
    assert exchange.safe_integer(of_symbol["assets"][0], "updateTime") > 1_700_000_000_000


def read_okx(address: str) -> None:
    exchange = client("okx", address)

    def details(**more: object) -> list[dict[str, str]]:
        answer = exchange.publicGetPublicInsuranceFund({"instType": "SWAP", "instFamily": "BTC-PERP", **more})
        rows: list[dict[str, str]] = answer["data"][0]["details"]
        return rows

    assert details()[0]["balance"] == balance("fund:usdt")
    losses = details(type="bankruptcy_loss", after=exchange.milliseconds() - 1, limit=100)
    assert {row["ccy"] for row in losses} == {"USDT"}
    first_days = details(type="bankruptcy_loss", after=exchange.parse8601("2026-01-02T00:00:00.001Z"))
    assert [row["amt"] for row in first_days] == ["-200", "0"]


def read_bybit(address: str) -> None:
    result = client("bybit", address).publicGetV5MarketInsurance({"coin": "USDT"})["result"]

    assert [(row["coin"], row["balance"]) for row in result["list"]] == [("USDT", balance("fund:usdt"))]


def read_bybit_with_its_own_client(address: str) -> None:
    session = HTTP()
    session.endpoint = f"{address}/bybit"

    result = session.get_insurance()["result"]

    shown = {row["coin"]: row["balance"] for row in result["list"]}
    assert shown == {"BTC": balance("fund:btc"), "USDT": balance("fund:usdt")}
    assert {row["coin"]: row["symbols"] for row in result["list"]} == {"BTC": "BTC-USD", "USDT": "BTC-PERP,ETH-PERP"}


def read_bitmex(address: str) -> None:
    exchange = client("bitmex", address)

    newest = exchange.publicGetInsurance({"count": 2, "reverse": "true"})
    first = exchange.publicGetInsurance({"currency": "USDT", "count": 1})[0]

    held = {row["currency"]: plain(Decimal(row["walletBalance"]).scaleb(-8)) for row in newest}
    assert held == {"BTC": balance("fund:btc"), "USDT": balance("fund:usdt")}
    assert exchange.parse8601(first["timestamp"]) == exchange.parse8601("2026-01-01T00:00:00Z")
    assert int(first["walletBalance"]) == 793930500000001


def read_deribit(address: str) -> None:
    exchange = client("deribit", address)

    answer = exchange.publicGetGetLastSettlementsByCurrency({"currency": "USDT", "type": "bankruptcy"})

    of_contract = exchange.publicGetGetLastSettlementsByInstrument({"instrument_name": "ETH-PERP"})
    assert of_contract["result"] == answer["result"]
    (settlement,) = answer["result"]["settlements"]
    numbers = [Decimal(str(settlement[name])) for name in ("session_bankruptcy", "funded", "socialized")]
    assert numbers == [Decimal("1000.00000001"), Decimal("200"), Decimal("800.00000001")]
    assert exchange.parse_liquidation(settlement)["timestamp"] == exchange.parse8601("2026-01-01T09:00:00Z")
