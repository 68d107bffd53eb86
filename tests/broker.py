"""A broker of one test's own, to be stopped: that of the run serves others."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError

from config.embedded.binaries import valkey_server
from tests.config.test_serve import free_port
from tests.config.users import wait_until


@contextmanager
def broker() -> Iterator[str]:
    """A running Valkey's address; at the end of the block nothing answers there any more."""
    port = free_port()
    command = [str(valkey_server()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
    url = f"redis://127.0.0.1:{port}/0"

    def answers() -> bool:
        try:
            with Redis.from_url(url) as client:
                return bool(client.ping())
        except RedisError:
            return False

    try:
        wait_until(answers)
        yield url
    finally:
        server.kill()
        server.wait()
