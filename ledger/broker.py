"""Redis, asked for small things: who waits for it has little patience."""

from functools import cache

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


@cache
def redis_at(url: str, *, seconds: float) -> Redis:
    """A client of this process whose every call ends within about so many seconds.

    A closed connection is opened anew once; a Redis that is down is not waited for.
    """
    return Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 1))
