"""How many requests a role's key may make. One script in Redis counts them: exact, however many come at once."""

import logging
import math
import threading
import time
from functools import cache
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ledger import metrics
from ledger.broker import redis_at
from ledger.rest.models import ApiKey

PUBLIC = "public"
OFF = "off"
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_SECONDS_TO_ANSWER = 0.25
# After a failure requests pass uncounted for so long: each would otherwise wait for the broker anew.
_SECONDS_AWAY = 5.0

# High rates are taken several requests at a time, at most this part of the rate: a question for each request would cost
# the engine more than it is worth. No more than the rate passes; what a process has taken and not used is lost.
_TAKEN_AT_ONCE = 10_000

# The generic cell rate algorithm. What is kept is the moment at which the caller's allowance would be whole again;
# requests move it on by their share of the period, and are refused where that would lead further than one period ahead.
# Times are microseconds of the server's own clock. Half a share of tolerance takes up what rounding adds.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local share, period, requests = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local whole = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + share * requests
local wait = whole - now - period
if wait > share / 2 then
  return {0, 0, math.ceil(wait), math.ceil(whole - share * requests - now)}
end
redis.call('SET', KEYS[1], string.format('%.3f', whole), 'PX', math.ceil((whole - now) / 1000))
return {1, math.floor((period - whole + now) / share + 0.5), 0, math.ceil(whole - now)}
"""

logger = logging.getLogger("bulwark.throttles")


class Rate(NamedTuple):
    """So many requests in so many seconds, all of them at once where nobody came before."""

    requests: int
    seconds: int

    @classmethod
    def read(cls, text: str) -> "Rate | None":
        """`600/minute`; None for `off`. Raises ImproperlyConfigured."""
        if text == OFF:
            return None
        requests, _, unit = text.partition("/")
        if not requests.isdecimal() or int(requests) < 1 or unit not in _SECONDS:
            raise ImproperlyConfigured(f"{text!r} is no rate: write 600/minute (second, hour, day), or {OFF}")
        return cls(int(requests), _SECONDS[unit])


class Allowance(NamedTuple):
    """What a request left of its caller's rate; `wait` and `whole_in` in seconds."""

    role: str
    rate: Rate
    allowed: bool
    remaining: int
    wait: float
    whole_in: float

    def headers(self) -> dict[str, str]:
        """Source: draft-ietf-httpapi-ratelimit-headers-10, and RFC 9110 for Retry-After."""
        after = max(1, math.ceil(self.wait))
        headers = {
            "RateLimit-Policy": f'"{self.role}";q={self.rate.requests};w={self.rate.seconds}',
            "RateLimit": f'"{self.role}";r={self.remaining};t={after if self.wait else math.ceil(self.whole_in)}',
        }
        return headers if self.allowed else {**headers, "Retry-After": str(after)}


class RoleThrottle(BaseThrottle):
    """Counts by key, without one by the client's address. What is left stands on the view as its `allowance`."""

    def allow_request(self, request: Request, view: Any) -> bool:
        key = request.auth
        role, caller = (key.role, key.digest[:24]) if isinstance(key, ApiKey) else (PUBLIC, self.get_ident(request))
        rate = _rate(settings.THROTTLES[role])
        if rate is None:
            return True
        view.allowance = _counter(settings.REDIS_URL).take(role, caller, rate)
        if view.allowance is None or view.allowance.allowed:
            return True
        metrics.THROTTLED.labels(role).inc()
        return False


class Counter:
    """The counts, kept in one Redis."""

    def __init__(self, url: str) -> None:
        self._script = redis_at(url, seconds=_SECONDS_TO_ANSWER).register_script(_TAKE)
        self._away_until = 0.0
        # What this process has taken and not used yet: how many requests, and the answer that gave them.
        self._taken: dict[tuple[str, str, Rate], tuple[int, Allowance]] = {}
        self._lock = threading.Lock()

    def take(self, role: str, caller: str, rate: Rate) -> Allowance | None:
        """Count one request. None where nobody can count: the books do not stop for it."""
        if time.monotonic() < self._away_until:
            metrics.UNCOUNTED.inc()
            return None
        with self._lock:
            left, known = self._taken.pop((role, caller, rate), (0, None))
            if known is not None:
                if left > 1:
                    self._taken[role, caller, rate] = (left - 1, known)
                return known._replace(remaining=known.remaining + left - 1)
        # Of addresses there is no end: what was taken for one that does not come again would be kept for ever.
        at_once = 1 if role == PUBLIC else max(rate.requests // _TAKEN_AT_ONCE, 1)
        try:
            allowance = self._ask(role, caller, rate, at_once)
            if not allowance.allowed and at_once > 1:
                # The last few come one by one.
                at_once = 1
                allowance = self._ask(role, caller, rate, at_once)
        except RedisError as error:
            self._away_until = time.monotonic() + _SECONDS_AWAY
            metrics.UNCOUNTED.inc()
            logger.warning("requests pass uncounted for %s s: %s", _SECONDS_AWAY, error)
            return None
        if at_once > 1:
            with self._lock:
                self._taken[role, caller, rate] = (at_once - 1, allowance)
        return allowance._replace(remaining=allowance.remaining + at_once - 1) if allowance.allowed else allowance

    def _ask(self, role: str, caller: str, rate: Rate, requests: int) -> Allowance:
        """Take so many requests at once, or none. Raises RedisError."""
        period = rate.seconds * 1_000_000
        name = f"bulwark:throttle:{role}:{caller}"
        answer = self._script(keys=[name], args=[period / rate.requests, period, requests])
        allowed, remaining, wait, whole_in = cast(list[int], answer)
        return Allowance(role, rate, bool(allowed), remaining, wait / 1e6, whole_in / 1e6)


def check_rates() -> None:
    """Have a rate that cannot be read stop the service, not its requests. Raises ImproperlyConfigured."""
    for rate in settings.THROTTLES.values():
        _rate(rate)


@cache
def _counter(url: str) -> Counter:
    return Counter(url)


_rate = cache(Rate.read)
