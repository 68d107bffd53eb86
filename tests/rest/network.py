"""How a day's requests reach the server: once and in order, or twice, shuffled, on many connections that break."""

import json
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any

from tests.rest.day import Group, Request

# What says: the same again, a little later.
AGAIN = {"request_in_flight", "service_busy"}
SECONDS_FOR_ALL = 600.0


class Cut(Enum):
    """Where a connection breaks: within the body, behind it, or when the answer comes."""

    IN_BODY = "in body"
    BEFORE_ANSWER = "before answer"
    AT_ANSWER = "at answer"


@dataclass(frozen=True)
class Network:
    """`copies` of every request, on so many connections, this share of them cut once before it is answered."""

    connections: int = 1
    copies: int = 1
    cut_share: float = 0.0
    seed: int = 0

    def send(self, port: int, secrets: Mapping[str, str], groups: Sequence[Group]) -> "Sent":
        """Send until every request is answered; those of one connection and one copy in their order."""
        random = Random(self.seed)
        waiting: deque[_Sending] = deque()
        for group in random.sample(groups, len(groups)) if self.connections > 1 else groups:
            requests = [request for request in group.requests for _ in range(self.copies)]
            if self.connections > 1:
                random.shuffle(requests)
            waiting.extend(_Sending(request, self._cut(random)) for request in requests)
        sent = Sent(port, secrets, waiting, time.monotonic() + SECONDS_FOR_ALL)
        threads = [threading.Thread(target=sent.work) for _ in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sent

    def _cut(self, random: Random) -> Cut | None:
        return random.choice(list(Cut)) if random.random() < self.cut_share else None


@dataclass
class _Sending:
    request: Request
    cut: Cut | None


@dataclass
class Sent:
    """What became of the requests: statuses of each that was answered, and what was never to happen."""

    port: int
    secrets: Mapping[str, str]
    waiting: deque[_Sending]
    deadline: float
    answers: list[tuple[Request, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    cuts: dict[Cut, int] = field(default_factory=lambda: dict.fromkeys(Cut, 0))
    too_early: int = 0

    def work(self) -> None:
        """One connection's part: the next that waits, until none does."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.faults:
            try:
                sending = self.waiting.popleft()
            except IndexError:
                break
            if time.monotonic() > self.deadline:
                self.faults.append(f"not answered in time: {sending.request.path}")
            elif sending.cut is not None:
                self._break_off(sending.request, sending.cut)
                self.cuts[sending.cut] += 1
                self.waiting.appendleft(_Sending(sending.request, None))
            elif not self._answered(connection, sending.request):
                self.waiting.append(sending)
        connection.close()

    def _answered(self, connection: HTTPConnection, request: Request) -> bool:
        """Whether the request is done with: taken, or refused for good, which is a fault."""
        try:
            connection.request("POST", f"/api/v1{request.path}", request.body, self._headers(request))
            response = connection.getresponse()
            document = json.loads(response.read())
        except (HTTPException, OSError, ValueError) as error:
            connection.close()
            self.faults.append(f"{request.path}: {error!r}")
            return True
        if response.status < 300:
            self.answers.append((request, response.status))
            return True
        if document["code"] in AGAIN or document["code"] in request.unless:
            self.too_early += 1
            return False
        self.faults.append(f"{request.path} {request.body[:200]!r}: {response.status} {document}")
        return True

    def _break_off(self, request: Request, cut: Cut) -> None:
        """The request, or a part of it, on a connection that nobody reads an answer from."""
        head = [f"POST /api/v1{request.path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(request.body)}"]
        head += [f"{name}: {value}" for name, value in self._headers(request).items()]
        body = request.body[: len(request.body) // 2] if cut is Cut.IN_BODY else request.body
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
            if cut is Cut.AT_ANSWER:
                select.select([connection], [], [], 60)
            # No farewell: what was not read is thrown away, as when a machine is gone.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def _headers(self, request: Request) -> dict[str, Any]:
        key = {"Idempotency-Key": request.key} if request.key else {}
        return {"Authorization": f"Bearer {self.secrets[request.by]}", "Content-Type": request.media_type, **key}
