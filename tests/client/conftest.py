"""A live server, and clients of it with a key of each role."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from bulwark_client import Client, Retries
from django.utils import timezone

from config import serve
from config.scratch import DatabaseUrls
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from tests.config.test_serve import answers, free_port
from tests.config.users import wait_until


class Service:
    """The API at `url`, and clients that live as long as it does."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1"
        self._stack = stack

    def secret(self, role: Role, *, name: str | None = None, trader: str = "") -> str:
        return create_key(name=name or f"{role}-of-{trader}", role=role, trader=trader, created_at=timezone.now())[1]

    def client(self, role: Role, *, name: str | None = None, trader: str = "") -> Client:
        return self.client_with(self.secret(role, name=name or f"{role}{trader}", trader=trader))

    def client_with(self, secret: str | None, *, retries: Retries | None = None) -> Client:
        return self._stack.enter_context(Client(self.url, secret, retries=retries))


@pytest.fixture
def service(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    for name, value in committed_db.environment().items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with serve.running({"web": serve.web(port)}), ExitStack() as stack:
        wait_until(lambda: answers(port))
        yield Service(port, stack)
