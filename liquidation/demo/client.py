"""What an engine needs to speak to the REST API: a connection per thread, one call a line, no surprise swallowed."""

import http.client
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

# A settlement of a large cycle is the longest answer.
SECONDS_TO_ANSWER = 300.0
_ROWS_A_PAGE = 1000


class CallRefused(Exception):
    """An answer other than the story expects: the call, its status, and the problem's code and detail."""

    def __init__(self, call: str, status: int, document: Any) -> None:
        code, detail = (
            (document.get("code"), document.get("detail")) if isinstance(document, dict) else (None, document)
        )
        super().__init__(f"{call} was answered with {status} {code or ''}: {detail}")
        self.status = status
        self.code = code


class Api:
    """The API at `url` (http, loopback), with one key. Threads may share it."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None, f"{url} names no host"
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._local = threading.local()

    def get(self, path: str, **query: str) -> Any:
        """Read a resource. Errors: CallRefused."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, None, {})

    def rows(self, path: str, **query: str) -> Iterator[Any]:
        """Every row of a list, page after page. Errors: CallRefused."""
        target: str | None = f"{self._prefix}{path}?{urlencode({**query, 'limit': str(_ROWS_A_PAGE)})}"
        while target:
            page = self._call("GET", target.removeprefix(self._prefix), None, {})
            yield from page["results"]
            # `next` is a whole address; the connection stays where it is.
            following = urlsplit(page["next"] or "")
            target = f"{following.path}?{following.query}" if following.path else None

    def post(self, path: str, document: Mapping[str, Any], *, once: str | None = None) -> Any:
        """Record an event. `once`: the idempotency key of a body without a reference. Errors: CallRefused."""
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": once} if once else {})}
        return self._call("POST", path, json.dumps(document).encode(), headers)

    def stream(self, path: str, chunks: Iterable[bytes], *, content_type: str) -> Any:
        """Send rows as they come, chunked, without knowing how many there will be. Errors: CallRefused."""
        return self._call("POST", path, chunks, {"Content-Type": content_type, "Transfer-Encoding": "chunked"})

    def _call(self, method: str, path: str, body: bytes | Iterable[bytes] | None, headers: Mapping[str, str]) -> Any:
        chunked = "Transfer-Encoding" in headers
        for again in (False, True):
            connection = self._connection()
            try:
                connection.request(
                    method, self._prefix + path, body, {**self._headers, **headers}, encode_chunked=chunked
                )
                answer = connection.getresponse()
                content = answer.read()
                break
            except (http.client.HTTPException, ConnectionError):
                # The server may close a connection that was idle. Events carry a reference: sent twice, booked once.
                connection.close()
                self._local.connection = None
                if again or chunked:
                    raise
        document = _document(content)
        if answer.status >= 300:
            raise CallRefused(f"{method} {path}", answer.status, document)
        return document

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=SECONDS_TO_ANSWER)
            self._local.connection = connection
        return connection


def _document(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content[:200].decode(errors="replace")
