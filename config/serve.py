"""`make run`: the web server, the task workers and the scheduler, on the servers of the environment or on private ones.

They live and die together: one that ends by itself ends the others, and none outlives this process, however it ends.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from config.embedded import ServersUnavailable
from config.embedded.confinement import end_with
from config.embedded.locks import FileLock
from config.installation import PROJECT, servers, state_folder
from config.scratch import MigrationFailed

WAKING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}
# Requests and tasks under way get this long to finish. A task that is cut off is run again.
SECONDS_TO_END = 15.0
HOST = "127.0.0.1"
# Celery's words to root, who is the only user of many a container. These programs listen on the loopback alone.
_AS_ROOT = "You're running the worker with superuser privileges"
# Bytes of a request line: as many as the web server can be told. A list has more filters than its default has room for.
LINE_LIMIT = "8190"


@dataclass(frozen=True)
class Program:
    """One of the processes. `on_loss` is what it gets when this process is killed and cannot end it in order."""

    arguments: Sequence[str]
    on_loss: signal.Signals = signal.SIGTERM


class PortTaken(Exception):
    """Another program listens on the port that the web server was to have."""


class SchedulerRuns(Exception):
    """Another scheduler works on the same books; two would hand out every task twice."""


def web(port: int) -> Program:
    """The web server on the loopback."""
    processes = ["--workers", "2", "--threads", "4", "--worker-class", "config.web_worker.ProblemWorker"]
    options = ["--bind", f"{HOST}:{port}", *processes, "--limit-request-line", LINE_LIMIT, "--log-level", "warning"]
    return Program(["gunicorn", "config.wsgi", *options])


def worker() -> Program:
    """The task worker. Without the process above it its broker is gone too: it must not wait for its tasks."""
    options = [
        "--queues",
        "celery",
        "--concurrency",
        "2",
        "--loglevel",
        "WARNING",
        "--without-gossip",
        "--without-mingle",
    ]
    return Program(["celery", "--quiet", "--app", "config.celery", "worker", *options], on_loss=signal.SIGQUIT)


def courier() -> Program:
    """The worker that sends events to webhooks: it waits for other people's servers, and nothing waits for it."""
    options = ["--queues", "webhooks", "--pool", "threads", "--concurrency", "4", "--hostname", "courier@%h"]
    quiet = ["--loglevel", "WARNING", "--without-gossip", "--without-mingle"]
    return Program(["celery", "--quiet", "--app", "config.celery", "worker", *options, *quiet], on_loss=signal.SIGQUIT)


def beat() -> Program:
    """The scheduler; its schedule is in the database."""
    return Program(["celery", "--quiet", "--app", "config.celery", "beat", "--loglevel", "WARNING", "--pidfile="])


def check_port(port: int) -> None:
    """Errors: PortTaken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(f"port {port} is in use: name another one, for example PORT={port + 1}") from error


@contextmanager
def only_scheduler() -> Iterator[None]:
    """Be the only scheduler of this checkout's state while the block runs. Errors: SchedulerRuns."""
    state_folder().mkdir(parents=True, exist_ok=True)
    lock = FileLock(state_folder() / "scheduler.lock")
    try:
        if not lock.take():
            raise SchedulerRuns(
                f"another `make run` or `make demo` works on the books in {state_folder()}: end it first,"
                " or name a folder for other books, for example BULWARK_STATE=/tmp/bulwark"
            )
        yield
    finally:
        lock.close()


@contextmanager
def running(programs: Mapping[str, Program]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Have programs running, in the environment of this process, and end them at the end of the block."""
    parent = os.getpid()
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, program in programs.items():
            children[name] = subprocess.Popen(
                [sys.executable, "-W", f"ignore:{_AS_ROOT}", "-m", *program.arguments],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                # Ctrl-C at the terminal reaches this process alone, which then ends the others in order.
                start_new_session=True,
                preexec_fn=partial(end_with, parent, program.on_loss),
            )
        yield children
    finally:
        for child in children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + SECONDS_TO_END
        for child in children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
            # What is left of it: itself when it did not end in time, its own children when it was killed.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@contextmanager
def counted_together() -> Iterator[None]:
    """Have the programs that are started meanwhile count in one place, from which `/metrics` reads.

    It begins empty: counts are of this run. Nobody else may work on this checkout's state, see `only_scheduler`.
    """
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        yield
        return
    folder = state_folder() / "counts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]


@contextmanager
def signals_held() -> Iterator[None]:
    """Keep signals that end or wake this process for `until_ended`, which waits for them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WAKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def until_ended(children: Mapping[str, subprocess.Popen[bytes]]) -> int:
    """Wait, signals held, until a signal asks to end, or a child has ended. Returns the exit code; why is on stderr."""
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                sys.stderr.write(f"{name} ended by itself with code {child.returncode}; ending the others\n")
                return 1
        if signal.sigwait(WAKING) != signal.SIGCHLD:
            return 0


def run(programs: Mapping[str, Program]) -> int:
    """Run programs until a signal asks to end, or one of them ends. Returns the exit code; the reason is on stderr."""
    with signals_held(), running(programs) as children:
        return until_ended(children)


def main() -> int:
    """Run everything. Returns the exit code."""
    port = int(os.environ.get("PORT") or 8000)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        check_port(port)
        with only_scheduler(), servers(migrated=True), counted_together():
            sys.stdout.write(f"http://{HOST}:{port}/admin/ · a login: manage.py createsuperuser · Ctrl-C ends it\n")
            sys.stdout.flush()
            return run({"web": web(port), "worker": worker(), "courier": courier(), "beat": beat()})
    except (PortTaken, SchedulerRuns, ServersUnavailable, MigrationFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
