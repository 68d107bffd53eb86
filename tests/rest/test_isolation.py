"""Dead keys open nothing and traders see nothing of each other, on every path that there is."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from ledger.rest.keys import create_key, revoke_key
from ledger.rest.models import Role
from tests.builders import balances
from tests.rest import contract
from tests.rest.api import client, client_with, problem_of
from tests.rest.test_roles import CALLS, MAY, METHODS, OPEN_TO_ALL, RESOURCES, address
from tests.rest.venue import Venue, open_venue

pytestmark = pytest.mark.django_db
OF_TRADERS = [f"/api/v1/{path}" for path, methods in MAY.items() if "trader" in methods.get("GET", set())]
# What belongs to bob on a path of one thing: the names to put in its braces.
BOBS = {"code": "trader:bob:USDT", "reference": "t-bob", "trader": "bob"}


def test_schema_describes_the_resources_that_the_roles_were_walked_over() -> None:
    described = {
        (path.removeprefix("/api/v1/"), method.upper())
        for path, operations in contract.document()["paths"].items()
        for method in operations
        if method.upper() in METHODS
    }
    walked = set(CALLS) | {(path, "GET") for path in OPEN_TO_ALL}

    assert {call for call in walked if call[0] in RESOURCES} - described == set()
    assert {path for path, _ in described - walked} == set()


def dead_keys() -> dict[str, APIClient]:
    """One of each kind that opens nothing, of the role that may most, by the code of its refusal."""
    now = timezone.now()
    before = now - timedelta(days=2)
    _, expired = create_key(name="expired", role=Role.ENGINE, created_at=before, expires_at=before + timedelta(days=1))
    _, revoked = create_key(name="revoked", role=Role.ENGINE, created_at=before)
    revoke_key(name="revoked", revoked_at=now)
    return {
        "key_expired": client_with(expired),
        "key_revoked": client_with(revoked),
        "key_unknown": client_with("bwk_of_nobody"),
    }


def test_dead_key_opens_no_path_by_no_method() -> None:
    keys, before = dead_keys(), balances()

    for path, method in CALLS:
        for code, by in keys.items():
            response = by.generic(method, address(path), "{}", content_type="application/json")
            problem_of(response, status=401, code=code)
            assert response.headers["WWW-Authenticate"].startswith("Bearer"), path
    assert balances() == before


@pytest.fixture
def venue() -> Venue:
    return open_venue(3)


def test_trader_sees_nothing_of_another_on_any_path(venue: Venue) -> None:
    ann, bob = client(Role.TRADER, trader="ann"), client(Role.TRADER, trader="bob")

    for path in OF_TRADERS:
        own = ann.get(venue.address(path), {} if "{" in path else {"limit": 1000})
        assert own.status_code == 200, (path, own.content)
        assert b"bob" not in own.content, (path, own.content)
        bobs = venue.address(path, **BOBS)
        if bobs != venue.address(path):
            refused = ann.get(bobs)
            assert refused.status_code in (403, 404), (path, refused.content)
            assert bob.get(bobs).status_code == 200, bobs


def test_trader_learns_no_more_by_filters(venue: Venue) -> None:
    ann = client(Role.TRADER, trader="ann")

    for path, filters in {
        "/api/v1/takeovers/": {"trader": "bob", "reference": "t-bob"},
        "/api/v1/accounts/": {"owner": "bob", "code": "trader:bob:USDT"},
        f"/api/v1/cycles/{venue.cycle_id}/allocations/": {"trader": "bob", "position": "p1"},
    }.items():
        for name, value in filters.items():
            assert ann.get(path, {name: value}).json()["results"] == [], (path, name)
