"""Commands that use private servers, and what can be seen of them from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

PROJECT = Path(__file__).resolve().parents[2]
# A user of the servers in a process of its own: says where they are, and leaves when its input ends.
USER = """
import sys
from pathlib import Path
from config.embedded import PrivateServers
from config.embedded.postgres import FORGETFUL
with PrivateServers(Path(sys.argv[1]), settings=FORGETFUL) as addresses:
    print(addresses.service_url, flush=True)
    sys.stdin.read()
"""

# One that comes and goes, five times.
HASTY_USER = """
import sys, psycopg
from pathlib import Path
from config.embedded import PrivateServers
from config.embedded.postgres import FORGETFUL
for _ in range(5):
    with PrivateServers(Path(sys.argv[1]), settings=FORGETFUL) as addresses:
        psycopg.connect(addresses.service_url).close()
"""
# Has servers of its own, on a folder within the one that it is given.
SCRATCH_USER = """
import sys
from pathlib import Path
from config.embedded import PrivateServers
from config.embedded.postgres import FORGETFUL
with PrivateServers.scratch(settings=FORGETFUL, within=Path(sys.argv[1])) as addresses:
    print(addresses.service_url, flush=True)
    sys.stdin.read()
"""


class User:
    """Another command that uses the servers of a state folder."""

    def __init__(self, state: Path, *prefix: str, packages: Path | None = None, script: str = USER) -> None:
        path = os.pathsep.join(str(folder) for folder in (packages, PROJECT) if folder is not None)
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", script, str(state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
        )

    def service_url(self) -> str:
        assert self.process.stdout is not None
        line: str = self.process.stdout.readline()
        return line.strip()

    def leave(self) -> int:
        self.process.communicate()
        return self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def processes_of(mark: Path | str) -> list[str]:
    """Command lines of the processes that work in a folder, write there, or name it, or any other mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            place, output = os.readlink(process / "cwd"), os.readlink(process / "fd" / "1")
        except OSError:
            continue
        if int(process.name) != os.getpid() and any(str(mark) in text for text in (command, place, output)):
            found.append(command)
    return found


def answer(url: str, query: str = "SELECT current_user") -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def environment_without_servers(state: Path) -> dict[str, str]:
    """The environment of someone who has cloned the project and set nothing, but for the place of the state."""
    ours = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "BULWARK_AS_OWNER")
    return {name: value for name, value in os.environ.items() if name not in ours} | {"BULWARK_STATE": str(state)}
