"""The story that the API's examples are told in: every operation once, on books that it opens itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DAY = "2026-01-15"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One call. `path` names what earlier answers brought: `{cycle}`. Without a summary it is told, but no example."""

    by: str
    method: str
    path: str
    summary: str = ""
    # The variables of the schema's path, and what they are here: `{cycle}` as above.
    at: Mapping[str, str] | None = None
    query: Mapping[str, str] | None = None
    body: Any = None
    media_type: str = "application/json"
    # Under this name the answer's id is known from here on.
    known_as: str = ""


def _time(clock: str, day: str = DAY) -> str:
    return f"{day}T{clock}Z"


def _get(path: str, summary: str, *, by: str = "auditor", query: Mapping[str, str] | None = None, **at: str) -> Step:
    return Step(by=by, method="GET", path=path, summary=summary, at=at, query=query)


def _post(path: str, summary: str, body: Any = None, *, by: str, known_as: str = "", **at: str) -> Step:
    return Step(by=by, method="POST", path=path, summary=summary, at=at, body=body, known_as=known_as)


def _contract(symbol: str, fund: str, **more: Any) -> dict[str, Any]:
    return {"symbol": symbol, "kind": "linear", "margin_currency": "USDT", "multiplier": "1", "fund": fund, **more}


def _takeover(reference: str, contract: str, **more: Any) -> dict[str, Any]:
    document = {"reference": reference, "contract": contract, "trader": "ann", "side": "long", "quantity": "0.5"}
    priced = {"bankruptcy_price": "61200", "margin": "350", "taken_over_at": _time("08:30:00")}
    # What is told as None is left out.
    return {name: value for name, value in {**document, **priced, **more}.items() if value is not None}


def _fill(reference: str, price: str, quantity: str = "0.5", **more: Any) -> dict[str, Any]:
    filled = {"reference": reference, "price": price, "quantity": quantity, "fee": "6.14"}
    return {**filled, "filled_at": _time("08:30:02"), **more}


def _entry(reference: str, amount: str) -> dict[str, Any]:
    lines = [{"account": "custody:USDT", "debit": amount}, {"account": "trader:bob:USDT", "credit": amount}]
    return {"reference": reference, "kind": "deposit", "effective_at": _time("08:00:00"), "lines": lines}


ADL = {"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"}
OPEN = {
    "position": "pos-9",
    "trader": "sue",
    "contract": "SOL-PERP",
    "side": "short",
    "quantity": "40",
    "entry_price": "180",
    "mark_price": "150",
}
BOOKS = [
    _post("/currencies/", "A currency of six decimals", {"code": "USDT", "decimals": 6}, by="bookkeeper"),
    _get("/currencies/", "All currencies"),
    _post(
        "/funds/",
        "A fund by the preset of shared losses",
        {"code": "usdt", "currency": "USDT", "rulebook": {"preset": "shared_loss"}},
        by="tess",
    ),
    _post(
        "/funds/",
        "A fund that takes positions over, in a smaller share than the preset's",
        {
            "code": "holder",
            "currency": "USDT",
            "rulebook": {"preset": "inventory_takeover", "inventory": {"max_notional_share": "0.5"}},
        },
        by="tess",
    ),
    _post(
        "/funds/",
        "",
        {"code": "adl", "currency": "USDT", "rulebook": {"preset": "full_cover", "adl": ADL}},
        by="tess",
    ),
    _post(
        "/funds/{code}/contributions/",
        "Money of the treasury",
        {"reference": "capital-1", "amount": "100000", "effective_at": _time("00:00:00")},
        by="tess",
        code="usdt",
    ),
    _post("/funds/{code}/contributions/", "", {"reference": "capital-2", "amount": "90000"}, by="tess", code="holder"),
    _get("/funds/{code}/contributions/", "What the treasury has put in", code="usdt"),
    _post(
        "/funds/{code}/withdrawals/",
        "Money for the treasury, asked for",
        {"reference": "back-1", "amount": "2500"},
        by="tess",
        code="usdt",
    ),
    _post("/funds/{code}/withdrawals/", "", {"reference": "back-2", "amount": "9"}, by="tess", code="usdt"),
    _post(
        "/funds/{code}/withdrawals/{reference}/approve/",
        "By another person",
        by="theo",
        code="usdt",
        reference="back-1",
    ),
    _post("/funds/{code}/withdrawals/{reference}/reject/", "Rejected", by="theo", code="usdt", reference="back-2"),
    _get("/funds/{code}/withdrawals/", "Those that are paid", query={"status": "done"}, code="usdt"),
    _get("/funds/{code}/withdrawals/{reference}/", "One withdrawal", code="usdt", reference="back-1"),
    _post(
        "/funds/{code}/rulebooks/",
        "The next version: nobody bears more than half of its profit",
        {
            "reference": "rules-2",
            "preset": "shared_loss",
            "allocation_cap": "0.5",
            "effective_from": "2027-01-01T00:00:00Z",
        },
        by="tess",
        code="usdt",
    ),
    _get("/funds/{code}/rulebooks/", "Every version, every field", code="usdt"),
    _post("/contracts/", "A linear contract of the fund", _contract("BTC-PERP", "usdt"), by="engine"),
    _post(
        "/contracts/",
        "One of whose bankruptcy prices the fee of the close, 0.05 %, is a part",
        _contract("ETH-PERP", "holder", tick="0.01", close_fee_rate="0.0005"),
        by="engine",
    ),
    _post("/contracts/", "", _contract("SOL-PERP", "adl"), by="engine"),
    _get("/contracts/", "Contracts of one fund", query={"fund": "usdt"}),
    _post(
        "/funds/{code}/cycles/",
        "A cycle of a day",
        {"starts_at": _time("00:00:00"), "ends_at": "2026-01-16T00:00:00Z"},
        by="bookkeeper",
        known_as="cycle",
        code="usdt",
    ),
    _post("/entries/", "A deposit", _entry("deposit-1", "1250.5"), by="bookkeeper", known_as="entry"),
    _post(
        "/entries/",
        "A batch, each item for itself",
        {"items": [_entry("deposit-2", "10"), _entry("deposit-1", "7")], "atomic": False},
        by="bookkeeper",
    ),
    _get("/entries/", "Entries on an account", query={"account": "trader:bob:USDT", "limit": "1"}),
    _get("/entries/{entry_id}/", "One entry", entry_id="{entry}"),
    _post(
        "/entries/{entry_id}/reverse/",
        "Its mirror",
        {"reference": "undo-1", "effective_at": _time("08:05:00"), "description": "paid to the wrong trader"},
        by="bookkeeper",
        entry_id="{entry}",
    ),
]
LIQUIDATIONS = [
    _post("/takeovers/", "A long, taken over at its bankruptcy price", _takeover("liq-1", "BTC-PERP"), by="engine"),
    _post(
        "/takeovers/",
        "A batch, all or none",
        {"items": [_takeover("liq-2", "BTC-PERP"), _takeover("liq-3", "BTC-PERP", side="short")]},
        by="engine",
    ),
    _post(
        "/takeovers/{reference}/fills/",
        "Closed better than bankruptcy",
        _fill("fill-1", "61350"),
        by="engine",
        reference="liq-1",
    ),
    _post("/fills/", "Closed worse; the takeover is named", _fill("fill-2", "59200", takeover="liq-2"), by="engine"),
    _post(
        "/fills/",
        "A batch over several takeovers",
        {"items": [_fill("fill-3", "61000", takeover="liq-3")], "atomic": False},
        by="engine",
    ),
    _post("/takeovers/{reference}/close/", "Closed already: as it was", by="engine", reference="liq-1"),
    _get("/takeovers/", "The closed ones, the newest first", query={"status": "closed", "limit": "1"}),
    _get("/takeovers/{reference}/", "One takeover", reference="liq-1"),
    _get("/takeovers/{reference}/fills/", "Its fills", reference="liq-1"),
    _get("/takeovers/{reference}/receipt/", "Who bears its loss", reference="liq-2"),
    Step(
        by="engine",
        method="PUT",
        path="/funds/{code}/positions/",
        summary="All that is open",
        at={"code": "adl"},
        body={"items": [OPEN]},
    ),
    _get("/funds/{code}/positions/", "What is open", code="adl"),
    _get("/traders/{trader}/adl/", "How near its positions are to ADL", trader="sue"),
    _post(
        "/takeovers/",
        "",
        _takeover("liq-4", "SOL-PERP", quantity="30", bankruptcy_price="150", margin="0"),
        by="engine",
    ),
    _post(
        "/takeovers/{reference}/unfilled/",
        "ADL is next: the queue",
        {"reported_at": _time("08:31:00"), "mark_price": "150"},
        by="engine",
        reference="liq-4",
    ),
    _post(
        "/takeovers/{reference}/adl/",
        "A counterparty that was closed",
        {
            "reference": "adl-1",
            "fills": [{"trader": "sue", "quantity": "10", "entry_price": "180", "position": "pos-9"}],
            "occurred_at": _time("08:31:05"),
            "mark_price": "150",
        },
        by="engine",
        reference="liq-4",
    ),
    _get("/takeovers/{reference}/adl/", "ADL events of a takeover", reference="liq-4"),
    _post(
        "/takeovers/{reference}/fills/",
        "",
        _fill("fill-4", "149", "20", fee="0"),
        by="engine",
        reference="liq-4",
    ),
    _post(
        "/funds/{code}/absorptions/",
        "The house bears what nobody else does",
        {"reference": "house-1", "amount": "15"},
        by="tess",
        code="adl",
    ),
    _post(
        "/takeovers/",
        "Its bankruptcy price is worked out: (3 · 3,100 − 304.5) / (3 · 0.9995)",
        _takeover("liq-5", "ETH-PERP", quantity="3", bankruptcy_price=None, entry_price="3100", margin="304.5"),
        by="engine",
    ),
    _post(
        "/takeovers/{reference}/unfilled/",
        "The fund takes it over",
        {"reported_at": _time("08:32:00")},
        by="engine",
        reference="liq-5",
    ),
    _post(
        "/funds/{code}/inventory/marks/",
        "A mark price",
        {"contract": "ETH-PERP", "price": "2990", "marked_at": _time("08:33:00")},
        by="engine",
        code="holder",
    ),
    _get("/funds/{code}/inventory/", "What the fund holds", code="holder"),
    _post(
        "/funds/{code}/inventory/disposals/",
        "Sold in the market",
        {
            "reference": "sale-1",
            "contract": "ETH-PERP",
            "price": "3010",
            "quantity": "1",
            "fee": "1.5",
            "disposed_at": _time("08:40:00"),
        },
        by="engine",
        code="holder",
    ),
    _get("/funds/{code}/inventory/disposals/", "What was sold", code="holder"),
]
_PROFITS = [
    {"position": "pos-1", "trader": "bob", "contract": "BTC-PERP", "profit": "3000"},
    {"position": "pos-2", "trader": "sue", "contract": "BTC-PERP", "profit": "900.25"},
    {"position": "pos-3", "trader": "tom", "contract": "BTC-PERP", "profit": "-40"},
]
SETTLEMENT = [
    _get("/public/estimated-allocation/", "What the cycle would cost so far", by="", query={"fund": "usdt"}),
    Step(
        by="engine",
        method="POST",
        path="/cycles/{cycle_id}/positions/",
        at={"cycle_id": "{cycle}"},
        body=[{**_PROFITS[0], "profit": "1"}],
    ),
    _post("/cycles/{cycle_id}/positions/discard/", "A wrong upload", by="engine", cycle_id="{cycle}"),
    Step(
        by="engine",
        method="POST",
        path="/cycles/{cycle_id}/positions/",
        summary="JSON",
        at={"cycle_id": "{cycle}"},
        body={"items": _PROFITS[:1]},
    ),
    Step(
        by="engine",
        method="POST",
        path="/cycles/{cycle_id}/positions/",
        summary="NDJSON",
        at={"cycle_id": "{cycle}"},
        body='{"position":"pos-2","trader":"sue","contract":"BTC-PERP","profit":"900.25"}\n',
        media_type="application/x-ndjson",
    ),
    Step(
        by="engine",
        method="POST",
        path="/cycles/{cycle_id}/positions/",
        summary="CSV",
        at={"cycle_id": "{cycle}"},
        body="position,trader,contract,profit\npos-3,tom,BTC-PERP,-40\n",
        media_type="text/csv",
    ),
    _get("/cycles/{cycle_id}/positions/", "What is held", cycle_id="{cycle}"),
    _post(
        "/cycles/{cycle_id}/positions/complete/",
        "As many, with this total",
        {"count": 3, "total": "3860.25"},
        by="engine",
        cycle_id="{cycle}",
    ),
    _get("/cycles/{cycle_id}/preview/", "By its own rulebook", cycle_id="{cycle}"),
    _get("/cycles/{cycle_id}/preview/", "By a preset", query={"rulebook": "full_cover"}, cycle_id="{cycle}"),
    _post("/cycles/{cycle_id}/settle/", "Settled", by="bookkeeper", cycle_id="{cycle}"),
    _get("/cycles/{cycle_id}/", "A settled cycle", cycle_id="{cycle}"),
    _get("/cycles/{cycle_id}/allocations/", "Who bears what", cycle_id="{cycle}"),
    _get("/funds/{code}/cycles/", "The settled ones", query={"status": "settled"}, code="usdt"),
    _get("/traders/{trader}/allocations/{cycle_id}/", "Why bob bears it", trader="bob", cycle_id="{cycle}"),
    _get("/traders/{trader}/statement/", "Allocations of bob", query={"type": "ALLOCATION"}, trader="bob"),
]
BOOKS_AFTERWARDS = [
    _get("/funds/", "All funds", query={"code": "usdt"}),
    _get("/funds/{code}/", "One fund", code="usdt"),
    _get("/accounts/", "The engine's accounts", query={"kind": "engine"}),
    _get("/accounts/{code}/", "A fund's account", code="fund:usdt"),
    _get("/accounts/{code}/balance/", "At a moment", query={"at": _time("08:30:01")}, code="fund:usdt"),
    _get("/accounts/{code}/statement/", "Its first line", query={"limit": "1"}, code="trader:bob:USDT"),
    _get("/trial-balance/", "Of a moment", query={"currency": "USDT", "at": _time("08:30:00")}),
    _get("/events/", "The first two", query={"limit": "2"}),
]
PUBLIC = [
    _get("/public/insurance-fund/", "One fund", by="", query={"fund": "usdt"}),
    _get("/public/insurance-fund/history/", "As it was", by="", query={"fund": "usdt"}),
    _get("/public/settlements/", "Of one fund", by="", query={"fund": "usdt"}),
    _get("/public/binance/fapi/v1/insuranceBalance", "As Binance publishes it", by="", query={"fund": "usdt"}),
    _get("/public/bitmex/api/v1/insurance", "As BitMEX publishes it", by="", query={"fund": "usdt"}),
    _get("/public/bybit/v5/market/insurance", "As Bybit publishes it", by="", query={"fund": "usdt"}),
    _get(
        "/public/deribit/api/v2/public/get_last_settlements_by_currency",
        "As Deribit publishes it",
        by="",
        query={"fund": "usdt"},
    ),
    _get(
        "/public/deribit/api/v2/public/get_last_settlements_by_instrument",
        "As Deribit publishes it, by contract",
        by="",
        query={"instrument_name": "BTC-PERP"},
    ),
    _get("/public/okx/api/v5/public/insurance-fund", "As OKX publishes it", by="", query={"fund": "usdt"}),
]
_WEBHOOK = "/webhooks/{webhook_id}/"
WEBHOOKS = [
    _post(
        "/webhooks/",
        "What the fund pays and gets, signed with a secret that is shown once",
        {
            "name": "risk desk",
            "url": "https://93.184.216.34/bulwark",
            "fund": "usdt",
            "kinds": ["fund.payout", "fund.injection"],
        },
        by="tess",
        known_as="webhook",
    ),
    _get("/webhooks/", "All webhooks"),
    _get(_WEBHOOK, "One webhook", webhook_id="{webhook}"),
    Step(
        by="tess",
        method="PATCH",
        path=_WEBHOOK,
        summary="Other kinds",
        at={"webhook_id": "{webhook}"},
        body={"kinds": ["cycle.settled"]},
    ),
    _post(f"{_WEBHOOK}rotate/", "Another secret", {}, by="tess", webhook_id="{webhook}"),
    _post(f"{_WEBHOOK}replay/", "Dead letters again", {}, by="tess", webhook_id="{webhook}"),
    Step(by="tess", method="DELETE", path=_WEBHOOK, summary="Removed", at={"webhook_id": "{webhook}"}),
]
STORY = [*BOOKS, *LIQUIDATIONS, *SETTLEMENT, *BOOKS_AFTERWARDS, *PUBLIC, *WEBHOOKS]
