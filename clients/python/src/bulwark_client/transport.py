"""One HTTP call, tried again where that is safe."""

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bulwark_client import wire
from bulwark_client.errors import AnswerMalformed, Problem, Unanswered, refusal

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
JSON, NDJSON = "application/json", "application/x-ndjson"
# The service cannot take it now: it was overrun, is starting, or lost a race for a lock. Or it failed, and nobody knows
# whether the event was in the books by then.
_BUSY = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a call is tried, and the seconds between. Each wait is twice the one before, of which a random part.

    `Retry-After` of an answer is waited for, up to `delay_most`.
    """

    attempts: int = 6
    delay_first: float = 0.1
    delay_most: float = 10.0

    def delay(self, failures: int, *, asked: float | None = None) -> float:
        """Seconds to wait after so many failures; at least what the service `asked` for, both within the most."""
        backoff = min(self.delay_most, self.delay_first * 2.0 ** (failures - 1))
        return min(self.delay_most, max(asked or 0.0, random.uniform(backoff / 2, backoff)))


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. `replayed`: the service knew the event, and this is its first result."""

    document: Any
    replayed: bool


class Transport:
    """Calls to one service with one key. Threads may share it."""

    def __init__(self, *, base_url: str, key: str | None, timeout: float, retries: Retries) -> None:
        headers = {"Accept": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._retries = retries
        self._http = httpx.Client(base_url=base_url.rstrip("/") + "/", headers=headers, timeout=timeout)

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        query: Mapping[str, Any] | None = None,
        media_type: str = JSON,
        key: str | None = None,
        repeatable: bool,
    ) -> Answer:
        """The answer to a call. `repeatable`: the same call twice does what it does once, so it is tried again.

        Raises CallRefused; Unanswered where no try brought an answer; AnswerMalformed.
        """
        headers = {} if body is None else {"Content-Type": media_type}
        if key is not None:
            headers[KEY_HEADER] = key
        parameters = {name: _parameter(value) for name, value in (query or {}).items() if value is not None}
        attempts = self._retries.attempts if repeatable else 1
        for attempt in range(1, attempts + 1):
            asked, cause = None, None
            try:
                response = self._http.request(method, path, content=body, params=parameters, headers=headers)
            except httpx.TransportError as error:
                met, cause = f"{type(error).__name__}: {error}", error
            else:
                if not _is_busy(response):
                    return _answer(response)
                met, asked = _summary(response), _retry_after(response)
            if attempt < attempts:
                time.sleep(self._retries.delay(attempt, asked=asked))
        raise Unanswered(f"{method} {path}, {attempts} of {attempts} tries: {met}") from cause


def _answer(response: httpx.Response) -> Answer:
    document = _document(response)
    if response.is_success:
        return Answer(document, replayed=response.headers.get(REPLAYED_HEADER) == "true")
    if not isinstance(document, dict) or "code" not in document:
        raise AnswerMalformed(f"{response.request.method} {response.request.url}: {_summary(response)}")
    raise refusal(wire.read(Problem, document))


def _is_busy(response: httpx.Response) -> bool:
    if response.status_code == 409:
        document = _document(response)
        return isinstance(document, dict) and document.get("code") == "request_in_flight"
    return response.status_code in _BUSY


def _document(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content) if response.content else None
    except ValueError:
        return None


def _summary(response: httpx.Response) -> str:
    return f"{response.status_code} {response.text[:300]}"


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the answer asks to wait; a date is left to the backoff."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        return None


def _parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(wire.written(value))
