"""Takeovers that are told without a price: it is worked out, with the fee that their contract charges at a close."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from ledger.rest.models import Role
from liquidation.models import Takeover
from tests.fund.builders import open_fund
from tests.rest.api import client, every_row, post, refused_post
from tests.rest.takeovers import contract, takeover

pytestmark = pytest.mark.django_db

UNPRICED: dict[str, Any] = {"contract": "FEE-PERP", "bankruptcy_price": None, "entry_price": "100", "margin": "8"}


@pytest.fixture
def charging() -> APIClient:
    """An engine with a contract at whose close 0.1 % is charged, beside one that charges nothing."""
    open_fund("full_cover", contribution="1000")
    engine = client(Role.ENGINE)
    post(engine, "/contracts/", contract())
    post(engine, "/contracts/", contract("FEE-PERP", tick="0.5", close_fee_rate="0.001"))
    return engine


def test_contract_shows_the_fee_of_a_close_and_takes_no_other(charging: APIClient) -> None:
    terms = contract("FEE-PERP", tick="0.5", close_fee_rate="0.001")

    assert post(charging, "/contracts/", terms, status=200) == terms
    assert [row["close_fee_rate"] for row in every_row(charging, "/contracts/")] == ["0", "0.001"]
    other = {**terms, "close_fee_rate": "0"}
    refused_post(charging, "/contracts/", other, status=409, code="contract_exists")
    document = refused_post(
        charging, "/contracts/", contract("X", close_fee_rate="1"), status=422, code="rate_out_of_range"
    )
    assert [error["pointer"] for error in document["errors"]] == ["/close_fee_rate"]


def test_takeover_without_a_price_is_answered_with_the_one_worked_out(charging: APIClient) -> None:
    told = takeover(**UNPRICED)
    left_out = {name: value for name, value in told.items() if value is not None}

    document = post(charging, "/takeovers/", told)

    # 92 / 0.999, up to the tick.
    assert document["bankruptcy_price"] == "92.5"
    for again in (told, left_out, {**told, "bankruptcy_price": "92.50"}):
        assert post(charging, "/takeovers/", again, status=200) == document
    refused_post(charging, "/takeovers/", {**told, "bankruptcy_price": "92"}, status=409, code="reference_reused")


def test_batch_answers_each_price_told_or_worked_out(charging: APIClient) -> None:
    items = [takeover("t1", **UNPRICED), takeover("t2"), takeover("t3", **{**UNPRICED, "entry_price": None})]

    answers = post(charging, "/takeovers/", {"items": items, "atomic": False})["items"]

    assert [item.get("bankruptcy_price") for item in answers] == ["92.5", "28000", None]
    assert (answers[2]["status"], answers[2]["code"]) == (422, "bankruptcy_price_missing")


def test_takeover_that_has_no_price_is_refused(charging: APIClient) -> None:
    missing = {**takeover(**UNPRICED), "entry_price": None}
    document = refused_post(charging, "/takeovers/", missing, status=422, code="bankruptcy_price_missing")
    assert [error["pointer"] for error in document["errors"]] == ["/bankruptcy_price"]
    post(charging, "/contracts/", contract("INV-PERP", kind="inverse"))
    never = takeover(**{**UNPRICED, "contract": "INV-PERP", "side": "short", "quantity": "800"})
    document = refused_post(charging, "/takeovers/", never, status=422, code="margin_never_exhausted")
    assert [error["pointer"] for error in document["errors"]] == ["/margin"]
    assert not Takeover.objects.exists()
