"""Batches over REST: all or none, or each item by itself."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.models import Entry
from ledger.rest.models import Role
from tests.builders import balance, open_accounts
from tests.rest.api import client, post, refused_post
from tests.rest.test_entries import CUSTODY, FUND, TREASURY, deposit

pytestmark = pytest.mark.django_db
ANN = "trader:ann:USDT"


@pytest.fixture
def bookkeeper() -> APIClient:
    open_accounts(CUSTODY, FUND, TREASURY)
    return client(Role.BOOKKEEPER)


def test_batch_answers_item_by_item_in_order(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/entries/", deposit("d2"))

    document = post(bookkeeper, "/entries/", {"items": [deposit(f"d{n}") for n in (1, 2, 3)]})

    assert [(item["status"], item["reference"]) for item in document["items"]] == [
        (201, "d1"),
        (200, "d2"),
        (201, "d3"),
    ]
    assert [item["id"] for item in document["items"]] == [
        Entry.objects.get(reference=f"d{number}").pk for number in (1, 2, 3)
    ]
    assert balance(ANN) == "30"


def test_batch_that_was_all_there_answers_200(bookkeeper: APIClient) -> None:
    batch = {"items": [deposit("d1"), deposit("d2")]}
    post(bookkeeper, "/entries/", batch)

    again = post(bookkeeper, "/entries/", batch, status=200)

    assert [item["status"] for item in again["items"]] == [200, 200]
    assert balance(ANN) == "20"


def test_atomic_batch_with_a_refused_item_takes_nothing(bookkeeper: APIClient) -> None:
    unbalanced = deposit("d2")
    unbalanced["lines"][0]["account"] = "vault:mm:USDT"

    batch = {"items": [deposit("d1"), unbalanced, deposit("d3")]}
    document = refused_post(bookkeeper, "/entries/", batch, status=422, code="account_unknown")

    assert [error["pointer"] for error in document["errors"]] == ["/items/1"]


def test_atomic_batch_with_a_malformed_item_takes_nothing(bookkeeper: APIClient) -> None:
    batch = {"items": [deposit("d1"), deposit("d2", 5)], "atomic": True}
    document = refused_post(bookkeeper, "/entries/", batch, status=422, code="amount_must_be_string")

    assert document["errors"][0]["pointer"] == "/items/1/lines/0/debit"


def test_items_of_a_batch_that_is_not_atomic_stand_alone(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/entries/", deposit("d4"))
    withdrawal = {
        "reference": "w1",
        "kind": "fund_withdrawal",
        "lines": [{"account": FUND, "debit": "5"}, {"account": TREASURY, "credit": "5"}],
    }

    items = [deposit("d1"), withdrawal, deposit("d2", 5), deposit("d3"), deposit("d4"), deposit("d1", "11")]
    document = post(bookkeeper, "/entries/", {"items": items, "atomic": False})

    assert [item["status"] for item in document["items"]] == [201, 422, 422, 201, 200, 409]
    assert [item.get("code") for item in document["items"]] == [
        None,
        "account_controlled",
        "amount_must_be_string",
        None,
        None,
        "reference_reused",
    ]
    assert [item["reference"] for item in document["items"]] == ["d1", "w1", "d2", "d3", "d4", "d1"]
    assert balance(ANN) == "30"


@pytest.mark.parametrize(
    ("batch", "status", "code"),
    [
        ({"items": []}, 422, "field_empty"),
        ({"items": "d1"}, 422, "list_expected"),
        ({"items": [None]}, 422, "field_null"),
        ({"items": [{}], "atomic": "yes"}, 422, "field_malformed"),
        ({"items": [{}], "all": True}, 422, "field_unknown"),
        ({"items": [{}] * 10_001}, 413, "batch_too_large"),
        ([{}], 422, "object_expected"),
        ("d1", 422, "object_expected"),
    ],
)
def test_malformed_batch_is_refused(bookkeeper: APIClient, batch: Any, status: int, code: str) -> None:
    refused_post(bookkeeper, "/entries/", batch, status=status, code=code)
