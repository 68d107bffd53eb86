"""Every list of the API: its queries, its filters, its pages."""

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger.rest.models import Role
from tests.rest import filters
from tests.rest.api import client
from tests.rest.venue import open_venue

pytestmark = pytest.mark.django_db


def measured(rows: int) -> dict[tuple[str, str], tuple[int, int]]:
    """Queries and rows of every list, whole and by each filter, of a venue with this many rows in each."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    with transaction.atomic():
        venue, auditor = open_venue(rows), client(Role.AUDITOR)
        for path, of in filters.lists().items():
            address = venue.address(filters.V1 + path)
            page = auditor.get(address)
            assert page.status_code == 200, address
            asked = {name: filters.of_one_row(path, {name: of[name]}, page.json()["results"][0]) for name in of}
            for name, query in {"": {}, **asked}.items():
                # The first request noted the key's use; sums that are kept for a while are asked for again.
                cache.clear()
                with CaptureQueriesContext(connection) as captured:
                    document = auditor.get(address, query).json()
                found[path, name] = (len(captured), len(document["results"]))
        transaction.set_rollback(True)
    return found


def test_no_list_asks_more_queries_for_more_rows() -> None:
    few, many = measured(3), measured(30)

    assert {path: rows for (path, name), (_, rows) in few.items() if not name and rows < 3} == {}
    assert {path: rows for (path, name), (_, rows) in many.items() if not name and rows < 30} == {}
    assert {asked: queries for asked, (queries, _) in many.items()} == {
        asked: queries for asked, (queries, _) in few.items()
    }
