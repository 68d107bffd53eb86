"""The parent of the private servers: `python -m config.embedded.supervisor FOLDER SETTINGS [--scratch [COPY_OF]]`.

FOLDER is the state folder, SETTINGS are PostgreSQL's, as JSON. A scratch folder is removed at the end; it may begin as
a copy of a state folder that nobody uses.

Starts both, writes one line on its standard output (`ready`, or why not), and stays until nobody holds a share of
users.lock any more, until it is told to end (SIGTERM), or until one of the servers ends by itself.
"""

import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from config.embedded.binaries import postgres_folder, valkey_server
from config.embedded.confinement import confinement_for
from config.embedded.errors import ServersUnavailable
from config.embedded.postgres import OWNER, SERVICE, Postgres
from config.embedded.process import Process
from config.embedded.state import READY, Running, State
from config.embedded.valkey import Valkey

# Recovery after a crash replays at most max_wal_size of log; everything else is a matter of milliseconds.
SECONDS_TO_START = 300.0
ATTEMPTS = 5
# How soon the servers follow the last user that was killed. Those that leave in order send a signal.
USERS_POLL_SECONDS = 0.1
WAKING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}


def main() -> int:
    """Run the servers of one state folder. Returns the exit code."""
    state = State(Path(sys.argv[1]))
    alive = state.supervisor_lock()
    if not alive.take():
        return _answer(f"another supervisor runs on {state.folder}")
    # From here on the signals wait to be asked for: none interrupts the order of starting and stopping.
    signal.pthread_sigmask(signal.SIG_BLOCK, WAKING)
    folder, settings, *scratch = sys.argv[1:]
    try:
        if len(scratch) > 1:
            shutil.copytree(scratch[1], folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.log*", "*.lock"))
        with closing(Supervisor(state, json.loads(settings))) as supervisor:
            supervisor.start()
            _answer(READY)
            supervisor.stay()
    except (ServersUnavailable, OSError) as error:
        return _answer(str(error) or repr(error))
    finally:
        if scratch:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _answer(line: str) -> int:
    """Tell whoever started this process, who may be gone already; what goes wrong is in the log too."""
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), line.encode())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if line == READY:
        return 0
    sys.stderr.write(line + "\n")
    return 1


class Supervisor:
    """Both servers of one state folder, started and stopped together."""

    def __init__(self, state: State, settings: dict[str, str]) -> None:
        self.state = state
        self.users = state.users_lock()
        secrets = state.secrets()
        folder = state.folder / "postgres"
        folder.mkdir(exist_ok=True)
        programs = postgres_folder()
        confinement = confinement_for(
            programs=[programs / "postgres", programs / "initdb", valkey_server()],
            folders=[folder, programs.parent / "share"],
        )
        confinement.own(folder)
        self.postgres = Postgres(
            folder,
            confinement=confinement,
            passwords={OWNER: secrets.owner, SERVICE: secrets.service},
            settings=settings,
        )
        self.valkey = Valkey(state.folder, confinement=confinement, password=secrets.valkey)
        self.processes: list[Process] = []

    def start(self) -> None:
        """Start both servers and announce them. Errors: ServersUnavailable with the server's own last words."""
        self.postgres.create()
        valkey_port, valkey = self._launch(self.valkey.start)
        postgres_port, postgres = self._launch(self.postgres.start)
        postgres_port = self._until_ready(postgres, postgres_port, self.postgres.start, self.postgres.is_ready)
        valkey_port = self._until_ready(valkey, valkey_port, self.valkey.start, self.valkey.is_ready)
        self.postgres.prepare(postgres_port)
        self.state.announce(Running(os.getpid(), postgres_port, valkey_port, str(self.postgres.socket_folder)))

    def stay(self) -> None:
        """Return when there is nothing left to serve."""
        while not self.users.take():
            woken = signal.sigtimedwait(WAKING, USERS_POLL_SECONDS)
            if woken is not None and woken.si_signo != signal.SIGCHLD:
                return
            for process in self.processes:
                if process.has_ended():
                    raise ServersUnavailable(f"{process.popen.args!r} ended by itself:\n{process.last_words()}")

    def close(self) -> None:
        """Stop what was started, both at the same time."""
        self.state.withdraw()
        for process in self.processes:
            process.ask_to_end()
        for process in self.processes:
            process.end()
        self.postgres.remove_short_folder()

    def _launch(self, start: Callable[[int], Process]) -> tuple[int, Process]:
        port = _free_port()
        process = start(port)
        self.processes.append(process)
        return port, process

    def _until_ready(
        self, process: Process, port: int, start: Callable[[int], Process], is_ready: Callable[[int], bool]
    ) -> int:
        """Wait for a server. Someone else may have taken its port meanwhile: then it is started on another one."""
        deadline = time.monotonic() + SECONDS_TO_START
        attempts = 1
        while not is_ready(port):
            if process.has_ended():
                self.processes.remove(process)
                if attempts == ATTEMPTS or "ddress already in use" not in process.last_words():
                    raise ServersUnavailable(f"a private server did not start:\n{process.last_words()}")
                attempts += 1
                port, process = self._launch(start)
            elif time.monotonic() > deadline:
                raise ServersUnavailable(f"no connection after {SECONDS_TO_START:.0f} s:\n{process.last_words()}")
            time.sleep(0.01)
        return port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
