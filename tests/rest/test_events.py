"""`GET /events/`: polled by position, filtered, kept to a key's fund."""

import pytest

from ledger.rest.models import Role
from tests.fund.builders import open_fund
from tests.rest.api import client, get, refused_get

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _funds() -> None:
    open_fund("full_cover", contribution="1000")
    open_fund("full_cover", code="btc", contribution="2")


def test_events_are_read_in_portions_to_the_last_one() -> None:
    auditor = client(Role.AUDITOR)
    kinds, after = [], 0
    while True:
        page = get(auditor, "/events/", after=after, limit=2)
        if not page["results"]:
            break
        assert page["next_after"] == page["results"][-1]["position"]
        kinds += [(event["fund"], event["kind"]) for event in page["results"]]
        after = page["next_after"]

    told = ["fund.opened", "rulebook.published", "fund.contribution"]
    assert kinds == [(fund, kind) for fund in ("usdt", "btc") for kind in told]
    assert get(auditor, "/events/", after=after) == {"results": [], "next_after": 6}


def test_an_event_says_what_happened_with_amounts_as_texts() -> None:
    (event,) = get(client(Role.ENGINE), "/events/", kind="fund.contribution", fund="btc")["results"]

    assert event["occurred_at"] == "2026-01-01T00:00:00Z"
    assert event["data"] == {
        "reference": "btc-seed",
        "amount": "2",
        "currency": "BTC",
        "source": "treasury",
        "requested_by": "treasurer",
        "decided_by": "treasurer",
    }


def test_a_filter_leaves_the_position_behind_what_it_has_left_out() -> None:
    page = get(client(Role.BOOKKEEPER), "/events/", kind="takeover.closed")

    assert page == {"results": [], "next_after": 6}


def test_a_key_of_one_fund_reads_its_events_alone() -> None:
    treasury = client(Role.TREASURY, funds=["btc"])

    assert {event["fund"] for event in get(treasury, "/events/")["results"]} == {"btc"}
    refused_get(treasury, "/events/", status=403, code="fund_not_allowed", fund="usdt")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"after": "-1"}, "field_malformed"),
        ({"after": "x"}, "field_malformed"),
        ({"limit": "0"}, "out_of_range"),
        ({"kind": "takeover.clsoed"}, "event_kind_unknown"),
        ({"cursor": "x"}, "parameter_unknown"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(query: dict[str, str], code: str) -> None:
    refused_get(client(Role.AUDITOR), "/events/", status=400, code=code, **query)
