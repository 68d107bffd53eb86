"""Reversals over REST: an entry alone, or the event that it belongs to."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.models import Entry
from ledger.rest.models import Role
from tests.builders import balance, balances, open_accounts
from tests.fund.builders import open_fund
from tests.rest.api import client, get, post, refused_post
from tests.rest.takeovers import contract, fill, takeover
from tests.rest.test_entries import deposit

pytestmark = pytest.mark.django_db


@pytest.fixture
def bookkeeper() -> APIClient:
    open_accounts("custody:USDT")
    return client(Role.BOOKKEEPER, name="books")


def reverse_path(reference: str) -> str:
    return f"/entries/{Entry.objects.get(reference=reference).pk}/reverse/"


def test_deposit_is_reversed_and_both_name_each_other(bookkeeper: APIClient) -> None:
    entry = post(bookkeeper, "/entries/", deposit("d1"))

    body = {"reference": "r1", "description": "typed twice", "effective_at": "2026-01-02T00:00:00Z"}
    reversal = post(bookkeeper, reverse_path("d1"), body)

    assert (reversal["reverses"], reversal["recorded_by"], reversal["description"]) == (
        entry["id"],
        "books",
        "typed twice",
    )
    assert reversal["lines"] == [
        {"account": "custody:USDT", "credit": "10"},
        {"account": "trader:ann:USDT", "debit": "10"},
    ]
    assert get(bookkeeper, f"/entries/{entry['id']}/")["reversed_by"] == reversal["id"]
    assert balance("trader:ann:USDT") == "0"


def test_same_reversal_again_is_answered_with_the_first(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/entries/", deposit("d1"))
    first = post(bookkeeper, reverse_path("d1"), {"reference": "r1"})

    assert post(bookkeeper, reverse_path("d1"), {"reference": "r1"}, status=200) == first
    assert post(bookkeeper, reverse_path("d1"), {}, status=200, key="r1") == first


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reference": "r2"}, 422, "entry_already_reversed"),
        ({"reference": "d2"}, 409, "reference_reused"),
        ({}, 422, "field_required"),
        ({"reference": "r1", "amount": "5"}, 422, "field_unknown"),
    ],
)
def test_reversal_that_makes_no_sense_is_refused(
    bookkeeper: APIClient, body: dict[str, Any], status: int, code: str
) -> None:
    post(bookkeeper, "/entries/", {"items": [deposit("d1"), deposit("d2")]})
    post(bookkeeper, reverse_path("d1"), {"reference": "r1"})

    refused_post(bookkeeper, reverse_path("d1"), body, status=status, code=code)


def test_unknown_entry_and_reversal_of_a_reversal_are_refused(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/entries/", deposit("d1"))
    post(bookkeeper, reverse_path("d1"), {"reference": "r1"})

    refused_post(bookkeeper, reverse_path("r1"), {"reference": "r2"}, status=422, code="entry_is_reversal")
    refused_post(bookkeeper, "/entries/987654321/reverse/", {"reference": "r2"}, status=404, code="entry_unknown")


def test_reversal_of_a_fill_opens_its_takeover_again(bookkeeper: APIClient) -> None:
    open_fund("full_cover", contribution="1000")
    engine = client(Role.ENGINE)
    post(engine, "/contracts/", contract())
    post(engine, "/takeovers/", takeover())
    post(engine, "/takeovers/t1/fills/", fill())

    post(bookkeeper, reverse_path("fill:f1"), {"reference": "r1", "description": "wrong price"})

    reopened = get(engine, "/takeovers/t1/")
    assert (reopened["status"], reopened["remaining"], reopened["waterfall"]) == ("open", "1", None)
    assert balance("fund:usdt") == "1000"
    closed = post(engine, "/takeovers/t1/fills/", fill("f2", price="28100"))
    assert closed["waterfall"]["injected"] == "100"
    before = balances()
    assert post(bookkeeper, reverse_path("fill:f1"), {"reference": "r1", "description": "wrong price"}, status=200)
    assert balances() == before
