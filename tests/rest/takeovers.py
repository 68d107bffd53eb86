"""Contracts, takeovers and fills as a matching engine sends them."""

from typing import Any


def contract(symbol: str = "BTC-PERP", **more: Any) -> dict[str, Any]:
    terms = {"symbol": symbol, "kind": "linear", "margin_currency": "USDT", "multiplier": "1", "fund": "usdt"}
    return {**terms, **more}


def takeover(reference: str = "t1", **more: Any) -> dict[str, Any]:
    told = {
        "reference": reference,
        "contract": "BTC-PERP",
        "trader": "ann",
        "side": "long",
        "quantity": "1",
        "bankruptcy_price": "28000",
        "margin": "1000",
        "taken_over_at": "2026-01-01T00:00:00Z",
    }
    return {**told, **more}


def fill(reference: str = "f1", **more: Any) -> dict[str, Any]:
    return {"reference": reference, "price": "28200", "quantity": "1", "fee": "0", **more}
