"""Settled cycles as Deribit publishes settlements."""

from typing import Any

import pytest

from fund.models import Cycle
from ledger.rest.models import Role
from tests.builders import moment
from tests.fund.builders import HOUR, earn, lose, open_cycle, open_fund
from tests.fund.settling import settle
from tests.rest.api import V1, client, get, post, refused_get, stranger
from tests.rest.published import PATHS, SETTLEMENTS, milliseconds
from tests.rest.takeovers import contract

pytestmark = pytest.mark.django_db


@pytest.fixture
def settled() -> Cycle:
    """A loss of 1,000 of which the fund bears a fifth; the rest is shared over profits of 3,000.00000003."""
    open_fund(contribution="5000")
    cycle = open_cycle()
    lose("1000.00000001")
    earn(cycle, "2000", "1000.00000003", "-70")
    return settle(cycle)


def test_deribit_has_a_settlement_for_each_settled_cycle(settled: Cycle) -> None:
    assert settled.settled_at is not None
    response = stranger().get(f"{V1}{SETTLEMENTS}", {"format": "deribit"})

    assert response.content.decode() == (
        '{"jsonrpc":"2.0","result":{"settlements":[{"type":"bankruptcy",'
        f'"timestamp":{milliseconds(settled.settled_at)},'
        '"session_profit_loss":2930.00000003,"session_bankruptcy":1000.00000001,"funded":200,'
        '"socialized":800.00000001,"session_tax":-800.00000001,"session_tax_rate":0.26666666}],"continuation":"none"}}'
    )
    document = get(stranger(), PATHS["deribit"], currency="USDT", type="bankruptcy", count=10)
    assert document == response.json()


def test_deribit_settlements_are_chosen_as_the_venue_has_it(settled: Cycle) -> None:
    assert settled.settled_at is not None

    def times(**query: Any) -> list[int]:
        document = get(stranger(), PATHS["deribit"], **query)
        return [each["timestamp"] for each in document["result"]["settlements"]]

    at = milliseconds(settled.settled_at)
    assert times(currency="BTC") == times(type="delivery") == times(search_start_timestamp=at - 1) == []
    assert times(search_start_timestamp=at + 1) == times(fund="usdt") == [at]


def test_deribit_settlements_are_continued(settled: Cycle) -> None:
    for number in (2, 3):
        cycle = open_cycle(number, hours=(8 * (number - 1), 8 * number))
        lose("1", reference=f"t{number}", at=moment(8 * HOUR * (number - 1) + 1))
        earn(cycle, "10")
        settle(cycle)
    losses: list[float] = []
    query: dict[str, Any] = {"count": 2}

    while query.get("continuation") != "none":
        result = get(stranger(), PATHS["deribit"], **query)["result"]
        losses += [each["session_bankruptcy"] for each in result["settlements"]]
        query["continuation"] = result["continuation"]

    assert losses == [1, 1, 1000.00000001]


def test_deribit_settlements_of_a_contract_are_its_funds(settled: Cycle) -> None:
    path = PATHS["deribit"].replace("by_currency", "by_instrument")
    post(client(Role.ENGINE), "/contracts/", contract())

    assert get(stranger(), path, instrument_name="BTC-PERP") == get(stranger(), PATHS["deribit"])
    assert get(stranger(), path, instrument_name="DOGE-PERP")["result"]["settlements"] == []
    refused_get(stranger(), path, status=400, code="field_required")
