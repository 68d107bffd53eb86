"""Money into funds and out of them over REST: out only by two persons."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from ledger.models import Entry
from ledger.rest.models import Role
from tests.builders import balance, balances
from tests.fund.builders import open_fund
from tests.rest.api import client, every_row, get, post, refused_get, refused_post

pytestmark = pytest.mark.django_db


@pytest.fixture
def requester() -> APIClient:
    open_fund("full_cover", contribution="1000")
    return client(Role.TREASURY, name="requester")


@pytest.fixture
def approver() -> APIClient:
    return client(Role.TREASURY, name="approver")


def withdrawal(amount: Any = "400", **more: Any) -> dict[str, Any]:
    return {"reference": "w1", "amount": amount, **more}


def test_contribution_moves_money_into_the_fund(requester: APIClient) -> None:
    body = {"reference": "c1", "amount": "250.5", "effective_at": "2026-01-05T00:00:00Z"}

    document = post(requester, "/funds/usdt/contributions/", body)

    assert (document["status"], document["amount"], document["requested_by"]) == ("done", "250.5", "requester")
    assert balance("fund:usdt") == "1250.5"
    entry = Entry.objects.get(pk=document["entry"])
    assert (entry.kind, entry.recorded_by) == ("fund_contribution", "requester")
    assert post(requester, "/funds/usdt/contributions/", body, status=200) == document
    assert balance("fund:usdt") == "1250.5"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reference": "c1", "amount": "0"}, 422, "amount_not_positive"),
        ({"reference": "c1", "amount": "1.123456789"}, 422, "amount_precision"),
        ({"reference": "c1", "amount": 5}, 422, "amount_must_be_string"),
        ({"reference": "c1", "amount": "5", "source": "pocket"}, 422, "source_unknown"),
        ({"reference": "usdt-seed", "amount": "5"}, 409, "reference_reused"),
        ({"amount": "5"}, 422, "field_required"),
    ],
)
def test_contribution_that_makes_no_sense_is_refused(
    requester: APIClient, body: dict[str, Any], status: int, code: str
) -> None:
    refused_post(requester, "/funds/usdt/contributions/", body, status=status, code=code)


def test_withdrawal_waits_for_a_second_person(requester: APIClient, approver: APIClient) -> None:
    before = balances()
    asked = post(requester, "/funds/usdt/withdrawals/", withdrawal())
    assert (asked["status"], asked["requested_by"], asked["entry"]) == ("pending", "requester", None)
    assert balances() == before
    refused_post(requester, "/funds/usdt/withdrawals/w1/approve/", {}, status=422, code="withdrawal_same_person")

    done = post(approver, "/funds/usdt/withdrawals/w1/approve/", {}, status=200)

    assert (done["status"], done["decided_by"]) == ("done", "approver")
    assert balance("fund:usdt") == "600"
    assert get(approver, "/funds/usdt/withdrawals/w1/") == done
    assert post(approver, "/funds/usdt/withdrawals/w1/approve/", {}, status=200) == done
    assert balance("fund:usdt") == "600"


def test_two_keys_of_one_person_are_one_person(requester: APIClient) -> None:
    tess = User.objects.create_user("tess")
    post(client(Role.TREASURY, user=tess), "/funds/usdt/withdrawals/", withdrawal())

    refused_post(
        client(Role.TREASURY, user=tess),
        "/funds/usdt/withdrawals/w1/approve/",
        {},
        status=422,
        code="withdrawal_same_person",
    )


def test_rejected_withdrawal_moves_nothing_and_stays_rejected(requester: APIClient, approver: APIClient) -> None:
    post(requester, "/funds/usdt/withdrawals/", withdrawal())

    assert post(approver, "/funds/usdt/withdrawals/w1/reject/", {}, status=200)["status"] == "rejected"

    refused_post(approver, "/funds/usdt/withdrawals/w1/approve/", {}, status=409, code="withdrawal_not_pending")
    assert balance("fund:usdt") == "1000"


def test_withdrawal_beyond_the_fund_is_refused(requester: APIClient) -> None:
    document = refused_post(
        requester, "/funds/usdt/withdrawals/", withdrawal("1000.5"), status=422, code="fund_balance_insufficient"
    )

    assert "exceeds the spendable 1000 by 0.5" in document["detail"]


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_unknown_withdrawal_is_not_found(requester: APIClient, action: str) -> None:
    path = f"/funds/usdt/withdrawals/nope/{action}/"
    refused_post(requester, path, {}, status=404, code="withdrawal_unknown")
    refused_get(requester, "/funds/usdt/withdrawals/nope/", status=404, code="withdrawal_unknown")


def test_withdrawal_is_not_found_under_another_fund(requester: APIClient, approver: APIClient) -> None:
    open_fund(code="btc")
    post(requester, "/funds/usdt/withdrawals/", withdrawal())

    path = "/funds/btc/withdrawals/w1/approve/"
    refused_post(approver, path, {}, status=404, code="withdrawal_unknown")


def test_decision_takes_no_fields(requester: APIClient, approver: APIClient) -> None:
    post(requester, "/funds/usdt/withdrawals/", withdrawal())

    body = {"amount": "1"}
    refused_post(approver, "/funds/usdt/withdrawals/w1/approve/", body, status=422, code="field_unknown")


def test_transfers_are_listed_by_direction_and_filtered(requester: APIClient) -> None:
    post(requester, "/funds/usdt/withdrawals/", withdrawal())
    post(requester, "/funds/usdt/contributions/", {"reference": "c1", "amount": "1", "source": "custody"})

    def references(kind: str, **query: str) -> list[str]:
        return [row["reference"] for row in every_row(requester, f"/funds/usdt/{kind}/", **query)]

    assert references("withdrawals") == ["w1"]
    assert references("withdrawals", status="done") == []
    assert references("contributions") == ["c1", "usdt-seed"]
    assert references("contributions", source="custody") == ["c1"]
