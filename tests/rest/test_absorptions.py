"""A deficit that the house bears, over REST."""

import pytest
from rest_framework.test import APIClient

from ledger.rest.models import Role
from tests.builders import balance
from tests.liquidation.venue import fill, open_venue, take_over
from tests.rest.api import client, post, refused_post

pytestmark = pytest.mark.django_db
PATH = "/funds/usdt/absorptions/"


@pytest.fixture
def treasurer() -> APIClient:
    """Of a fund that carries a deficit of 50."""
    open_venue(contribution="100")
    take_over()
    fill(price="85")
    return client(Role.TREASURY)


def test_the_house_bears_a_part_of_the_deficit_once(treasurer: APIClient) -> None:
    first = post(treasurer, PATH, {"reference": "h1", "amount": "30"})

    assert (first["reference"], first["fund"], first["amount"]) == ("h1", "usdt", "30")
    assert post(treasurer, PATH, {"reference": "h1", "amount": "30"}, status=200) == first
    assert (balance("house-loss:USDT"), balance("deficit:usdt")) == ("30", "20")


def test_more_than_the_deficit_is_refused(treasurer: APIClient) -> None:
    told = refused_post(treasurer, PATH, {"reference": "h1", "amount": "51"}, status=422, code="deficit_insufficient")

    assert told["detail"] == "fund usdt: 51 exceeds the deficit 50 by 1"


def test_the_same_reference_for_another_amount_is_refused(treasurer: APIClient) -> None:
    post(treasurer, PATH, {"reference": "h1", "amount": "30"})

    refused_post(treasurer, PATH, {"reference": "h1", "amount": "31"}, status=409, code="reference_reused")


def test_a_fund_that_is_not_known_is_refused(treasurer: APIClient) -> None:
    path = PATH.replace("usdt", "other")

    refused_post(treasurer, path, {"reference": "h1", "amount": "1"}, status=404, code="fund_unknown")
