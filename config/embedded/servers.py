"""The user's side of the private servers: join or start, leave or stop."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from config.embedded.errors import ServersUnavailable
from config.embedded.locks import POLL_SECONDS, FileLock
from config.embedded.postgres import DATABASE, OWNER, SERVICE
from config.embedded.state import READY, Running, Secrets, State

PROJECT = Path(__file__).resolve().parent.parent.parent
# Longer than the supervisor gives its servers, so that its answer is heard.
SECONDS_TO_START = 330.0
SECONDS_TO_STOP = 90.0
SECONDS_OF_PATIENCE = 3.0


@dataclass(frozen=True)
class Addresses:
    """Where the servers are, for the three who connect: the owner of the tables, the service, the broker's client."""

    owner_url: str
    service_url: str
    redis_url: str
    secret_key: str
    postgres_port: int
    socket_folder: str

    def environment(self) -> dict[str, str]:
        """The variables that settings.py reads."""
        return {
            "DATABASE_URL": self.service_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": self.secret_key,
        }


class PrivateServers:
    """PostgreSQL and Valkey of one state folder.

    `settings` are PostgreSQL's, on top of those for this machine; who joins running servers takes them as they are.
    Errors: ServersUnavailable.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.state = State(folder)
        self.settings = dict(settings or {})
        # Further arguments of the supervisor that this user starts.
        self.options: list[str] = []
        self._share: FileLock | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @classmethod
    def scratch(
        cls, *, settings: Mapping[str, str] | None = None, copy_of: Path | None = None, within: Path | None = None
    ) -> "PrivateServers":
        """Servers on a new state folder, which the supervisor removes at the end, however this process ends.

        `copy_of` is a state folder that nobody uses now: the new one begins with its data and its secrets. `within`
        is where the new one is made, by default among the temporary files.
        """
        servers = cls(Path(tempfile.mkdtemp(prefix="bulwark-", dir=within)), settings=settings)
        servers.options = ["--scratch", *([str(copy_of)] if copy_of is not None else [])]
        return servers

    def __enter__(self) -> Addresses:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Addresses:
        """Join the running servers, or start them. They stay at least until `stop`, or until this process ends."""
        assert self._share is None, "started already"
        starting = self.state.starting_lock()
        try:
            if not starting.take_within(SECONDS_TO_START):
                raise ServersUnavailable(
                    f"another command has been starting the servers of {self.state.folder} for long"
                )
            self._share = self._join_users()
            running = self.state.running() if self.state.supervisor_lives() else None
            running = running or self._start_supervisor()
            return _addresses(running, self.state.secrets())
        except BaseException:
            self._leave()
            raise
        finally:
            starting.close()

    def stop(self) -> None:
        """Leave. The last user stops the servers and returns when they are gone."""
        if self._share is None:
            return
        try:
            if self._share.take():
                # Nobody else uses them, and nobody can join while this lock is held alone.
                running = self.state.running()
                if running is not None and self.state.supervisor_lives():
                    os.kill(running.supervisor, signal.SIGTERM)
                self._wait_for_the_end()
            elif not self._share.share():
                # Not even a share is to be had: the supervisor, or another leaving user, is stopping them just now.
                self._wait_for_the_end()
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._share is not None:
            self._share.close()
            self._share = None
        if self._child is not None and self._child.poll() is None:
            # Others have joined, and the supervisor outlives this process; it becomes init's child then.
            self._child.returncode = 0
        self._child = None

    def _join_users(self) -> FileLock:
        """Take a share of the users' lock; while the servers are being stopped there is none to be had."""
        users = self.state.users_lock()
        deadline = time.monotonic() + SECONDS_TO_STOP
        while not users.share():
            if time.monotonic() > deadline:
                users.close()
                raise ServersUnavailable(f"the servers of {self.state.folder} have been stopping for long")
            time.sleep(POLL_SECONDS)
        return users

    def _start_supervisor(self) -> Running:
        self._wait_for_the_end()
        self.state.withdraw()
        with (self.state.folder / "supervisor.log").open("wb") as log:
            supervisor = subprocess.Popen(
                [
                    *(sys.executable, "-m", "config.embedded.supervisor"),
                    *(str(self.state.folder), json.dumps(self.settings)),
                    *self.options,
                ],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert supervisor.stdout is not None
        with supervisor.stdout as pipe:
            answer = _first_words(pipe.fileno(), SECONDS_TO_START)
        running = self.state.running()
        if answer != READY or running is None:
            supervisor.wait(SECONDS_TO_STOP)
            # A supervisor that fails before it can say why leaves a traceback in its log.
            raise ServersUnavailable(answer or f"the private servers did not start:\n{self.state.supervisors_words()}")
        self._child = supervisor
        return running

    def _wait_for_the_end(self) -> None:
        """Wait until no supervisor runs, and say so where it takes long."""
        told_at = time.monotonic() + SECONDS_OF_PATIENCE
        deadline = time.monotonic() + SECONDS_TO_STOP
        while self.state.supervisor_lives():
            if time.monotonic() > deadline:
                raise ServersUnavailable(
                    f"the servers of {self.state.folder} have not stopped for {SECONDS_TO_STOP:.0f} s"
                )
            if time.monotonic() > told_at:
                sys.stderr.write("waiting for PostgreSQL to write its last checkpoint\n")
                told_at = deadline
            time.sleep(POLL_SECONDS)
        if self._child is not None:
            self._child.wait()


def _first_words(descriptor: int, seconds: float) -> str:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        if not selector.select(seconds):
            return f"the private servers did not start within {seconds:.0f} s"
    return os.read(descriptor, 65536).decode(errors="replace")


def _addresses(running: Running, secrets: Secrets) -> Addresses:
    place = f"127.0.0.1:{running.postgres_port}/{DATABASE}"
    return Addresses(
        owner_url=f"postgres://{OWNER}:{secrets.owner}@{place}",
        service_url=f"postgres://{SERVICE}:{secrets.service}@{place}",
        redis_url=f"redis://:{secrets.valkey}@127.0.0.1:{running.valkey_port}/0",
        secret_key=secrets.django,
        postgres_port=running.postgres_port,
        socket_folder=running.socket_folder,
    )
