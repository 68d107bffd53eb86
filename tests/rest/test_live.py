"""The API on a real server: bodies in chunks, bodies that are cut off, the same event on many connections at once."""

import json
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
from django.utils import timezone

from config import serve
from config.scratch import DatabaseUrls
from fund.models import CyclePosition
from ledger.models import Entry
from ledger.rest.keys import create_key
from ledger.rest.models import Role
from tests.builders import balance, open_accounts
from tests.config.test_serve import answers, free_port
from tests.config.users import wait_until
from tests.fund.builders import open_cycle, open_fund
from tests.rest.takeovers import contract, fill, takeover
from tests.rest.test_entries import deposit


class Server:
    """The API at a port, with one key of each role."""

    def __init__(self, port: int) -> None:
        self.port = port
        roles: list[Role] = [role for role in Role if role is not Role.TRADER]
        self.secrets = {role: create_key(name=role, role=role, created_at=timezone.now())[1] for role in roles}

    def post(
        self, role: Role, path: str, body: bytes | Iterable[bytes], media_type: str = "application/json", **headers: str
    ) -> tuple[int, Any]:
        """Status and document. A body that is no bytes goes out in chunks."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        chunked = {} if isinstance(body, bytes) else {"Transfer-Encoding": "chunked"}
        authorization = {"Authorization": f"Bearer {self.secrets[role]}", "Content-Type": media_type}
        connection.request(
            "POST", f"/api/v1{path}", body, {**authorization, **chunked, **headers}, encode_chunked=bool(chunked)
        )
        response = connection.getresponse()
        document = json.loads(response.read())
        connection.close()
        return response.status, document

    def get(self, role: Role, address: str) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", address, headers={"Authorization": f"Bearer {self.secrets[role]}"})
        document = json.loads(connection.getresponse().read())
        connection.close()
        return document

    def send(self, role: Role, path: str, *, headers: Iterable[str], body: bytes) -> bytes:
        """The whole answer to a request that ends where `body` ends, whatever its headers say."""
        head = [f"POST /api/v1{path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.secrets[role]}"]
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall("\r\n".join([*head, *headers, "", ""]).encode() + body)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while received := connection.recv(1 << 16):
                answer += received
        return answer


@pytest.fixture
def server(committed_db: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name, value in committed_db.environment().items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with serve.running({"web": serve.web(port)}):
        wait_until(lambda: answers(port))
        yield Server(port)


def test_bodies_in_chunks_are_read_to_their_end(server: Server) -> None:
    open_fund("shared_loss")
    path = f"/cycles/{open_cycle(1).pk}/positions/"

    def rows() -> Iterator[bytes]:
        yield b"position,trader,contract,profit\n"
        for start in range(0, 20_000, 1000):
            yield b"".join(b"p%d,bob,X,0.%d\n" % (number, number + 1) for number in range(start, start + 1000))

    assert server.post(Role.ENGINE, path, rows(), "text/csv") == (201, {"added": 20_000, "replayed": 0})
    assert CyclePosition.objects.count() == 20_000
    chunks = [b'[{"position": "one more", "trader"', b': "bob", "profit": "1"}]']
    assert server.post(Role.ENGINE, path, iter(chunks))[0] == 201


CSV = b"position,trader,profit\np1,bob,5\np2,sue,12\n"


def test_body_that_is_cut_off_is_refused_and_nothing_of_it_kept(server: Server) -> None:
    open_fund("shared_loss")
    path = f"/cycles/{open_cycle(1).pk}/positions/"
    length, chunked = f"Content-Length: {len(CSV) + 10}", "Transfer-Encoding: chunked"
    cut_off = {
        "short of its length": (length, CSV),
        "without the last chunk": (chunked, b"%x\r\n%s\r\n" % (len(CSV), CSV)),
        "inside a chunk": (chunked, b"%x\r\n%s" % (len(CSV) + 10, CSV)),
        "with a chunk that is none": (chunked, b"%x\r\n%s\r\nnonsense\r\n" % (len(CSV), CSV)),
    }

    for how, (header, body) in cut_off.items():
        answer = server.send(Role.ENGINE, path, headers=["Content-Type: text/csv", header], body=body)

        assert b" 400 " in answer.partition(b"\r\n")[0], (how, answer)
        assert b"body_cut_off" in answer, how
        assert not CyclePosition.objects.exists(), how


def test_what_is_no_request_is_a_problem_too(server: Server) -> None:
    refused = {
        b"GET /api/v1/entries/?kind=" + b"x" * 8200 + b" HTTP/1.1": (b" 414 ", b"request_line_too_long"),
        b"GET /api/v1/entries/ HTTP/1.1\r\nX-Long: " + b"x" * 9000: (b" 431 ", b"headers_too_large"),
        b"nonsense": (b" 400 ", b"request_malformed"),
    }

    for head, (status, code) in refused.items():
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(head + b"\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        assert status in answer.partition(b"\r\n")[0], answer
        assert b"Content-Type: application/problem+json" in answer
        assert code in answer


@pytest.mark.parametrize("chunked", [False, True])
def test_answer_to_a_body_that_is_not_read_says_that_the_connection_ends(server: Server, chunked: bool) -> None:
    body = b" " * 200_000
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body

    unread = server.send(Role.AUDITOR, "/entries/", headers=["Content-Type: application/json", length], body=sent)
    read = server.send(Role.BOOKKEEPER, "/entries/", headers=["Content-Type: application/json", length], body=sent)

    assert b" 403 " in unread.partition(b"\r\n")[0], unread
    assert b"\r\nConnection: close\r\n" in unread
    assert b" 400 " in read.partition(b"\r\n")[0], read
    assert b"\r\nConnection: close\r\n" not in read


def test_next_request_is_answered_on_the_same_connection_after_a_short_body_that_was_not_read(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.secrets[Role.AUDITOR]}", "Content-Type": "application/json"}
    for _ in range(2):
        connection.request("POST", "/api/v1/entries/", b" " * 10_000, headers)
        response = connection.getresponse()
        assert (response.status, response.headers["Connection"]) == (403, "keep-alive")
        response.read()
    connection.close()


def test_one_event_on_many_connections_at_once_is_booked_once(server: Server) -> None:
    open_accounts("custody:USDT")
    body = json.dumps(deposit("d1")).encode()

    with ThreadPoolExecutor(8) as pool:
        answers_ = list(pool.map(lambda _: server.post(Role.BOOKKEEPER, "/entries/", body), range(16)))

    assert sorted(status for status, _ in answers_) == [200] * 15 + [201]
    assert len({json.dumps(document) for _, document in answers_}) == 1
    assert Entry.objects.count() == 1
    assert balance("trader:ann:USDT") == "10"


def test_one_request_with_a_key_on_many_connections_at_once_is_done_once(server: Server) -> None:
    body = json.dumps({"code": "USDT", "decimals": 6}).encode()
    key = {"Idempotency-Key": "k1"}

    with ThreadPoolExecutor(8) as pool:
        answers_ = list(pool.map(lambda _: server.post(Role.BOOKKEEPER, "/currencies/", body, **key), range(16)))

    statuses = [status for status, _ in answers_]
    assert statuses.count(201) == 1
    # Those that came while the first was under way were told so.
    assert set(statuses) <= {200, 201, 409}
    in_flight = {document["code"] for status, document in answers_ if status == 409}
    assert in_flight <= {"request_in_flight"}


def test_takeovers_of_one_fund_close_side_by_side(server: Server) -> None:
    open_fund("full_cover", contribution="1000")
    server.post(Role.ENGINE, "/contracts/", json.dumps(contract()).encode())
    items = [takeover(f"t{number}") for number in range(24)]
    assert server.post(Role.ENGINE, "/takeovers/", json.dumps({"items": items}).encode())[0] == 201

    def close(number: int) -> int:
        told = json.dumps(fill(f"f{number}", price="28001")).encode()
        return server.post(Role.ENGINE, f"/takeovers/t{number}/fills/", told)[0]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(close, range(24))) == {201}
    assert balance("fund:usdt") == "1024"


def test_every_row_of_the_start_is_on_one_page_while_others_come_in(server: Server) -> None:
    open_accounts("custody:USDT")
    items = [deposit(f"d{number}") for number in range(200)]
    assert server.post(Role.BOOKKEEPER, "/entries/", json.dumps({"items": items}).encode())[0] == 201
    seen: list[str] = []

    with ThreadPoolExecutor(4) as pool:
        written = [
            pool.submit(server.post, Role.BOOKKEEPER, "/entries/", json.dumps(deposit(f"new{number}")).encode())
            for number in range(100)
        ]
        address = "/api/v1/entries/?limit=7"
        while address:
            page = server.get(Role.AUDITOR, address)
            seen += [row["reference"] for row in page["results"]]
            address = (page["next"] or "").partition(f":{server.port}")[2]
        assert {each.result()[0] for each in written} == {201}

    assert len(seen) == len(set(seen))
    assert set(seen) >= {f"d{number}" for number in range(200)}
