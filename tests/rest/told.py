"""The story that the API's examples are told in: every operation once, on books that it opens itself."""

from typing import Any

from tests.rest.steps import Step, get, post, time
from tests.rest.told_liquidations import LIQUIDATIONS


def _contract(symbol: str, fund: str, **more: Any) -> dict[str, Any]:
    return {"symbol": symbol, "kind": "linear", "margin_currency": "USDT", "multiplier": "1", "fund": fund, **more}


def _entry(reference: str, amount: str) -> dict[str, Any]:
    lines = [{"account": "custody:USDT", "debit": amount}, {"account": "trader:bob:USDT", "credit": amount}]
    return {"reference": reference, "kind": "deposit", "effective_at": time("08:00:00"), "lines": lines}


ADL = {"trigger": "unfilled", "queue": "profit_amount", "price": "bankruptcy"}
BOOKS = [
    post("/currencies/", "A currency of six decimals", {"code": "USDT", "decimals": 6}, by="bookkeeper"),
    get("/currencies/", "All currencies"),
    post(
        "/funds/",
        "A fund by the preset of shared losses",
        {"code": "usdt", "currency": "USDT", "rulebook": {"preset": "shared_loss"}},
        by="tess",
    ),
    post(
        "/funds/",
        "A fund that takes positions over, in a smaller share than the preset's",
        {
            "code": "holder",
            "currency": "USDT",
            "rulebook": {"preset": "inventory_takeover", "inventory": {"max_notional_share": "0.5"}},
        },
        by="tess",
    ),
    post(
        "/funds/",
        "",
        {"code": "adl", "currency": "USDT", "rulebook": {"preset": "full_cover", "adl": ADL}},
        by="tess",
    ),
    post(
        "/funds/{code}/contributions/",
        "Money of the treasury",
        {"reference": "capital-1", "amount": "100000", "effective_at": time("00:00:00")},
        by="tess",
        code="usdt",
    ),
    post("/funds/{code}/contributions/", "", {"reference": "capital-2", "amount": "90000"}, by="tess", code="holder"),
    get("/funds/{code}/contributions/", "What the treasury has put in", code="usdt"),
    post(
        "/funds/{code}/withdrawals/",
        "Money for the treasury, asked for",
        {"reference": "back-1", "amount": "2500"},
        by="tess",
        code="usdt",
    ),
    post("/funds/{code}/withdrawals/", "", {"reference": "back-2", "amount": "9"}, by="tess", code="usdt"),
    post(
        "/funds/{code}/withdrawals/{reference}/approve/",
        "By another person",
        by="theo",
        code="usdt",
        reference="back-1",
    ),
    post("/funds/{code}/withdrawals/{reference}/reject/", "Rejected", by="theo", code="usdt", reference="back-2"),
    get("/funds/{code}/withdrawals/", "Those that are paid", query={"status": "done"}, code="usdt"),
    get("/funds/{code}/withdrawals/{reference}/", "One withdrawal", code="usdt", reference="back-1"),
    post(
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
    get("/funds/{code}/rulebooks/", "Every version, every field", code="usdt"),
    post("/contracts/", "A linear contract of the fund", _contract("BTC-PERP", "usdt"), by="engine"),
    post(
        "/contracts/",
        "One of whose bankruptcy prices the fee of the close, 0.05 %, is a part",
        _contract("ETH-PERP", "holder", tick="0.01", close_fee_rate="0.0005"),
        by="engine",
    ),
    post("/contracts/", "", _contract("SOL-PERP", "adl"), by="engine"),
    get("/contracts/", "Contracts of one fund", query={"fund": "usdt"}),
    post(
        "/funds/{code}/cycles/",
        "A cycle of a day",
        {"starts_at": time("00:00:00"), "ends_at": "2026-01-16T00:00:00Z"},
        by="bookkeeper",
        known_as="cycle",
        code="usdt",
    ),
    post("/entries/", "A deposit", _entry("deposit-1", "1250.5"), by="bookkeeper", known_as="entry"),
    post(
        "/entries/",
        "A batch, each item for itself",
        {"items": [_entry("deposit-2", "10"), _entry("deposit-1", "7")], "atomic": False},
        by="bookkeeper",
    ),
    get("/entries/", "Entries on an account", query={"account": "trader:bob:USDT", "limit": "1"}),
    get("/entries/{entry_id}/", "One entry", entry_id="{entry}"),
    post(
        "/entries/{entry_id}/reverse/",
        "Its mirror",
        {"reference": "undo-1", "effective_at": time("08:05:00"), "description": "paid to the wrong trader"},
        by="bookkeeper",
        entry_id="{entry}",
    ),
]
_PROFITS = [
    {"position": "pos-1", "trader": "bob", "contract": "BTC-PERP", "profit": "3000"},
    {"position": "pos-2", "trader": "sue", "contract": "BTC-PERP", "profit": "900.25"},
    {"position": "pos-3", "trader": "tom", "contract": "BTC-PERP", "profit": "-40"},
]
SETTLEMENT = [
    get("/public/estimated-allocation/", "What the cycle would cost so far", by="", query={"fund": "usdt"}),
    Step(
        by="engine",
        method="POST",
        path="/cycles/{cycle_id}/positions/",
        at={"cycle_id": "{cycle}"},
        body=[{**_PROFITS[0], "profit": "1"}],
    ),
    post("/cycles/{cycle_id}/positions/discard/", "A wrong upload", by="engine", cycle_id="{cycle}"),
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
    get("/cycles/{cycle_id}/positions/", "What is held", cycle_id="{cycle}"),
    post(
        "/cycles/{cycle_id}/positions/complete/",
        "As many, with this total",
        {"count": 3, "total": "3860.25"},
        by="engine",
        cycle_id="{cycle}",
    ),
    get("/cycles/{cycle_id}/preview/", "By its own rulebook", cycle_id="{cycle}"),
    get("/cycles/{cycle_id}/preview/", "By a preset", query={"rulebook": "full_cover"}, cycle_id="{cycle}"),
    post("/cycles/{cycle_id}/settle/", "Settled", by="bookkeeper", cycle_id="{cycle}"),
    get("/cycles/{cycle_id}/", "A settled cycle", cycle_id="{cycle}"),
    get("/cycles/{cycle_id}/allocations/", "Who bears what", cycle_id="{cycle}"),
    get("/funds/{code}/cycles/", "The settled ones", query={"status": "settled"}, code="usdt"),
    get("/traders/{trader}/allocations/{cycle_id}/", "Why bob bears it", trader="bob", cycle_id="{cycle}"),
    get("/traders/{trader}/statement/", "Allocations of bob", query={"type": "ALLOCATION"}, trader="bob"),
]
BOOKS_AFTERWARDS = [
    get("/funds/", "All funds", query={"code": "usdt"}),
    get("/funds/{code}/", "One fund", code="usdt"),
    get("/accounts/", "The engine's accounts", query={"kind": "engine"}),
    get("/accounts/{code}/", "A fund's account", code="fund:usdt"),
    get("/accounts/{code}/balance/", "At a moment", query={"at": time("08:30:01")}, code="fund:usdt"),
    get("/accounts/{code}/statement/", "Its first line", query={"limit": "1"}, code="trader:bob:USDT"),
    get("/trial-balance/", "Of a moment", query={"currency": "USDT", "at": time("08:30:00")}),
    get("/events/", "The first two", query={"limit": "2"}),
]
PUBLIC = [
    get("/public/insurance-fund/", "One fund", by="", query={"fund": "usdt"}),
    get("/public/insurance-fund/history/", "As it was", by="", query={"fund": "usdt"}),
    get("/public/settlements/", "Of one fund", by="", query={"fund": "usdt"}),
    get("/public/binance/fapi/v1/insuranceBalance", "As Binance publishes it", by="", query={"fund": "usdt"}),
    get("/public/bitmex/api/v1/insurance", "As BitMEX publishes it", by="", query={"fund": "usdt"}),
    get("/public/bybit/v5/market/insurance", "As Bybit publishes it", by="", query={"fund": "usdt"}),
    get(
        "/public/deribit/api/v2/public/get_last_settlements_by_currency",
        "As Deribit publishes it",
        by="",
        query={"fund": "usdt"},
    ),
    get(
        "/public/deribit/api/v2/public/get_last_settlements_by_instrument",
        "As Deribit publishes it, by contract",
        by="",
        query={"instrument_name": "BTC-PERP"},
    ),
    get("/public/okx/api/v5/public/insurance-fund", "As OKX publishes it", by="", query={"fund": "usdt"}),
]
_WEBHOOK = "/webhooks/{webhook_id}/"
WEBHOOKS = [
    post(
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
    get("/webhooks/", "All webhooks"),
    get(_WEBHOOK, "One webhook", webhook_id="{webhook}"),
    Step(
        by="tess",
        method="PATCH",
        path=_WEBHOOK,
        summary="Other kinds",
        at={"webhook_id": "{webhook}"},
        body={"kinds": ["cycle.settled"]},
    ),
    post(f"{_WEBHOOK}rotate/", "Another secret", {}, by="tess", webhook_id="{webhook}"),
    post(f"{_WEBHOOK}replay/", "Dead letters again", {}, by="tess", webhook_id="{webhook}"),
    Step(by="tess", method="DELETE", path=_WEBHOOK, summary="Removed", at={"webhook_id": "{webhook}"}),
]
STORY = [*BOOKS, *LIQUIDATIONS, *SETTLEMENT, *BOOKS_AFTERWARDS, *PUBLIC, *WEBHOOKS]
