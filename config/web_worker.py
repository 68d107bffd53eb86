"""The web server's worker: what is no HTTP request is refused as a problem document too, and whoever sent a body that
was not read is told that the connection ends."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from ledger.rest.problems import CONTENT_TYPE, problem

# What is left of a body after its answer is read and forgotten up to here; beyond it the server ends the connection.
_FORGOTTEN = 1 << 16


class ProblemWorker(ThreadWorker):  # type: ignore[misc]  # the package has no types
    """Answers `request_line_too_long` (414), `headers_too_large` (431), `request_malformed` (400)."""

    wsgi: Any

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi = _closing(self.wsgi)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        if isinstance(exc, ParseException):
            self.log.warning("Refused what is no request from %s: %s", addr, exc)
            _write(client, _document(exc, line_limit=self.cfg.limit_request_line))
        else:
            super().handle_error(req, client, addr, exc)


def _closing(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The application, whose answer says `Connection: close` where too much of the request's body is left unread."""

    def answered(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(*args: Any) -> Any:
            if _is_left_unread(environ["wsgi.input"].reader):
                # The server takes no such header from an application; the method is its own response's.
                start_response.__self__.force_close()
            return start_response(*args)

        return application(environ, start)

    return answered


def _is_left_unread(reader: Any) -> bool:
    # Of a body in chunks nobody knows how much is still to come.
    return getattr(reader, "length", 0) > _FORGOTTEN or getattr(reader, "parser", None) is not None


def _document(error: ParseException, *, line_limit: int) -> dict[str, Any]:
    if isinstance(error, LimitRequestLine):
        detail = f"a request line has at most {line_limit} bytes"
        return problem(status=414, code="request_line_too_long", detail=detail)
    if isinstance(error, LimitRequestHeaders):
        return problem(status=431, code="headers_too_large", detail="there are too many headers, or too long ones")
    return problem(status=400, code="request_malformed", detail="the request is not understood")


def _write(client: Any, document: dict[str, Any]) -> None:
    body = orjson.dumps(document)
    head = [
        f"HTTP/1.1 {document['status']} {document['title']}",
        "Connection: close",
        f"Content-Type: {CONTENT_TYPE}",
        f"Content-Length: {len(body)}",
    ]
    # Whoever sent it may not wait for an answer.
    with contextlib.suppress(OSError):
        write_nonblock(client, "\r\n".join([*head, "", ""]).encode() + body)
