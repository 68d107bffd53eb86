"""One request to a webhook's address: no redirect, no proxy, a public address, within a few seconds."""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore

from ledger.errors import Refused
from ledger.events.addresses import parse_url, resolve

ANSWER_KEPT = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request. `status` None: no answer; `answer` then says why."""

    status: int | None
    answer: str
    milliseconds: int
    retry_after: int | None = None

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send(url: str, *, body: bytes, headers: Mapping[str, str], seconds: float) -> Outcome:
    """POST the body, and read the answer's beginning; all of it takes at most `seconds`, the name's look-up apart.

    The addresses that the host has now are checked, and one of them is connected to: a name that has changed its
    address since, or changes it meanwhile, leads nowhere else.
    """
    began = time.monotonic()
    backend = _CheckedBackend(ends_at=began + seconds)
    try:
        parse_url(url)
        with (
            httpcore.ConnectionPool(network_backend=backend, ssl_context=ssl.create_default_context()) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
        ):
            beginning = _beginning(response.iter_stream())
            told = {name.lower(): value for name, value in response.headers}
            wait = told.get(b"retry-after", b"")
            return Outcome(
                status=response.status,
                answer=beginning,
                milliseconds=_since(began),
                retry_after=int(wait) if wait.isdigit() and len(wait) < 9 else None,
            )
    except Refused as refused:
        return Outcome(None, f"{refused.code}: {refused.detail}"[:ANSWER_KEPT], _since(began))
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        return Outcome(None, f"{type(error).__name__}: {error}"[:ANSWER_KEPT], _since(began))


@dataclass(slots=True)
class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that are allowed, and to no others; nothing on it goes on after `ends_at`."""

    ends_at: float
    _network: httpcore.SyncBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in resolve(host, port):
            try:
                stream = self._network.connect_tcp(
                    address, port, timeout=_left(self.ends_at), socket_options=socket_options
                )
            except httpcore.NetworkError as error:
                failed = error
            else:
                return _TimedStream(stream, self.ends_at)
        raise failed

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise AssertionError("a webhook is no local socket")

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


@dataclass(slots=True)
class _TimedStream(httpcore.NetworkStream):
    """A connection of which every step has only what is left of the time: an answer by drops ends with it too."""

    stream: httpcore.NetworkStream
    ends_at: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, timeout=_left(self.ends_at))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, timeout=_left(self.ends_at))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self.stream.start_tls(ssl_context, server_hostname, timeout=_left(self.ends_at))
        return _TimedStream(secured, self.ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for it is over")
    return left


def _beginning(chunks: Iterable[bytes]) -> str:
    """As much of the answer as is kept; the rest is not read."""
    read = b""
    for chunk in chunks:
        read += chunk
        if len(read) >= ANSWER_KEPT:
            break
    return read[:ANSWER_KEPT].decode(errors="replace").replace("\0", "�")


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
