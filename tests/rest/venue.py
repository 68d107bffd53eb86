"""A venue with something in every list of the API: settled and running cycles, takeovers in every state."""

from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from rest_framework.test import APIClient

from fund import snapshots
from fund.models import Cycle
from ledger.events import delivering
from ledger.models import Entry
from ledger.rest.models import Role
from tests.builders import moment, open_accounts
from tests.fund.builders import HOUR, contribute, open_cycle, open_fund
from tests.rest.api import client, post
from tests.rest.takeovers import contract, fill, takeover
from tests.rest.test_entries import deposit

# What stands in the braces of a path, for things that the venue has.
ADDRESSES = {
    "code": "usdt",
    "reference": "t-filled",
    "trader": "ann",
}


@dataclass(frozen=True, slots=True)
class Venue:
    """Where its lists are: each has at least as many rows as the venue was opened with."""

    cycle_id: int
    entry_id: int

    def address(self, path: str, **others: str) -> str:
        """The schema's path with the names of things that are there; `others` go before."""
        names: dict[str, Any] = {**ADDRESSES, "cycle_id": self.cycle_id, "entry_id": self.entry_id}
        if path.startswith("/api/v1/accounts/"):
            names["code"] = "trader:ann:USDT"
        elif "/inventory/" in path:
            names["code"] = "held"
        elif path.endswith("/adl/"):
            names["reference"] = "t-adl"
        elif "/withdrawals/{reference}/" in path:
            names["reference"] = "w0"
        return path.format_map({**names, **others})


def open_venue(rows: int) -> Venue:
    """Open it through the API, with this many of everything that comes in numbers."""
    cache.clear()
    engine, bookkeeper = client(Role.ENGINE), client(Role.BOOKKEEPER)
    open_fund("shared_loss", contribution="100000")
    open_fund("inventory_takeover", code="held", contribution="100000")
    open_fund("full_cover", code="adl", contribution="100000", adl={"trigger": "unfilled"})
    open_fund("pre_close_compensation", code="early", contribution="100000")
    open_accounts("custody:USDT")
    post(engine, "/contracts/", contract())
    post(engine, "/contracts/", contract("ADL-PERP", margin_currency="ADL", fund="adl"))
    post(engine, "/contracts/", contract("EARLY-PERP", margin_currency="EARLY", fund="early"))
    entries = [*(deposit(f"d{number}") for number in range(rows)), deposit("d-bob", trader="bob")]
    post(bookkeeper, "/entries/", {"items": entries})
    _take_over(engine, bookkeeper, rows)
    _hold(engine, rows)
    _deleverage(engine, rows)
    cycles = [_cycle(engine, bookkeeper, number, rows) for number in range(rows)]
    for number in range(rows, 2 * rows):
        open_cycle(number + 1, hours=(number, number + 1))
    _move_money(rows)
    _have_events_sent(rows)
    for number in range(rows):
        open_fund("full_cover", code=f"more{number}")
        snapshots.take(taken_at=moment(number))
    return Venue(cycle_id=cycles[0].pk, entry_id=Entry.objects.get(reference="d0").pk)


def _take_over(engine: APIClient, bookkeeper: APIClient, rows: int) -> None:
    """Open ones, one with many fills, one of a fund that compensates first, and one that was taken back."""
    items = [takeover(f"t-open{number}") for number in range(rows)]
    early = takeover("t-early", contract="EARLY-PERP")
    post(engine, "/takeovers/", {"items": [*items, takeover("t-filled", quantity="100"), early, takeover("t-back")]})
    post(engine, "/takeovers/", takeover("t-bob", trader="bob"))
    post(engine, "/takeovers/t-bob/fills/", fill("f-bob"))
    fills = [fill(f"f{number}", fee="1") for number in range(rows)]
    post(engine, "/takeovers/t-filled/fills/", {"items": fills})
    entry = Entry.objects.get(reference="takeover:t-back")
    post(bookkeeper, f"/entries/{entry.pk}/reverse/", {"reference": "back"})


def _hold(engine: APIClient, rows: int) -> None:
    """What the fund took into its inventory, and gave out in part."""
    for number in range(rows):
        symbol = f"HELD{number}-PERP"
        post(engine, "/contracts/", contract(symbol, margin_currency="HELD", fund="held"))
        told = takeover(f"t-held{number}", contract=symbol, quantity="2", bankruptcy_price="100", margin="1")
        post(engine, "/takeovers/", told)
        post(engine, f"/takeovers/t-held{number}/unfilled/", {}, status=200)
        post(engine, "/funds/held/inventory/marks/", {"contract": symbol, "price": "101"}, status=200)
        disposal = {"reference": f"s{number}", "contract": symbol, "price": "102", "quantity": "1", "fee": "0.5"}
        post(engine, "/funds/held/inventory/disposals/", disposal)


def _deleverage(engine: APIClient, rows: int) -> None:
    """One takeover that is closed against counterparties one by one, another one that waits."""
    told = ["short", "9", "130", "100"]
    counterparties = [[f"q{number}", f"c{number}", "ADL-PERP", *told] for number in range(rows)]
    traders = [[f"r{number}", "ann", "BTC-PERP", *told] for number in range(rows)]
    for fund, positions in (("adl", counterparties), ("usdt", [*traders, ["r-bob", "bob", "BTC-PERP", *told]])):
        response = engine.put(f"/api/v1/funds/{fund}/positions/", {"items": positions}, format="json")
        assert response.status_code == 200, response.content
    rest = {"contract": "ADL-PERP", "quantity": "500", "bankruptcy_price": "100", "margin": "60"}
    post(engine, "/takeovers/", {"items": [takeover("t-adl", **rest), takeover("t-waiting", **rest)]})
    for number in range(rows):
        fills = [{"trader": f"c{number}", "quantity": "1", "entry_price": "130"}]
        post(engine, "/takeovers/t-adl/adl/", {"reference": f"a{number}", "fills": fills})
    post(engine, "/takeovers/t-waiting/unfilled/", {}, status=200)


def _cycle(engine: APIClient, bookkeeper: APIClient, number: int, rows: int) -> Cycle:
    """A settled one, with a loss that its most profitable positions bear."""
    cycle = open_cycle(number + 1, hours=(number, number + 1))
    at = moment(number * HOUR + 5).isoformat()
    post(engine, "/takeovers/", takeover(f"t-lost{number}", taken_over_at=at))
    loss = {"reference": f"l{number}", "pnl": "-10", "quantity": "1", "filled_at": at}
    post(engine, f"/takeovers/t-lost{number}/fills/", loss)
    traders = ["ann", "bob"]
    profits = [{"position": f"p{place}", "trader": traders[place % 2], "profit": "10"} for place in range(rows)]
    post(engine, f"/cycles/{cycle.pk}/positions/", {"items": profits})
    post(engine, f"/cycles/{cycle.pk}/positions/complete/", {"count": rows, "total": str(10 * rows)}, status=200)
    post(bookkeeper, f"/cycles/{cycle.pk}/settle/", {}, status=200)
    return cycle


def _move_money(rows: int) -> None:
    """Contributions, and withdrawals that were approved, rejected or still wait; versions of the rulebook."""
    treasury, second = client(Role.TREASURY), client(Role.TREASURY)
    for number in range(rows):
        contribute(f"c{number}", "5")
        post(treasury, "/funds/usdt/withdrawals/", {"reference": f"w{number}", "amount": "1"})
        version = {
            "reference": f"v{number}",
            "preset": "shared_loss",
            "effective_from": f"{2100 + number}-01-01T00:00:00Z",
        }
        post(treasury, "/funds/usdt/rulebooks/", version)
    post(second, "/funds/usdt/withdrawals/w0/approve/", {}, status=200)
    post(second, "/funds/usdt/withdrawals/w1/reject/", {}, status=200)


def _have_events_sent(rows: int) -> None:
    """Webhooks with a lane for each fund, and one with two secrets. Their address is public; nothing is sent there."""
    treasury = client(Role.TREASURY)
    made = [
        post(treasury, "/webhooks/", {"name": f"hook{number}", "url": f"https://93.184.216.34/{number}"})
        for number in range(rows)
    ]
    post(treasury, f"/webhooks/{made[0]['id']}/rotate/", {}, status=200)
    contribute("heard", "5")
    delivering.waiting(now=moment())
