"""Who may do what: every path and method of the API, with every role's key and with none."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from ledger.rest.models import Role
from ledger.rest.views import PublicView, ResourceView
from tests.builders import balances
from tests.fund.builders import open_cycle, open_fund
from tests.rest.api import client, every_row, get, post, problem_of, refused_get, refused_post, stranger
from tests.rest.takeovers import contract, fill, takeover
from tests.rest.test_entries import deposit

pytestmark = pytest.mark.django_db

HOUSE = {"engine", "treasury", "bookkeeper", "auditor"}
ALL = HOUSE | {"trader"}
# What each role may, written down a second time: a slip in a view is not found by asking the view.
MAY: dict[str, dict[str, set[str]]] = {
    "currencies/": {"GET": HOUSE, "POST": {"bookkeeper", "treasury"}},
    "contracts/": {"GET": HOUSE, "POST": {"engine", "treasury"}},
    "accounts/": {"GET": ALL},
    "accounts/{code}/": {"GET": ALL},
    "accounts/{code}/statement/": {"GET": ALL},
    "accounts/{code}/balance/": {"GET": ALL},
    "entries/": {"GET": HOUSE, "POST": {"bookkeeper"}},
    "entries/{entry_id}/": {"GET": HOUSE},
    "entries/{entry_id}/reverse/": {"POST": {"bookkeeper"}},
    "trial-balance/": {"GET": HOUSE},
    "events/": {"GET": HOUSE},
    "webhooks/": {"GET": HOUSE, "POST": {"treasury", "bookkeeper"}},
    "webhooks/{webhook_id}/": {
        "GET": HOUSE,
        "PATCH": {"treasury", "bookkeeper"},
        "DELETE": {"treasury", "bookkeeper"},
    },
    "webhooks/{webhook_id}/rotate/": {"POST": {"treasury", "bookkeeper"}},
    "webhooks/{webhook_id}/replay/": {"POST": {"treasury", "bookkeeper"}},
    "funds/": {"GET": HOUSE, "POST": {"treasury"}},
    "funds/{code}/": {"GET": HOUSE},
    "funds/{code}/rulebooks/": {"GET": HOUSE, "POST": {"treasury"}},
    "funds/{code}/contributions/": {"GET": HOUSE, "POST": {"treasury"}},
    "funds/{code}/absorptions/": {"POST": {"treasury"}},
    "funds/{code}/withdrawals/": {"GET": HOUSE, "POST": {"treasury"}},
    "funds/{code}/withdrawals/{reference}/": {"GET": HOUSE},
    "funds/{code}/withdrawals/{reference}/approve/": {"POST": {"treasury"}},
    "funds/{code}/withdrawals/{reference}/reject/": {"POST": {"treasury"}},
    "funds/{code}/positions/": {"GET": HOUSE, "PUT": {"engine"}},
    "funds/{code}/inventory/": {"GET": HOUSE},
    "funds/{code}/inventory/disposals/": {"GET": HOUSE, "POST": {"engine"}},
    "funds/{code}/inventory/marks/": {"POST": {"engine"}},
    "funds/{code}/cycles/": {"GET": HOUSE, "POST": {"bookkeeper", "treasury", "engine"}},
    "cycles/{cycle_id}/": {"GET": HOUSE},
    "cycles/{cycle_id}/positions/": {"GET": HOUSE, "POST": {"engine"}},
    "cycles/{cycle_id}/positions/complete/": {"POST": {"engine", "bookkeeper"}},
    "cycles/{cycle_id}/positions/discard/": {"POST": {"engine", "bookkeeper"}},
    "cycles/{cycle_id}/preview/": {"GET": HOUSE},
    "cycles/{cycle_id}/settle/": {"POST": {"bookkeeper"}},
    "cycles/{cycle_id}/allocations/": {"GET": ALL},
    "takeovers/": {"GET": ALL, "POST": {"engine"}},
    "takeovers/{reference}/": {"GET": ALL},
    "takeovers/{reference}/fills/": {"GET": ALL, "POST": {"engine"}},
    "takeovers/{reference}/close/": {"POST": {"engine"}},
    "takeovers/{reference}/unfilled/": {"POST": {"engine"}},
    "takeovers/{reference}/adl/": {"GET": HOUSE, "POST": {"engine"}},
    "takeovers/{reference}/receipt/": {"GET": ALL},
    "fills/": {"POST": {"engine"}},
    "traders/{trader}/statement/": {"GET": ALL},
    "traders/{trader}/adl/": {"GET": ALL},
    "traders/{trader}/allocations/{cycle_id}/": {"GET": ALL},
}
OPEN_TO_ALL = {
    "public/insurance-fund/",
    "public/insurance-fund/history/",
    "public/settlements/",
    "public/estimated-allocation/",
    "public/binance/fapi/v1/insuranceBalance",
    "public/okx/api/v5/public/insurance-fund",
    "public/bybit/v5/market/insurance",
    "public/bitmex/api/v1/insurance",
    "public/deribit/api/v2/public/get_last_settlements_by_currency",
    "public/deribit/api/v2/public/get_last_settlements_by_instrument",
}


def resources() -> dict[str, type[Any]]:
    """Every resource of the API by its path, as the URLs have it."""
    found: dict[str, type[Any]] = {}

    def walk(patterns: list[Any], before: str) -> Iterator[None]:
        for each in patterns:
            path = before + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from walk(each.url_patterns, path)
            elif isinstance(each, URLPattern) and path.startswith("api/v1/"):
                view = getattr(each.callback, "cls", None)
                if view is not None and issubclass(view, ResourceView | PublicView):
                    found[re.sub(r"<\w+:(\w+)>", r"{\1}", path.removeprefix("api/v1/"))] = view
                yield

    list(walk(get_resolver().url_patterns, ""))
    return found


RESOURCES = resources()
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
CALLS = [
    (path, method)
    for path, view in RESOURCES.items()
    if issubclass(view, ResourceView)
    for method in METHODS
    if hasattr(view, method.lower())
]


def address(path: str) -> str:
    """The path with names of things that do not exist."""
    values = {
        "webhook_id": "987654321",
        "entry_id": "987654321",
        "cycle_id": "987654321",
        "trader": "ann",
        "code": "trader:ann:USDT",
    }
    return "/api/v1/" + re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], "nope"), path)


def test_every_resource_and_method_stands_in_the_table() -> None:
    guarded = {path: view for path, view in RESOURCES.items() if issubclass(view, ResourceView)}

    assert set(guarded) == set(MAY)
    assert {path for path, view in RESOURCES.items() if issubclass(view, PublicView)} == OPEN_TO_ALL
    for path, view in guarded.items():
        methods = {method for method in METHODS if hasattr(view, method.lower())}
        assert methods == set(MAY[path]) == set(view.roles), path


@pytest.mark.parametrize(("path", "method"), CALLS)
def test_call_takes_the_keys_of_its_roles_and_no_other(path: str, method: str) -> None:
    problem_of(stranger().generic(method, address(path)), status=401, code="key_required")
    for role in Role:
        by = client(role, **({"trader": "ann"} if role is Role.TRADER else {}))
        before = balances()

        response = by.generic(method, address(path), "{}", content_type="application/json")

        if role.value in MAY[path][method]:
            assert response.status_code not in (401, 403, 500), (role, response.content)
        else:
            problem_of(response, status=403, code="role_not_allowed")
        assert balances() == before


@pytest.fixture
def venue() -> APIClient:
    """Two funds, each with a takeover; ann was liquidated in one, bob in the other. The client is the engine's."""
    engine = client(Role.ENGINE)
    for code in ("usdt", "btc"):
        open_fund("full_cover", code=code, contribution="1000")
        terms = contract(f"X-{code}", margin_currency=code.upper(), fund=code)
        post(engine, "/contracts/", terms)
    post(engine, "/takeovers/", takeover("t-ann", contract="X-usdt", trader="ann"))
    post(engine, "/takeovers/", takeover("t-bob", contract="X-btc", trader="bob"))
    bookkeeper = client(Role.BOOKKEEPER)
    post(bookkeeper, "/entries/", {"items": [deposit("d1", trader="ann"), deposit("d2", trader="bob")]})
    return engine


def test_trader_sees_the_own_rows_alone(venue: APIClient) -> None:
    ann = client(Role.TRADER, trader="ann")

    assert [row["reference"] for row in every_row(ann, "/takeovers/")] == ["t-ann"]
    assert every_row(ann, "/takeovers/", trader="bob") == []
    assert get(ann, "/takeovers/t-ann/")["trader"] == "ann"
    for path in ("", "fills/"):
        refused_get(ann, f"/takeovers/t-bob/{path}", status=404, code="takeover_unknown")
    assert {row["owner"] for row in every_row(ann, "/accounts/")} == {"ann"}
    assert get(ann, "/accounts/trader:ann:USDT/balance/")["balance"] == "-990"
    for code in ("trader:bob:USDT", "fund:usdt", "custody:USDT", "trader:nobody:USDT", "nonsense"):
        for path in ("", "statement/", "balance/"):
            refused_get(ann, f"/accounts/{code}/{path}", status=403, code="trader_not_allowed")


def test_key_of_one_fund_keeps_to_that_fund(venue: APIClient) -> None:
    cycle = open_cycle(fund_code="btc").pk
    engine = client(Role.ENGINE, funds=["usdt"])

    assert [row["code"] for row in every_row(engine, "/funds/")] == ["usdt"]
    assert [row["symbol"] for row in every_row(engine, "/contracts/")] == ["X-usdt"]
    assert [row["reference"] for row in every_row(engine, "/takeovers/")] == ["t-ann"]
    for path in ("/funds/btc/", "/funds/btc/cycles/", f"/cycles/{cycle}/", "/funds/btc/positions/"):
        refused_get(engine, path, status=403, code="fund_not_allowed")
    refused_get(engine, "/takeovers/t-bob/", status=404, code="takeover_unknown")
    refused_post(engine, "/takeovers/", takeover("t9", contract="X-btc"), status=403, code="fund_not_allowed")
    refused_post(engine, "/takeovers/t-bob/fills/", fill(), status=404, code="takeover_unknown")
    refused_post(engine, "/contracts/", contract("Y", fund="btc"), status=403, code="fund_not_allowed")
    refused_post(engine, f"/cycles/{cycle}/positions/", [], status=403, code="fund_not_allowed")
    post(engine, "/takeovers/t-ann/fills/", fill())


def test_reference_of_another_fund_tells_a_key_of_one_fund_nothing_of_it(venue: APIClient) -> None:
    post(client(Role.ENGINE), "/takeovers/t-bob/fills/", fill("f-bob", quantity="0.125"))
    whole = client(Role.TREASURY)
    post(whole, "/funds/btc/contributions/", {"reference": "c-btc", "amount": "777"})
    post(whole, "/funds/btc/rulebooks/", {"reference": "r-btc", "preset": "full_cover"})
    engine, treasury = client(Role.ENGINE, funds=["usdt"]), client(Role.TREASURY, funds=["usdt"])

    for by, path, body, hidden in (
        (engine, "/takeovers/", takeover("t-bob", contract="X-usdt", quantity="2"), ("X-btc", "from bob")),
        (engine, "/takeovers/", {"items": [takeover("t-bob", contract="X-usdt")]}, ("X-btc", "from bob")),
        (engine, "/takeovers/t-ann/fills/", fill("f-bob", quantity="0.5"), ("t-bob", "0.125")),
        (treasury, "/funds/usdt/contributions/", {"reference": "c-btc", "amount": "1"}, ("fund btc", "777")),
        (treasury, "/funds/usdt/rulebooks/", {"reference": "r-btc", "preset": "full_cover"}, ("btc v", "btc, v")),
    ):
        refused = refused_post(by, path, body, status=409, code="reference_reused")
        assert "another" in refused["detail"]
        assert not [word for word in hidden if word in str(refused)], refused


def test_key_of_two_funds_works_with_both_and_no_third(venue: APIClient) -> None:
    open_fund("full_cover", code="eth")
    engine = client(Role.ENGINE, funds=["usdt", "btc"])

    assert [row["code"] for row in every_row(engine, "/funds/")] == ["btc", "usdt"]
    assert {row["reference"] for row in every_row(engine, "/takeovers/")} == {"t-ann", "t-bob"}
    both = [takeover("t8", contract="X-usdt"), takeover("t9", contract="X-btc")]
    post(engine, "/takeovers/", {"items": both})
    refused = refused_post(engine, "/contracts/", contract("Y", fund="eth"), status=403, code="fund_not_allowed")
    assert "is for btc, usdt, not for eth" in refused["detail"]


def test_treasury_of_one_fund_moves_no_money_of_another(venue: APIClient) -> None:
    treasury = client(Role.TREASURY, funds=["usdt"])

    body = {"reference": "c1", "amount": "1"}
    for path in ("contributions", "withdrawals", "rulebooks"):
        refused_post(treasury, f"/funds/btc/{path}/", body, status=403, code="fund_not_allowed")
    post(treasury, "/funds/usdt/contributions/", body)


def test_key_of_one_fund_reads_no_ledger(venue: APIClient) -> None:
    auditor = client(Role.AUDITOR, funds=["usdt"])

    for path in ("/accounts/", "/entries/", "/trial-balance/", "/accounts/fund:usdt/"):
        refused_get(auditor, path, status=403, code="fund_not_allowed")
