"""The part of the API's story in which positions are liquidated: takeovers, fills, ADL, the fund's inventory."""

from typing import Any

from tests.rest.steps import Step, get, post, time


def _takeover(reference: str, contract: str, **more: Any) -> dict[str, Any]:
    document = {"reference": reference, "contract": contract, "trader": "ann", "side": "long", "quantity": "0.5"}
    priced = {"bankruptcy_price": "61200", "margin": "350", "taken_over_at": time("08:30:00")}
    # What is told as None is left out.
    return {name: value for name, value in {**document, **priced, **more}.items() if value is not None}


def _fill(reference: str, price: str, quantity: str = "0.5", **more: Any) -> dict[str, Any]:
    filled = {"reference": reference, "price": price, "quantity": quantity, "fee": "6.14"}
    return {**filled, "filled_at": time("08:30:02"), **more}


OPEN = {
    "position": "pos-9",
    "trader": "sue",
    "contract": "SOL-PERP",
    "side": "short",
    "quantity": "40",
    "entry_price": "180",
    "mark_price": "150",
}
LIQUIDATIONS = [
    post("/takeovers/", "A long, taken over at its bankruptcy price", _takeover("liq-1", "BTC-PERP"), by="engine"),
    post(
        "/takeovers/",
        "A batch, all or none",
        {"items": [_takeover("liq-2", "BTC-PERP"), _takeover("liq-3", "BTC-PERP", side="short")]},
        by="engine",
    ),
    post(
        "/takeovers/{reference}/fills/",
        "Closed better than bankruptcy",
        _fill("fill-1", "61350"),
        by="engine",
        reference="liq-1",
    ),
    post("/fills/", "Closed worse; the takeover is named", _fill("fill-2", "59200", takeover="liq-2"), by="engine"),
    post(
        "/fills/",
        "A batch over several takeovers",
        {"items": [_fill("fill-3", "61000", takeover="liq-3")], "atomic": False},
        by="engine",
    ),
    post("/takeovers/{reference}/close/", "Closed already: as it was", by="engine", reference="liq-1"),
    get("/takeovers/", "The closed ones, the newest first", query={"status": "closed", "limit": "1"}),
    get("/takeovers/{reference}/", "One takeover", reference="liq-1"),
    get("/takeovers/{reference}/fills/", "Its fills", reference="liq-1"),
    get("/takeovers/{reference}/receipt/", "Who bears its loss", reference="liq-2"),
    Step(
        by="engine",
        method="PUT",
        path="/funds/{code}/positions/",
        summary="All that is open",
        at={"code": "adl"},
        body={"items": [OPEN]},
    ),
    get("/funds/{code}/positions/", "What is open", code="adl"),
    get("/traders/{trader}/adl/", "How near its positions are to ADL", trader="sue"),
    post(
        "/takeovers/",
        "",
        _takeover("liq-4", "SOL-PERP", quantity="30", bankruptcy_price="150", margin="0"),
        by="engine",
    ),
    post(
        "/takeovers/{reference}/unfilled/",
        "ADL is next: the queue",
        {"reported_at": time("08:31:00"), "mark_price": "150"},
        by="engine",
        reference="liq-4",
    ),
    post(
        "/takeovers/{reference}/adl/",
        "A counterparty that was closed",
        {
            "reference": "adl-1",
            "fills": [{"trader": "sue", "quantity": "10", "entry_price": "180", "position": "pos-9"}],
            "occurred_at": time("08:31:05"),
            "mark_price": "150",
        },
        by="engine",
        reference="liq-4",
    ),
    get("/takeovers/{reference}/adl/", "ADL events of a takeover", reference="liq-4"),
    post(
        "/takeovers/{reference}/fills/",
        "",
        _fill("fill-4", "149", "20", fee="0"),
        by="engine",
        reference="liq-4",
    ),
    post(
        "/funds/{code}/absorptions/",
        "The house bears what nobody else does",
        {"reference": "house-1", "amount": "15"},
        by="tess",
        code="adl",
    ),
    post(
        "/takeovers/",
        "Its bankruptcy price is worked out: (3 · 3,100 − 304.5) / (3 · 0.9995)",
        _takeover("liq-5", "ETH-PERP", quantity="3", bankruptcy_price=None, entry_price="3100", margin="304.5"),
        by="engine",
    ),
    post(
        "/takeovers/{reference}/unfilled/",
        "The fund takes it over",
        {"reported_at": time("08:32:00")},
        by="engine",
        reference="liq-5",
    ),
    post(
        "/funds/{code}/inventory/marks/",
        "A mark price",
        {"contract": "ETH-PERP", "price": "2990", "marked_at": time("08:33:00")},
        by="engine",
        code="holder",
    ),
    get("/funds/{code}/inventory/", "What the fund holds", code="holder"),
    post(
        "/funds/{code}/inventory/disposals/",
        "Sold in the market",
        {
            "reference": "sale-1",
            "contract": "ETH-PERP",
            "price": "3010",
            "quantity": "1",
            "fee": "1.5",
            "disposed_at": time("08:40:00"),
        },
        by="engine",
        code="holder",
    ),
    get("/funds/{code}/inventory/disposals/", "What was sold", code="holder"),
]
