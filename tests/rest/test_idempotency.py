"""`Idempotency-Key` where the body has no reference: done once, answered the same ever after."""

from typing import Any

import psycopg
import pytest
from django.db import connection
from rest_framework.test import APIClient

from config.scratch import urls_of_environment
from ledger.models import Currency, Entry
from ledger.rest.idempotency import lock_number
from ledger.rest.models import ApiKey, IdempotentAnswer, Role
from tests.builders import open_accounts
from tests.rest.api import client, post, problem_of, refused_post, send
from tests.rest.test_entries import deposit

pytestmark = pytest.mark.django_db


@pytest.fixture
def bookkeeper() -> APIClient:
    return client(Role.BOOKKEEPER, name="books")


def body(**more: Any) -> dict[str, Any]:
    return {"code": "USDT", "decimals": 6, **more}


def test_same_request_again_gets_the_first_answer(bookkeeper: APIClient) -> None:
    first = post(bookkeeper, "/currencies/", body(), key="k1")

    again = bookkeeper.post("/api/v1/currencies/", body(), format="json", headers={"Idempotency-Key": "k1"})

    assert (again.status_code, again.json()) == (200, first)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert IdempotentAnswer.objects.count() == 1


def test_key_that_came_with_another_body_is_refused(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/currencies/", body(), key="k1")

    refused_post(bookkeeper, "/currencies/", body(code="BTC"), status=409, code="reference_reused", key="k1")

    assert not Currency.objects.filter(code="BTC").exists()


def test_order_and_spacing_of_the_body_do_not_matter(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/currencies/", body(), key="k1")

    body_again = b'{ "decimals": 6,\n "code": "USDT" }'
    again = send(bookkeeper, "/currencies/", body_again, "application/json", HTTP_IDEMPOTENCY_KEY="k1")

    assert again.status_code == 200


def test_refusal_is_repeated_as_a_refusal(bookkeeper: APIClient) -> None:
    first = refused_post(bookkeeper, "/currencies/", body(code="?"), status=422, code="name_malformed", key="k1")

    again = bookkeeper.post("/api/v1/currencies/", body(code="?"), format="json", headers={"Idempotency-Key": "k1"})

    # Each request has an id of its own; the refusal is the same one.
    assert problem_of(again, status=422, code="name_malformed") | {"request_id": first["request_id"]} == first
    assert again.headers["Idempotent-Replayed"] == "true"


def test_keys_of_two_callers_do_not_meet(bookkeeper: APIClient) -> None:
    post(bookkeeper, "/currencies/", body(), key="k1")

    post(client(Role.TREASURY), "/currencies/", body(code="BTC"), key="k1")


def test_request_in_flight_is_told_so(bookkeeper: APIClient) -> None:
    key = ApiKey.objects.get(name="books")
    here = urls_of_environment().named(str(connection.settings_dict["NAME"]))
    with psycopg.connect(here.service) as first, first.transaction():
        first.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(key, "k1")])
        refused_post(bookkeeper, "/currencies/", body(), status=409, code="request_in_flight", key="k1")

    assert not Currency.objects.exists()
    post(bookkeeper, "/currencies/", body(), key="k1")


@pytest.mark.parametrize("key", ["x" * 201, "a\tb", "\xe4"])
def test_malformed_key_is_refused(bookkeeper: APIClient, key: str) -> None:
    refused_post(bookkeeper, "/currencies/", body(), status=400, code="idempotency_key_malformed", key=key)


def test_malformed_key_is_refused_also_where_the_body_has_a_reference() -> None:
    open_accounts("custody:USDT")
    made = client(Role.BOOKKEEPER, name="books")
    refused_post(made, "/entries/", deposit("d1"), status=400, code="idempotency_key_malformed", key="\xe4")
    assert not Entry.objects.exists()
