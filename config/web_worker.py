"""The web server's worker: what is no HTTP request is refused as a problem document too."""

import contextlib
from typing import Any

import orjson
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from ledger.rest.problems import CONTENT_TYPE, problem


class ProblemWorker(ThreadWorker):  # type: ignore[misc]  # the package has no types
    """Answers `request_line_too_long` (414), `headers_too_large` (431), `request_malformed` (400)."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        if isinstance(exc, ParseException):
            self.log.warning("Refused what is no request from %s: %s", addr, exc)
            _write(client, _document(exc, line_limit=self.cfg.limit_request_line))
        else:
            super().handle_error(req, client, addr, exc)


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
