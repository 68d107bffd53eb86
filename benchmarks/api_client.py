"""The load of the API's benchmark, in a process of its own: keep-alive connections, each with one request under way.

`python -m benchmarks.api_client PORT SECRET KIND CONNECTIONS SECONDS NAME`: KIND is `empty`, `single` or `batch`, of
1,000 takeovers. Every process of the server gets as many of the connections: which one takes a connection is chance,
and chance is not measured here. Prints the seconds it took, then the seconds of each request.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator

ITEMS_PER_BATCH = 1_000
TRADERS = 1_000
# Each has a clearing account, and takeovers of one contract wait for each other there until they are on the disk.
CONTRACTS = 100
# Of the server: what `make run` starts.
PROCESSES = 2
EMPTY = b"GET /empty/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


def takeover(name: str, number: int) -> dict[str, str]:
    """A takeover as an engine reports it, each of the same length."""
    return {
        "reference": f"{name}-{number:09}",
        "contract": f"X{number % CONTRACTS}-PERP",
        "trader": f"t{number % TRADERS}",
        "side": "long",
        "quantity": "1.5",
        "bankruptcy_price": "28000.5",
        "margin": "1000.25",
        "taken_over_at": "2026-01-01T00:00:00Z",
    }


def requests(kind: str, secret: str, name: str) -> Iterator[bytes]:
    """Whole requests without end, no two with the same reference."""
    number = 0
    while True:
        if kind == "empty":
            yield EMPTY
            continue
        if kind == "single":
            document: object = takeover(name, number)
            number += 1
        else:
            document = {"items": [takeover(name, number + place) for place in range(ITEMS_PER_BATCH)]}
            number += ITEMS_PER_BATCH
        body = json.dumps(document).encode()
        head = (
            "POST /api/v1/takeovers/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {secret}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


class Caller:
    """One connection: its request on the way, and what has come back of the answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self._received = b""

    def send(self, request: bytes) -> None:
        self.sent_at, self._received = time.perf_counter(), b""
        self.socket.sendall(request)

    def answered(self) -> bool:
        """Read what is there; whether the answer is whole. Raises RuntimeError where it is a refusal."""
        self._received += self.socket.recv(1 << 20)
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            if not self._received:
                raise RuntimeError("the server closed a connection")
            return False
        status = head[9:12]
        if status not in (b"200", b"201"):
            raise RuntimeError(self._received.decode())
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return len(body) >= int(length)

    def process(self) -> bytes:
        """Which process of the server has this connection."""
        self.send(EMPTY)
        while not self.answered():
            pass
        return self._received.partition(b"\r\n\r\n")[2]


def spread(port: int, connections: int) -> list[Caller]:
    """So many connections, as many to each process."""
    share = connections // PROCESSES
    found: dict[bytes, list[Caller]] = {}
    for _ in range(1_000):
        caller = Caller(port)
        of_process = found.setdefault(caller.process(), [])
        of_process.append(caller)
        if len(found) == PROCESSES and min(map(len, found.values())) >= share:
            break
    else:
        raise RuntimeError(f"of 1,000 connections not {share} came to each of {PROCESSES} processes")
    for each in found.values():
        for caller in each[share:]:
            caller.socket.close()
    return [caller for each in found.values() for caller in each[:share]]


def run(port: int, made: Iterator[bytes], *, connections: int, seconds: float) -> tuple[float, list[float]]:
    """Have each connection send the next request as soon as its last is answered. Returns the whole time and each."""
    waiting = selectors.DefaultSelector()
    callers = spread(port, connections)
    times: list[float] = []
    started = time.perf_counter()
    for caller in callers:
        waiting.register(caller.socket, selectors.EVENT_READ, caller)
        caller.send(next(made))
    under_way = len(callers)
    while under_way:
        for key, _ in waiting.select():
            caller = key.data
            if not caller.answered():
                continue
            now = time.perf_counter()
            times.append(now - caller.sent_at)
            if now - started < seconds:
                caller.send(next(made))
            else:
                waiting.unregister(caller.socket)
                caller.socket.close()
                under_way -= 1
    return time.perf_counter() - started, times


if __name__ == "__main__":
    _, port, secret, kind, connections, seconds, name = sys.argv
    whole, times = run(int(port), requests(kind, secret, name), connections=int(connections), seconds=float(seconds))
    print(whole, *times)
