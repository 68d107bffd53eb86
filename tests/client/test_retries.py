"""When a call is made again, and when it is not: against a server that answers as it is told."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from bulwark_client import (
    AnswerMalformed,
    CallRefused,
    Client,
    Conflict,
    NewEntry,
    NotAllowed,
    NotFound,
    Retries,
    Unanswered,
)
from bulwark_client.transport import Transport

HASTY = Retries(attempts=4, delay_first=0.001, delay_most=0.01)
ScriptedAnswer = tuple[int, dict[str, str], Any]
CURRENCY: ScriptedAnswer = (201, {}, {"code": "USDT", "decimals": 6})
CUT = None


def refused(status: int, code: str, **headers: str) -> ScriptedAnswer:
    document = {"type": f"urn:bulwark:problem:{code}", "title": "", "status": status, "code": code, "detail": "so"}
    return status, headers, document


@dataclass
class Script:
    """Answers in their order, the last one for ever, and the requests that came. None: the connection is cut."""

    answers: list[ScriptedAnswer | None]
    url: str = ""
    seen: list[tuple[str, str | None, bytes]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


@contextmanager
def served(*answers: ScriptedAnswer | None) -> Iterator[Script]:
    script = Script(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.seen.append((self.path, self.headers.get("Idempotency-Key"), body))
            script.times.append(time.monotonic())
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, headers, document = answer
            content = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1"
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "failure",
    [
        CUT,
        (502, {}, b"<html>bad gateway</html>"),
        refused(503, "service_busy"),
        (504, {}, b""),
        refused(500, "internal_error"),
        (500, {}, b"<html>failed</html>"),
        refused(429, "throttled"),
        refused(409, "request_in_flight"),
    ],
    ids=["cut", "502", "503", "504", "500", "500 of a proxy", "429", "in flight"],
)
def test_a_call_is_made_again_with_the_same_key_and_body(failure: Any) -> None:
    with served(failure, failure, CURRENCY) as script, Client(script.url, "k", retries=HASTY) as client:
        assert client.currencies.add(code="USDT", decimals=6).code == "USDT"

    assert len(script.seen) == 3
    assert len(set(script.seen)) == 1
    assert script.seen[0][1], "no idempotency key"


def test_two_calls_have_two_keys_and_a_callers_own_is_kept() -> None:
    with served(CURRENCY) as script, Client(script.url, "k", retries=HASTY) as client:
        for key in (None, None, "mine"):
            client.currencies.add(code="USDT", decimals=6, key=key)

    assert len({key for _, key, _ in script.seen}) == 3
    assert script.seen[-1][1] == "mine"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(409, "reference_reused"), Conflict),
        (refused(404, "fund_unknown"), NotFound),
        (refused(403, "role_not_allowed"), NotAllowed),
        (refused(422, "amount_precision"), CallRefused),
        ((200, {}, b"<html>welcome</html>"), AnswerMalformed),
        ((404, {}, b"no such page"), AnswerMalformed),
    ],
)
def test_a_refusal_is_told_at_once(answer: Any, error: type[Exception]) -> None:
    with served(answer) as script, Client(script.url, "k", retries=HASTY) as client, pytest.raises(error):
        client.currencies.add(code="USDT", decimals=6)

    assert len(script.seen) == 1


def test_a_service_that_fails_to_the_end_may_have_booked_it() -> None:
    with (
        served(refused(500, "internal_error")) as script,
        Client(script.url, "k", retries=HASTY) as client,
        pytest.raises(Unanswered, match="4 of 4 tries"),
    ):
        client.currencies.add(code="USDT", decimals=6)

    assert len(script.seen) == 4


@pytest.mark.parametrize("page", [b"<html>welcome</html>", b"[]", b'{"items": 1, "results": 1, "next": null}', b"{}"])
def test_an_answer_that_is_none_of_the_services_is_told_so(page: bytes) -> None:
    entry = NewEntry(reference="e", kind="deposit", lines=[])
    with served((200, {}, page)) as script, Client(script.url, "k", retries=HASTY) as client:
        with pytest.raises(AnswerMalformed):
            list(client.currencies.list())
        with pytest.raises(AnswerMalformed):
            list(client.entries.post_many([entry], atomic=True))
        with pytest.raises(AnswerMalformed):
            client.funds.replace_open_positions("usdt", [])


def test_after_the_last_try_the_caller_learns_that_nothing_is_known() -> None:
    with (
        served(CUT) as script,
        Client(script.url, "k", retries=HASTY) as client,
        pytest.raises(Unanswered, match="4 of 4 tries") as caught,
    ):
        client.currencies.add(code="USDT", decimals=6)

    assert len(script.seen) == 4
    assert caught.value.__cause__ is not None


def test_nobody_at_the_address_is_no_answer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/api/v1"
        with Client(address, "k", retries=HASTY) as client, pytest.raises(Unanswered, match="ConnectError"):
            client.currencies.add(code="USDT", decimals=6)


def test_what_may_not_be_said_twice_is_said_once() -> None:
    with served(CUT) as script:
        transport = Transport(base_url=script.url, key="k", timeout=5, retries=HASTY)
        with closing(transport), pytest.raises(Unanswered, match="1 of 1"):
            transport.call("POST", "anything/", body=b"{}", repeatable=False)

    assert len(script.seen) == 1


def test_the_service_says_how_long_to_wait_within_the_clients_most() -> None:
    patient = Retries(attempts=3, delay_first=0.001, delay_most=0.4)
    script_of = (
        refused(429, "throttled", Retry_After="0.3"),
        refused(503, "service_busy", Retry_After="3600"),
        CURRENCY,
    )
    with served(*script_of) as script, Client(script.url, "k", retries=patient) as client:
        client.currencies.add(code="USDT", decimals=6)

    first, second = script.times[1] - script.times[0], script.times[2] - script.times[1]
    assert first >= 0.3
    assert 0.4 <= second < 60


def test_waits_double_up_to_the_most_and_differ() -> None:
    retries = Retries(attempts=9, delay_first=0.1, delay_most=1.0)

    for failures, most in enumerate([0.1, 0.2, 0.4, 0.8, 1.0, 1.0], 1):
        waits = {retries.delay(failures) for _ in range(50)}
        assert len(waits) > 1
        assert min(waits) >= most / 2
        assert max(waits) <= most


def test_a_list_is_read_page_after_page_as_it_is_asked_for_whatever_host_the_service_names() -> None:
    def page(code: str, following: str | None) -> ScriptedAnswer:
        results = [{"code": code, "decimals": 6}]
        return 200, {}, {"next": following, "previous": None, "results": results}

    elsewhere = "https://behind.a.proxy/api/v1/currencies/?cursor=a%3D%3D&limit=1000"
    with served(page("USDT", elsewhere), page("BTC", None)) as script, Client(script.url, "k") as client:
        rows = client.currencies.list()
        assert script.seen == []
        assert next(rows).code == "USDT"
        assert len(script.seen) == 1
        assert [row.code for row in rows] == ["BTC"]

    paths = [path for path, _, _ in script.seen]
    assert paths == ["/api/v1/currencies/?limit=1000", "/api/v1/currencies/?cursor=a%3D%3D&limit=1000"]


def test_a_name_that_no_path_can_carry_is_not_sent() -> None:
    with served(CURRENCY) as script, Client(script.url, "k") as client:
        for name in ("", ".", "..", "a/b"):
            with pytest.raises(ValueError, match="cannot stand in a path"):
                client.takeovers.get(name)

        with pytest.raises(ValueError, match="a time needs its offset"):
            client.accounts.balance("fund:usdt", at=datetime(2026, 1, 1))  # noqa: DTZ001  # meant
        assert script.seen == []
        with pytest.raises(AnswerMalformed):
            client.accounts.balance("fund:usdt", at=datetime(2026, 1, 1, tzinfo=UTC))

    assert script.seen[0][0] == "/api/v1/accounts/fund%3Ausdt/balance/?at=2026-01-01T00%3A00%3A00Z"
