"""What is JSON and yet nothing that anybody means is refused like anything else that is wrong."""

import json

import pytest
from rest_framework.test import APIClient

from ledger.models import Currency
from ledger.rest.models import IdempotentAnswer, Role
from tests.builders import open_accounts
from tests.rest.api import client, post, problem_of, send, stranger
from tests.rest.test_entries import deposit

pytestmark = pytest.mark.django_db
JSON = "application/json"
HALF_A_PAIR = r'"\ud800"'
BEYOND_64_BITS = "1" + "0" * 40
DEEP = "[" * 300 + "]" * 300


@pytest.fixture
def bookkeeper() -> APIClient:
    return client(Role.BOOKKEEPER, name="books")


def test_name_that_is_no_text_is_an_unknown_field(bookkeeper: APIClient) -> None:
    response = send(bookkeeper, "/entries/", f"{{{HALF_A_PAIR}: 1}}".encode(), JSON)

    document = problem_of(response, status=422, code="field_required")
    assert "field_unknown" in {each["code"] for each in document["errors"]}


@pytest.mark.parametrize("reference", [HALF_A_PAIR, BEYOND_64_BITS, DEEP, '{"a": 1}', "true"])
def test_reference_that_is_none_refuses_its_item_and_no_other(bookkeeper: APIClient, reference: str) -> None:
    open_accounts("custody:USDT", "trader:ann:USDT")
    items = f'[{json.dumps(deposit("d1"))}, {{"reference": {reference}}}]'

    response = send(bookkeeper, "/entries/", f'{{"atomic": false, "items": {items}}}'.encode(), JSON)

    assert response.status_code == 201, response.content
    taken, refused = response.json()["items"]
    assert (taken["status"], taken["reference"], refused["status"]) == (201, "d1", 422)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (f'{{"code": {HALF_A_PAIR}, "decimals": 1}}', "text_malformed"),
        (f'{{"code": "USDT", "decimals": {BEYOND_64_BITS}}}', "out_of_range"),
        (f'{{"code": {DEEP}, "decimals": 1}}', "string_expected"),
        (DEEP, "object_expected"),
        (f'{{"code": "USDT", "decimals": 1, {HALF_A_PAIR}: 1}}', "field_unknown"),
        (r'{"code": "USDT", "decimals": 1, "\u0000": 1}', "field_unknown"),
    ],
    ids=["half a pair", "beyond 64 bits", "deep", "deep list", "half a pair as a name", "NUL as a name"],
)
def test_refusal_of_an_odd_body_is_the_same_with_an_idempotency_key(
    bookkeeper: APIClient, body: str, code: str
) -> None:
    for key in ({}, {"HTTP_IDEMPOTENCY_KEY": "k1"}, {"HTTP_IDEMPOTENCY_KEY": "k1"}):
        problem_of(send(bookkeeper, "/currencies/", body.encode(), JSON, **key), status=422, code=code)
    assert not Currency.objects.exists()


def test_key_of_a_refusal_that_cannot_be_kept_stands_for_nothing(bookkeeper: APIClient) -> None:
    body = rb'{"code": "USDT", "decimals": 6, "\u0000": 1}'
    problem_of(
        send(bookkeeper, "/currencies/", body, JSON, HTTP_IDEMPOTENCY_KEY="k1"), status=422, code="field_unknown"
    )

    assert not IdempotentAnswer.objects.exists()
    post(bookkeeper, "/currencies/", {"code": "USDT", "decimals": 6}, key="k1")


@pytest.mark.parametrize("cursor", ["//[", "http://[", "https://[::1"])
def test_cursor_that_is_no_address_either_is_refused(cursor: str) -> None:
    response = stranger().get("/api/v1/public/insurance-fund/", {"cursor": cursor})

    problem_of(response, status=400, code="cursor_malformed")
