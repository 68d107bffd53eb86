"""Every filter of every list: it selects these rows and no others, page after page, and refuses what is malformed."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.rest.models import Role
from tests.rest import filters
from tests.rest.api import V1, client, every_row, get, problem_of
from tests.rest.test_isolation import OF_TRADERS
from tests.rest.venue import Venue, open_venue

pytestmark = pytest.mark.django_db
# Lists of rows with times, and no range of them to ask for.
TIMELESS = {
    "cycles/{cycle_id}/positions/": "They are one cycle's; `opened_at` orders ties in a settlement and may be missing.",
    "funds/{code}/inventory/": "At most a row for each contract, as it stands now.",
    "public/estimated-allocation/": "Cycles that run: a few, and all of them of now.",
    "webhooks/": "A few, as they stand now.",
}
# Filters that make other rows instead of selecting some of them.
MAKERS = {"interval": "tests/rest/test_public.py"}


def test_every_list_has_a_filter() -> None:
    assert [path for path, of in filters.lists().items() if not of] == []


def test_every_list_of_rows_with_times_has_a_range_of_them() -> None:
    timed = {
        path
        for path in filters.lists()
        if any(field.get("format") == "date-time" for field in filters.row_fields(path).values())
    }
    ranged = {path for path, of in filters.lists().items() if any(name.endswith("from") for name in of)}

    assert timed - ranged == TIMELESS.keys()
    assert {path for path, of in filters.lists().items() if any(name.endswith("to") for name in of)} == ranged


def test_malformed_filters_are_refused_by_name() -> None:
    auditor, nowhere = client(Role.AUDITOR), {"code": "x", "reference": "x", "trader": "x", "cycle_id": 1}

    for path, of in filters.lists().items():
        address = filters.V1 + path.format_map(nowhere)
        problem_of(auditor.get(address, {"colour": "red"}), status=400, code="parameter_unknown")
        for name, schema in of.items():
            for value, code in filters.malformed(path, name, schema):
                refused = problem_of(auditor.get(address, {name: value}), status=400, code=code)
                assert [error["parameter"] for error in refused["errors"]] == [name], (path, name)
            problem_of(auditor.get(f"{address}?{name}=a&{name}=b"), status=400, code="parameter_repeated")


@pytest.fixture
def venue() -> Venue:
    return open_venue(3)


def rows_of(by: APIClient, address: str) -> list[Any] | None:
    """All rows that this key sees of a list; None where it sees none of it."""
    response = by.get(address, {"limit": 1000})
    if response.status_code != 200:
        assert response.status_code in (403, 404), response.content
        return None
    rows: list[Any] = response.json()["results"]
    return rows


def pages(by: APIClient, path: str, address: str, query: dict[str, str], expected: int) -> list[Any]:
    """What a filter leaves, read in two pages at least where it leaves two rows."""
    limit = max(1, expected // 2)
    below = "/" + address.removeprefix(f"{V1}/")
    if path != "events/":
        return every_row(by, below, **query, limit=limit)
    found, after = [], 0
    while page := get(by, below, **query, limit=limit, after=after):
        found += page["results"]
        if page["next_after"] == after:
            break
        after = page["next_after"]
    return found


def wrong(by: APIClient, venue: Venue, paths: set[str]) -> list[tuple[str, str, str]]:
    """Filters of these lists, and values, that select other rows of what the key sees than they should."""
    found, auditor = [], client(Role.AUDITOR)
    for path in sorted(paths):
        address = venue.address(filters.V1 + path)
        seen, of = rows_of(by, address), filters.lists()[path]
        everything = rows_of(auditor, address)
        assert everything, path
        for name in sorted(of.keys() - MAKERS.keys()):
            for value in filters.values(path, name, of[name], everything):
                if seen is None:
                    assert by.get(address, {name: value}).status_code in (403, 404), (path, name)
                    continue
                expected = filters.selected(path, name, value, seen)
                if pages(by, path, address, {name: value}, len(expected)) != expected:
                    found.append((path, name, value))
    return found


def test_every_filter_selects_its_rows_and_no_others(venue: Venue) -> None:
    assert wrong(client(Role.AUDITOR), venue, set(filters.lists())) == []


def test_every_filter_was_tried_where_it_leaves_rows_out_and_where_it_leaves_some(venue: Venue) -> None:
    auditor, idle = client(Role.AUDITOR), []
    for path, of in filters.lists().items():
        rows = rows_of(auditor, venue.address(filters.V1 + path)) or []
        for name in of.keys() - MAKERS.keys():
            left = [
                len(filters.selected(path, name, value, rows)) for value in filters.values(path, name, of[name], rows)
            ]
            if not (any(left) and min(left) < len(rows)):
                idle.append((path, name, left))

    assert idle == []


def test_filters_together_select_what_fits_them_all(venue: Venue) -> None:
    auditor = client(Role.AUDITOR)

    for path, of in filters.lists().items():
        address = venue.address(filters.V1 + path)
        rows = rows_of(auditor, address) or []
        query = filters.of_one_row(path, of, rows[len(rows) // 2])
        expected = rows
        for name, value in query.items():
            expected = [row for row in expected if row in filters.selected(path, name, value, rows)]
        assert expected, (path, query)
        assert pages(auditor, path, address, query, len(expected)) == expected, (path, query)


def test_filters_show_a_trader_its_own_rows_alone(venue: Venue) -> None:
    of_traders = {path.removeprefix(filters.V1) for path in OF_TRADERS} & filters.lists().keys()

    assert wrong(client(Role.TRADER, trader="ann"), venue, of_traders) == []


def test_filters_show_a_key_of_one_fund_that_funds_rows_alone(venue: Venue) -> None:
    of_keys = {path for path in filters.lists() if not path.startswith("public/")} - {"events/"}

    assert wrong(client(Role.AUDITOR, funds=["usdt"]), venue, of_keys) == []
