"""What the API's tests are written with: a client per role, and what a refusal must look like."""

from itertools import count
from typing import Any

from django.db import transaction
from django.http import StreamingHttpResponse
from django.utils import timezone
from rest_framework.test import APIClient

from ledger.rest.keys import create_key
from ledger.rest.models import Role
from ledger.rest.problems import CONTENT_TYPE
from tests.builders import balances
from tests.rest import contract

V1 = "/api/v1"
_names = count(1)


class Client(APIClient):
    """A fault of ours is an answer as its caller gets it: the test says 500. Every answer is held to the schema."""

    def __init__(self) -> None:
        super().__init__(raise_request_exception=False)

    def generic(self, method: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
        # A request that is refused is rolled back by itself, inside the transaction of the test.
        with transaction.atomic():
            response: Any = super().generic(method, path, *args, **kwargs)
        if not isinstance(response, StreamingHttpResponse):
            contract.check(response, method=str(method), path=str(path).removeprefix("http://testserver"))
        return response


def client(role: Role, *, name: str | None = None, **key: Any) -> APIClient:
    """A client with a new key of this role."""
    _, secret = create_key(name=name or f"{role}-{next(_names)}", role=role, created_at=timezone.now(), **key)
    return client_with(secret)


def client_with(secret: str) -> APIClient:
    made = Client()
    made.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return made


def stranger() -> APIClient:
    """A client without a key."""
    return Client()


def get(by: APIClient, path: str, **query: Any) -> Any:
    """The answer's document; the request must succeed."""
    response = by.get(V1 + path, query)
    assert response.status_code == 200, response.content
    return response.json()


def post(by: APIClient, path: str, body: Any, *, status: int = 201, key: str = "") -> Any:
    """The answer's document; the request must be answered with this status. `key`: its Idempotency-Key."""
    response = by.post(V1 + path, body, format="json", headers={"Idempotency-Key": key} if key else None)
    assert response.status_code == status, response.content
    return response.json()


def refused_post(by: APIClient, path: str, body: Any, *, status: int, code: str, key: str = "") -> Any:
    """The problem document; nothing may have moved."""
    before = balances()
    response = by.post(V1 + path, body, format="json", headers={"Idempotency-Key": key} if key else None)
    document = problem_of(response, status=status, code=code)
    assert balances() == before
    return document


def refused_get(by: APIClient, path: str, *, status: int, code: str, **query: Any) -> Any:
    return problem_of(by.get(V1 + path, query), status=status, code=code)


def problem_of(response: Any, *, status: int, code: str) -> Any:
    """The response's problem document, after a look at what every one has."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == CONTENT_TYPE
    document = response.json()
    assert document["status"] == status
    assert document["code"] == code, document
    assert {"type", "title", "detail"} < set(document)
    return document


def send(by: APIClient, path: str, body: bytes, media_type: str, *, method: str = "POST", **environ: str) -> Any:
    """The response to a body as it is."""
    # The stubs know texts alone as bodies.
    return by.generic(method, V1 + path, body, media_type, **environ)  # type: ignore[arg-type]


def every_row(by: APIClient, path: str, **query: Any) -> list[Any]:
    """All rows of a list, page after page."""
    rows: list[Any] = []
    page = get(by, path, **query)
    rows += page["results"]
    while page["next"]:
        response = by.get(page["next"])
        assert response.status_code == 200, response.content
        page = response.json()
        rows += page["results"]
    return rows
