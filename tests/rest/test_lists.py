"""Every list of the API: its queries, its filters, its pages."""

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger.rest.models import Role
from tests.rest import contract
from tests.rest.api import client
from tests.rest.venue import open_venue

pytestmark = pytest.mark.django_db


def lists() -> list[str]:
    """The paths of the schema whose answer is a page."""
    document = contract.document()
    found = []
    for path, operations in document["paths"].items():
        answer = operations.get("get", {}).get("responses", {}).get("200", {})
        reference = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
        properties = document["components"]["schemas"].get(reference.rpartition("/")[2], {}).get("properties", {})
        if {"next", "previous", "results"} <= set(properties):
            found.append(path)
    return found


def measured(rows: int) -> dict[str, tuple[int, int]]:
    """Queries and rows of every list of a venue with this many rows in each."""
    found: dict[str, tuple[int, int]] = {}
    with transaction.atomic():
        venue, auditor = open_venue(rows), client(Role.AUDITOR)
        for path in lists():
            address = venue.address(path)
            assert auditor.get(address).status_code == 200, address
            # The first request noted the key's use; sums that are kept for a while are asked for again.
            cache.clear()
            with CaptureQueriesContext(connection) as captured:
                document = auditor.get(address).json()
            found[path] = (len(captured), len(document["results"]))
        transaction.set_rollback(True)
    return found


def test_no_list_asks_more_queries_for_more_rows() -> None:
    few, many = measured(3), measured(30)

    assert {path: rows for path, (_, rows) in few.items() if rows < 3} == {}
    assert {path: rows for path, (_, rows) in many.items() if rows < 30} == {}
    assert {path: queries for path, (queries, _) in many.items()} == {
        path: queries for path, (queries, _) in few.items()
    }
