"""Whatever goes wrong is answered as a problem document, whoever found it."""

import gzip
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client as Browser
from django.test import override_settings
from rest_framework.test import APIClient

from ledger.models import Currency
from ledger.rest.models import Role
from ledger.rest.problems import document_of
from tests.rest.api import client, problem_of, refused_get, send, stranger

pytestmark = pytest.mark.django_db
ENTRIES = "/api/v1/entries/"


@pytest.fixture
def bookkeeper() -> APIClient:
    return client(Role.BOOKKEEPER)


@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/nothing", "/api/v1/entries/x/", "/api/v1/accounts/a/b/c/"])
def test_unknown_address_is_a_problem(path: str) -> None:
    problem_of(stranger().get(path), status=404, code="not_found")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/v1/entries", "/api/v1/takeovers/t1/fills", "/api/v1/public/insurance-fund"])
def test_path_without_its_slash_is_a_problem_that_names_it(bookkeeper: APIClient, method: str, path: str) -> None:
    response = bookkeeper.generic(method, path)

    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")
    if method != "HEAD":
        assert problem_of(response, status=404, code="not_found")["detail"].endswith(f"slash: {path}/")


def test_path_of_nothing_is_not_said_to_lack_a_slash(bookkeeper: APIClient) -> None:
    document = problem_of(bookkeeper.get("/api/v1/nothing"), status=404, code="not_found")

    assert document["detail"] == "there is nothing at /api/v1/nothing"


def test_people_are_still_sent_to_the_path_with_its_slash() -> None:
    response = stranger().get("/admin")

    assert (response.status_code, response.headers["Location"]) == (301, "/admin/")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/v1/healthz/", "/api/v1/metrics"])
def test_probe_is_read_alone(method: str, path: str) -> None:
    # As a server's caller has it: the test client would leave out the look for a browser's token.
    response = Browser(enforce_csrf_checks=True).generic(method, path, b"{}", "application/json")

    document = problem_of(response, status=405, code="method_not_allowed")
    assert document["request_id"]
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("path", "method", "accept", "status", "code"),
    [
        ("/api/v1/schema/", "POST", "*/*", 405, "method_not_allowed"),
        ("/api/v1/schema/", "GET", "application/xml", 406, "not_acceptable"),
        ("/api/v1/docs/", "POST", "*/*", 405, "method_not_allowed"),
        ("/api/v1/docs/", "GET", "application/xml", 406, "not_acceptable"),
    ],
)
def test_documents_of_the_api_are_refused_as_its_resources_are(
    path: str, method: str, accept: str, status: int, code: str
) -> None:
    response = Browser().generic(method, path, headers={"Accept": accept})

    document = problem_of(response, status=status, code=code)
    assert document["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_method_that_a_resource_lacks_is_a_problem(bookkeeper: APIClient, method: str) -> None:
    response = bookkeeper.generic(method, ENTRIES)

    problem_of(response, status=405, code="method_not_allowed")
    assert response.headers["Allow"] == "GET, POST, HEAD"


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_body_of_another_type_is_a_problem(bookkeeper: APIClient, media_type: str) -> None:
    response = send(bookkeeper, "/entries/", b"x=1", media_type)

    problem_of(response, status=415, code="unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_packed_body_is_a_problem_that_names_it(bookkeeper: APIClient, encoding: str, media_type: str) -> None:
    body = gzip.compress(b'{"code": "USDT", "decimals": 6}')
    response = send(bookkeeper, "/currencies/", body, media_type, HTTP_CONTENT_ENCODING=encoding)

    assert encoding in problem_of(response, status=415, code="content_encoding_not_supported")["detail"]
    assert not Currency.objects.exists()


def test_body_that_is_said_to_be_as_it_is_is_taken(bookkeeper: APIClient) -> None:
    body = b'{"code": "USDT", "decimals": 6}'
    response = send(bookkeeper, "/currencies/", body, "application/json", HTTP_CONTENT_ENCODING="identity")

    assert response.status_code == 201


def test_answer_in_another_type_is_a_problem(bookkeeper: APIClient) -> None:
    response = bookkeeper.get(ENTRIES, headers={"Accept": "application/xml"})

    problem_of(response, status=406, code="not_acceptable")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"nonsense",
        b'{"reference": "a", "reference": "b"}',
        b'{"lines": [{"account": "a", "account": "a"}]}',
        b'{"reference": NaN}',
        b'{"reference": Infinity}',
        b'{"reference": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a": 1' + b"0" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a": "line\nbreak"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_body_that_is_not_strict_json_is_a_problem(bookkeeper: APIClient, body: bytes) -> None:
    response = send(bookkeeper, "/entries/", body, "application/json")

    # No body at all is an empty one to the framework: its fields are missing.
    status, code = (400, "json_malformed") if body else (422, "field_required")
    problem_of(response, status=status, code=code)


def test_body_beyond_the_limit_is_a_problem(bookkeeper: APIClient) -> None:
    with override_settings(API_BODY_LIMIT=100):
        response = send(bookkeeper, "/entries/", b" " * 101, "application/json")

    problem_of(response, status=413, code="body_too_large")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"knid": "deposit"}, "parameter_unknown"),
        ({"effective_from": "yesterday"}, "time_malformed"),
        ({"limit": "0"}, "limit_malformed"),
        ({"limit": "ten"}, "limit_malformed"),
        ({"limit": "-1"}, "limit_malformed"),
        ({"cursor": "x"}, "cursor_malformed"),
        ({"cursor": "WyJhIiwwXQ"}, "cursor_malformed"),
        ({"kind": ["a", "b"]}, "parameter_repeated"),
        ({"reference": "a\0b"}, "text_malformed"),
    ],
)
def test_query_that_is_not_understood_is_a_problem(bookkeeper: APIClient, query: dict[str, Any], code: str) -> None:
    document = refused_get(bookkeeper, "/entries/", status=400, code=code, **query)

    assert document["errors"][0]["parameter"] in query


def test_nul_in_a_path_is_not_found(bookkeeper: APIClient) -> None:
    problem_of(bookkeeper.get("/api/v1/accounts/a%00b/"), status=404, code="not_found")


def test_foreign_host_is_a_problem(bookkeeper: APIClient) -> None:
    problem_of(bookkeeper.get(ENTRIES, headers={"Host": "evil.example"}), status=400, code="request_malformed")


def test_fault_of_ours_is_a_problem_that_says_nothing_of_the_inside(
    bookkeeper: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("ledger.views._entries", fail)

    response = bookkeeper.get(ENTRIES)

    problem_of(response, status=500, code="internal_error")
    assert b"secret" not in response.content


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (psycopg.errors.DeadlockDetected(), "service_busy"),
        (psycopg.errors.SerializationFailure(), "service_busy"),
        (psycopg.OperationalError("the connection is lost"), "service_unavailable"),
        (psycopg.errors.AdminShutdown(), "service_unavailable"),
    ],
)
def test_lost_race_and_lost_connection_ask_for_the_same_request_again(error: Exception, code: str) -> None:
    wrapped = OperationalError()
    wrapped.__cause__ = error

    for each in (error, wrapped):
        document = document_of(each)
        assert document is not None
        assert (document["status"], document["code"]) == (503, code)


def test_fault_of_ours_in_a_statement_is_no_fault_of_the_callers() -> None:
    assert document_of(psycopg.errors.UndefinedTable("relation does not exist")) is None


def test_value_that_no_column_holds_is_refused(bookkeeper: APIClient) -> None:
    refused_get(bookkeeper, f"/cycles/{2**62}/", status=404, code="cycle_unknown")
    assert document_of(psycopg.errors.NumericValueOutOfRange("out of range")) is not None


def test_admin_answers_people_in_their_own_way() -> None:
    response = stranger().get("/admin/nothing/")

    assert "json" not in response.headers["Content-Type"]
