"""Fills of many takeovers in one call, each naming its takeover."""

import pytest
from rest_framework.test import APIClient

from ledger.rest.models import Role
from liquidation.models import Takeover
from tests.builders import balance
from tests.fund.builders import open_fund
from tests.rest.api import client, post, refused_post
from tests.rest.takeovers import contract, fill, takeover

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine() -> APIClient:
    open_fund("full_cover", contribution="1000")
    made = client(Role.ENGINE)
    post(made, "/contracts/", contract())
    post(made, "/takeovers/", {"items": [takeover("t1"), takeover("t2")]})
    return made


def test_one_call_closes_several_takeovers_and_shows_each_as_it_leaves_it(engine: APIClient) -> None:
    items = [
        fill("f1", takeover="t1", quantity="0.4"),
        fill("f2", takeover="t2", price="27900"),
        fill("f3", takeover="t1", quantity="0.6"),
    ]

    answers = post(engine, "/fills/", {"items": items})["items"]

    assert [(each["reference"], each["takeover_status"], each["remaining"]) for each in answers] == [
        ("f1", "closed", "0"),
        ("f2", "closed", "0"),
        ("f3", "closed", "0"),
    ]
    assert balance("fund:usdt") == "1100"
    assert {each["status"] for each in post(engine, "/fills/", {"items": items}, status=200)["items"]} == {200}
    assert balance("fund:usdt") == "1100"


def test_a_fill_is_the_same_below_its_takeover_and_here(engine: APIClient) -> None:
    post(engine, "/takeovers/t1/fills/", fill())
    post(engine, "/fills/", fill(takeover="t1"), status=200)
    assert balance("fund:usdt") == "1200"


def test_one_bad_fill_refuses_the_batch_and_is_named_by_its_place(engine: APIClient) -> None:
    items = [fill("f1", takeover="t1"), fill("f2", takeover="t9")]
    document = refused_post(engine, "/fills/", {"items": items}, status=404, code="takeover_unknown")
    assert document["errors"][0]["pointer"].startswith("/items/1")
    assert set(Takeover.objects.values_list("status", flat=True)) == {"open"}


def test_a_key_of_one_fund_reports_below_its_takeovers_alone(engine: APIClient) -> None:
    bound = client(Role.ENGINE, funds=["usdt"])
    refused_post(bound, "/fills/", fill(takeover="t1"), status=403, code="fund_not_allowed")
    post(bound, "/takeovers/t1/fills/", fill())
