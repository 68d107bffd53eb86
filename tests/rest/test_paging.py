"""Lists page by a cursor: every row that was there at the start is on exactly one page."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from ledger.rest.models import Role
from tests.builders import move, open_accounts, post
from tests.rest.api import client, every_row, get, refused_get

pytestmark = pytest.mark.django_db
CUSTODY, ANN = "custody:USDT", "trader:ann:USDT"


@pytest.fixture
def auditor() -> APIClient:
    return client(Role.AUDITOR)


def deposits(*numbers: int) -> None:
    post(*(move(f"d{number:03}", "1", debited=CUSTODY, credited=ANN) for number in numbers))


def references(rows: list[Any]) -> list[str]:
    return [row["reference"] for row in rows]


def test_first_page_has_a_hundred_rows_and_the_next_the_rest(auditor: APIClient) -> None:
    deposits(*range(150))

    first = get(auditor, "/entries/")
    second = auditor.get(first["next"]).json()

    assert references(first["results"]) == [f"d{number:03}" for number in range(149, 49, -1)]
    assert references(second["results"]) == [f"d{number:03}" for number in range(49, -1, -1)]
    assert (first["previous"], second["next"]) == (None, None)


def test_previous_leads_back_over_the_same_rows(auditor: APIClient) -> None:
    deposits(*range(7))
    first = get(auditor, "/entries/", limit=3)
    second = auditor.get(first["next"]).json()
    third = auditor.get(second["next"]).json()

    back = auditor.get(third["previous"]).json()

    assert back["results"] == second["results"]
    start = auditor.get(back["previous"]).json()
    assert (start["results"], start["previous"]) == (first["results"], None)
    assert auditor.get(start["next"]).json()["results"] == second["results"]


def test_rows_that_come_meanwhile_make_none_skip_or_repeat(auditor: APIClient) -> None:
    deposits(*range(10))
    seen: list[str] = []
    page = get(auditor, "/entries/", limit=3)
    number = 100
    while True:
        seen += references(page["results"])
        deposits(number)
        number += 1
        if page["next"] is None:
            break
        page = auditor.get(page["next"]).json()

    assert seen == [f"d{number:03}" for number in range(9, -1, -1)]


def test_statement_shows_what_comes_meanwhile_at_its_end(auditor: APIClient) -> None:
    deposits(*range(4))
    page = get(auditor, f"/accounts/{ANN}/statement/", limit=3)
    deposits(100)

    rest = auditor.get(page["next"]).json()

    assert references(page["results"] + rest["results"]) == ["d000", "d001", "d002", "d003", "d100"]
    assert [row["balance_after"] for row in rest["results"]] == ["4", "5"]


def test_limit_is_at_most_a_thousand(auditor: APIClient) -> None:
    deposits(*range(1001))

    assert len(get(auditor, "/entries/", limit=5000)["results"]) == 1000


def test_cursor_may_be_the_whole_next_address(auditor: APIClient) -> None:
    deposits(*range(3))
    page = get(auditor, "/entries/", limit=2)

    assert references(get(auditor, "/entries/", cursor=page["next"])["results"]) == ["d000"]


def test_links_keep_the_filters(auditor: APIClient) -> None:
    deposits(*range(3))
    post(move("x", "1", debited=CUSTODY, credited=ANN, kind="gift"))

    assert references(every_row(auditor, "/entries/", kind="deposit", limit=1)) == ["d002", "d001", "d000"]


def test_cursor_of_a_list_by_number_is_none_of_a_list_by_name(auditor: APIClient) -> None:
    deposits(0, 1)
    page = get(auditor, "/entries/", limit=1)
    cursor = page["next"].split("cursor=")[1].split("&")[0]

    refused_get(auditor, "/accounts/", status=400, code="cursor_malformed", cursor=cursor)


def test_empty_list_has_no_other_page(auditor: APIClient) -> None:
    assert get(auditor, "/entries/") == {"next": None, "previous": None, "results": []}


@pytest.mark.parametrize("path", ["/entries/", "/accounts/", f"/accounts/{CUSTODY}/statement/"])
def test_number_of_queries_does_not_grow_with_the_rows(auditor: APIClient, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            get(auditor, path)
        return len(captured)

    deposits(1)
    get(auditor, path)
    few = queries()
    open_accounts(*(f"trader:t{number}:USDT" for number in range(40)))
    deposits(*range(2, 60))

    assert queries() == few
