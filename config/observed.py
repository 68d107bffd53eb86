"""Every request: given an id, timed, counted, and written into the log in one line."""

import logging
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import Histogram

from ledger.rest.models import ApiKey
from ledger.rest.request_ids import HEADER, identified

SECONDS = Histogram(
    "bulwark_request_seconds",
    "Time until the answer was there.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
# Asked for every few seconds by machines: nobody reads a line of it.
_QUIET = ("healthz", "readyz", "metrics")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LENGTH_SHOWN = 300

logger: structlog.stdlib.BoundLogger = structlog.get_logger("bulwark.requests")


class ObservedRequests:
    """The outermost middleware: what the others refuse is seen too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with identified(request.headers.get(HEADER)) as request_id:
            started = time.perf_counter()
            response = self._get_response(request)
            _note(request, response.status_code, time.perf_counter() - started)
            response.headers[HEADER] = request_id
        return response


def _note(request: HttpRequest, status: int, seconds: float) -> None:
    match = request.resolver_match
    # The pattern, never the path: a label for each reference would fill the memory of whoever collects them.
    route = match.route if match else "unmatched"
    method = request.method if request.method in _METHODS else "other"
    SECONDS.labels(method, route, str(status)).observe(seconds)
    level = logging.DEBUG if route.rstrip("/").endswith(_QUIET) else logging.INFO
    logger.log(
        logging.ERROR if status >= 500 else level,
        "request",
        method=method,
        route=route,
        path=request.path[:_LENGTH_SHOWN],
        status=status,
        seconds=round(seconds, 6),
        **_caller(request),
    )


def _caller(request: HttpRequest) -> dict[str, str]:
    """Who it was, where that is known: a key of the API, a person in the admin."""
    key = getattr(request, "auth", None)
    if isinstance(key, ApiKey):
        return {"key": key.name, "role": key.role}
    # Set where a view has asked for the user: asking here would read the session for nobody.
    user = getattr(request, "_cached_user", None)
    return {"user": user.get_username()} if user is not None and user.is_authenticated else {}
