"""A day at a venue as the requests of its engine: told once and in order, or as a bad network tells it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from ledger.rest.models import Role

START = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 24 * 3600
# Enough that no fund runs dry: who comes when it has nothing left depends on who came before, and is no fault.
CAPITAL = "50000000"
SECOND_TREASURER = "second treasurer"
POSITIONS, ROWS_OF_A_PART = 3_000, 500
CONTRACTS = {
    "BTC-PERP": ("linear", "0.001", "usdt", Decimal(60_000)),
    "ETH-PERP": ("linear", "0.01", "usdt", Decimal(3_000)),
    "SOL-PERP": ("linear", "1", "small", Decimal(150)),
}


@dataclass(frozen=True)
class Request:
    """One request, `by` whose key. `unless`: refusals that say that it comes too early, and is to be sent later."""

    by: str
    path: str
    body: bytes
    media_type: str = "application/json"
    key: str = ""
    unless: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Group:
    """Requests that belong together, in the order in which they happened."""

    requests: Sequence[Request]


@dataclass
class Day:
    """`opening` in its order, then `groups` in any order among each other, then what ends the day."""

    opening: list[Group] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    completion: Group = field(default_factory=lambda: Group([]))
    settlement: Group = field(default_factory=lambda: Group([]))


def day_of(takeovers: int, *, seed: int) -> Day:
    """A day with so many takeovers, always the same one for a seed. Its cycle is the first: number 1 of `usdt`."""
    random = Random(seed)
    day = Day(opening=_opening())
    day.groups += [_takeover(f"t{number}", random) for number in range(takeovers * 3 // 4)]
    day.groups += [_deleveraged(f"a{number}", random) for number in range(max(1, takeovers // 20))]
    day.groups += [_cascade(f"c{number}", 20, random) for number in range(max(1, takeovers // 100))]
    day.groups += [_transfers(number, random) for number in range(max(2, takeovers // 30))]
    day.groups += [_deposit(number, random) for number in range(max(2, takeovers // 15))]
    parts, count, total = _positions(random)
    day.groups += parts
    completed = {"count": count, "total": str(total)}
    day.completion = Group([_post(Role.ENGINE, "/cycles/1/positions/complete/", completed)])
    day.settlement = Group([_post(Role.BOOKKEEPER, "/cycles/1/settle/", {})])
    return day


def _opening() -> list[Group]:
    funds = {"usdt": {"preset": "shared_loss"}, "small": {"preset": "full_cover", "adl": {"trigger": "unfilled"}}}
    opened = [
        _post(Role.TREASURY, "/funds/", {"code": code, "currency": "USDT", "rulebook": rulebook}, key=f"fund-{code}")
        for code, rulebook in funds.items()
    ]
    money = [
        _post(Role.TREASURY, f"/funds/{code}/contributions/", _moved(f"capital-{code}", CAPITAL, 0)) for code in funds
    ]
    contracts = [
        _post(
            Role.ENGINE,
            "/contracts/",
            {"symbol": symbol, "kind": kind, "margin_currency": "USDT", "multiplier": multiplier, "fund": fund},
            key=f"contract-{symbol}",
        )
        for symbol, (kind, multiplier, fund, _) in CONTRACTS.items()
    ]
    cycle = {"number": 1, "starts_at": _time(0), "ends_at": _time(SECONDS)}
    currency = _post(Role.BOOKKEEPER, "/currencies/", {"code": "USDT", "decimals": 6}, key="currency")
    return [
        Group([currency]),
        Group(opened),
        Group([*money, *contracts]),
        Group([_post(Role.BOOKKEEPER, "/funds/usdt/cycles/", cycle, key="cycle")]),
    ]


def _takeover(reference: str, random: Random) -> Group:
    """A takeover that one to four fills close; some are told again that they are closed."""
    document, parts = _position(reference, random), random.randint(1, 4)
    requests = [_post(Role.ENGINE, "/takeovers/", document)]
    requests += [
        _post(Role.ENGINE, f"/takeovers/{reference}/fills/", fill, unless={"takeover_unknown"})
        for fill in _fills(document, parts, random)
    ]
    if random.random() < 0.3:
        early = {"takeover_unknown", "takeover_not_filled"}
        requests.append(_post(Role.ENGINE, f"/takeovers/{reference}/close/", {}, unless=early))
    return Group(requests)


def _cascade(name: str, size: int, random: Random) -> Group:
    """Takeovers in one batch, all or none, and their fills in another, each for itself."""
    documents = [_position(f"{name}-{number}", random) for number in range(size)]
    fills = [
        {**fill, "takeover": document["reference"]} for document in documents for fill in _fills(document, 2, random)
    ]
    return Group(
        [
            _post(Role.ENGINE, "/takeovers/", {"items": documents}),
            _post(Role.ENGINE, "/fills/", {"items": fills, "atomic": True}, unless={"takeover_unknown"}),
        ]
    )


def _deleveraged(reference: str, random: Random) -> Group:
    """A takeover that is filled in part, the rest closed against two counterparties."""
    document = _position(reference, random, contract="SOL-PERP", quantity=30)
    first = {**_fills(document, 1, random)[0], "quantity": "10"}
    fills = [
        {"trader": f"rich{random.randrange(9)}", "quantity": quantity, "entry_price": "140"} for quantity in ("15", "5")
    ]
    event = {"reference": f"adl-{reference}", "fills": fills, "occurred_at": document["taken_over_at"]}
    return Group(
        [
            _post(Role.ENGINE, "/takeovers/", document),
            _post(Role.ENGINE, f"/takeovers/{reference}/fills/", first, unless={"takeover_unknown"}),
            _post(Role.ENGINE, f"/takeovers/{reference}/adl/", event, unless={"takeover_unknown"}),
        ]
    )


def _transfers(number: int, random: Random) -> Group:
    """Money into a fund, and less out of it, which a second treasurer approves."""
    fund, second = random.choice(["usdt", "small"]), random.randrange(SECONDS)
    asked = {"reference": f"out-{number}", "amount": f"{random.randrange(1, 100)}.5"}
    return Group(
        [
            _post(Role.TREASURY, f"/funds/{fund}/contributions/", _moved(f"in-{number}", "100.25", second)),
            _post(Role.TREASURY, f"/funds/{fund}/withdrawals/", asked),
            _post(
                SECOND_TREASURER,
                f"/funds/{fund}/withdrawals/out-{number}/approve/",
                {},
                unless={"withdrawal_unknown"},
            ),
        ]
    )


def _deposit(number: int, random: Random) -> Group:
    amount = f"{random.randrange(1, 10**6)}.{random.randrange(10**6):06}"
    lines = [
        {"account": "custody:USDT", "debit": amount},
        {"account": f"trader:user{random.randrange(40)}:USDT", "credit": amount},
    ]
    document = {"reference": f"deposit-{number}", "kind": "deposit", "effective_at": _time(number), "lines": lines}
    return Group([_post(Role.BOOKKEEPER, "/entries/", document)])


def _positions(random: Random) -> tuple[list[Group], int, Decimal]:
    """The cycle's profits in parts of each format, their number and total."""
    rows = [
        (f"p{number}", f"user{random.randrange(400)}", Decimal(random.randrange(-(10**9), 10**10)).scaleb(-6))
        for number in range(POSITIONS)
    ]
    groups = []
    for place, start in enumerate(range(0, POSITIONS, ROWS_OF_A_PART)):
        part = rows[start : start + ROWS_OF_A_PART]
        objects = [{"position": name, "trader": trader, "profit": str(profit)} for name, trader, profit in part]
        body, media_type = (
            (json.dumps(objects), "application/json"),
            ("".join(f"{json.dumps(row)}\n" for row in objects), "application/x-ndjson"),
            ("position,trader,profit\n" + "".join(f"{n},{t},{p}\n" for n, t, p in part), "text/csv"),
        )[place % 3]
        groups.append(Group([Request(Role.ENGINE, "/cycles/1/positions/", body.encode(), media_type)]))
    return groups, len(rows), sum((profit for _, _, profit in rows), Decimal(0))


def _position(reference: str, random: Random, *, contract: str = "", quantity: int = 0) -> dict[str, Any]:
    symbol = contract or random.choice(["BTC-PERP", "ETH-PERP"])
    price = CONTRACTS[symbol][3] * (1000 + random.randrange(-20, 20)) / 1000
    return {
        "reference": reference,
        "contract": symbol,
        "trader": f"user{random.randrange(40)}",
        "side": random.choice(["long", "short"]),
        "quantity": str(quantity or random.randrange(10, 4000)),
        "bankruptcy_price": f"{price:f}",
        "margin": f"{random.randrange(10**9) / 10**6:.6f}",
        "taken_over_at": _time(random.randrange(SECONDS - 60)),
    }


def _fills(document: dict[str, Any], parts: int, random: Random) -> list[dict[str, Any]]:
    """The quantity in so many parts, at prices around the bankruptcy price."""
    quantity, reference = int(document["quantity"]), document["reference"]
    cuts = sorted(random.sample(range(1, quantity), parts - 1))
    begun = datetime.fromisoformat(document["taken_over_at"])
    return [
        {
            "reference": f"{reference}-f{number}",
            "price": f"{Decimal(document['bankruptcy_price']) * (1000 + random.randrange(-9, 9)) / 1000:f}",
            "quantity": str(until - since),
            "fee": f"{random.randrange(10**7) / 10**6:.6f}",
            "filled_at": (begun + timedelta(seconds=number + 1)).isoformat(),
        }
        for number, (since, until) in enumerate(zip([0, *cuts], [*cuts, quantity], strict=True))
    ]


def _moved(reference: str, amount: str, second: int) -> dict[str, Any]:
    return {"reference": reference, "amount": amount, "effective_at": _time(second)}


def _post(by: str, path: str, document: Any, *, key: str = "", unless: set[str] | None = None) -> Request:
    return Request(by, path, json.dumps(document).encode(), key=key, unless=frozenset(unless or ()))


def _time(second: int) -> str:
    return (START + timedelta(seconds=second)).isoformat()
