"""Batches over REST: all or none, or each item by itself."""

import random
from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger import manual
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


def vault(reference: str, amount: str, *, out: bool, name: str) -> dict[str, Any]:
    """Money into a market maker's vault, or out of it: no more than is there."""
    sides = ("debit", "credit") if out else ("credit", "debit")
    lines = [{"account": f"vault:{name}:USDT", sides[0]: amount}, {"account": TREASURY, sides[1]: amount}]
    return {"reference": reference, "kind": "vault_payout" if out else "vault_deposit", "lines": lines}


def mixed(seed: int, name: str) -> list[dict[str, Any]]:
    """Items that are taken, that take what those before them gave, that come twice, that are malformed."""
    chance = random.Random(seed)
    items: list[dict[str, Any]] = []
    for number in range(60):
        amount = "5x" if number in (7, 30) else str(chance.randint(1, 20))
        reference = f"{name}-{chance.randrange(number) if number and chance.random() < 0.3 else number}"
        if chance.random() < 0.02:
            items.append(deposit(reference, amount, trader="nobody at all"))
        else:
            items.append(vault(reference, amount, out=chance.random() < 0.6, name=name))
    return items


@pytest.mark.parametrize("seed", range(6))
def test_mixed_batch_that_is_not_atomic_ends_as_its_items_one_by_one(bookkeeper: APIClient, seed: int) -> None:
    open_accounts("vault:one:USDT", "vault:all:USDT")
    alone = [bookkeeper.post("/api/v1/entries/", item, format="json") for item in mixed(seed, "one")]

    together = post(bookkeeper, "/entries/", {"items": mixed(seed, "all"), "atomic": False})["items"]

    expected = [(each.status_code, each.json().get("code") if each.status_code >= 400 else None) for each in alone]
    assert [(each["status"], each.get("code")) for each in together] == expected
    assert {"account_floor", "reference_reused", "amount_malformed"} <= {code for _, code in expected}
    assert balance("vault:all:USDT") == balance("vault:one:USDT")


def test_one_refused_item_among_many_costs_few_calls(bookkeeper: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(entries: Any, **more: Any) -> Any:
        calls.append(len(entries))
        return posted(entries, **more)

    posted = manual.record_entries
    monkeypatch.setattr(manual, "record_entries", counted)
    items = [deposit(f"d{number}", "1") for number in range(1000)]
    items[617] = deposit("d0", "2")

    answers = post(bookkeeper, "/entries/", {"items": items, "atomic": False})["items"]

    assert [place for place, each in enumerate(answers) if each["status"] != 201] == [617]
    assert balance(ANN) == "999"
    assert len(calls) < 40


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
