"""Where the public figures are published in venues' shapes, and a book of two funds to be published."""

from datetime import UTC, datetime, timedelta

from rest_framework.test import APIClient

from ledger.rest.models import Role
from tests.fund.builders import open_fund
from tests.rest.api import client, post, stranger
from tests.rest.takeovers import contract

FUNDS, HISTORY, SETTLEMENTS = "/public/insurance-fund/", "/public/insurance-fund/history/", "/public/settlements/"
PATHS = {
    "binance": "/public/binance/fapi/v1/insuranceBalance",
    "okx": "/public/okx/api/v5/public/insurance-fund",
    "bybit": "/public/bybit/v5/market/insurance",
    "bitmex": "/public/bitmex/api/v1/insurance",
    "deribit": "/public/deribit/api/v2/public/get_last_settlements_by_currency",
}
# More digits than a double keeps.
BALANCE = "793930579315848.00000001"


def open_book() -> APIClient:
    """A fund in USDT with two contracts and one in BTC with one; the client has no key."""
    engine = client(Role.ENGINE)
    open_fund("full_cover", contribution=BALANCE)
    open_fund("full_cover", code="btc", contribution="61.73143554")
    post(engine, "/contracts/", contract("ETH-PERP"))
    post(engine, "/contracts/", contract("BTC-PERP"))
    post(engine, "/contracts/", contract("BTC-USD", kind="inverse", margin_currency="BTC", fund="btc"))
    return stranger()


def milliseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
