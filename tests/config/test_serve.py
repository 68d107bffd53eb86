"""The processes of `make run` live and die together."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.config.users import PROJECT, environment_without_servers, processes_of, wait_until

# Runs the web server and another program, on the servers of the environment.
PAIR = """
import sys
from config import serve
sys.exit(serve.run({"web": serve.web(int(sys.argv[1])), "companion": serve.Program(["http.server", sys.argv[2]])}))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/", timeout=10) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


class Pair:
    """The web server and its companion, under one supervising process."""

    def __init__(self, *, companion: str | None = None) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PAIR, str(self.port), companion or str(free_port())],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def web_processes(self) -> list[str]:
        return [command for command in processes_of(f"127.0.0.1:{self.port}") if "gunicorn" in command]


@pytest.fixture
def pair() -> Iterator[Pair]:
    running = Pair()
    wait_until(lambda: answers(running.port))
    yield running
    running.process.kill()
    running.process.communicate()
    wait_until(lambda: running.web_processes() == [])


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_all_end_in_order_when_asked_to(pair: Pair, ending: signal.Signals) -> None:
    pair.process.send_signal(ending)
    assert pair.process.wait(30) == 0
    assert pair.web_processes() == []


def test_none_outlives_a_killed_supervisor(pair: Pair) -> None:
    assert len(pair.web_processes()) > 1
    pair.process.kill()
    wait_until(lambda: pair.web_processes() == [])


def test_one_that_ends_by_itself_ends_the_others_and_is_named() -> None:
    pair = Pair(companion="no port")
    _, message = pair.process.communicate(timeout=30)
    assert pair.process.returncode == 1
    assert "companion ended by itself with code" in message
    assert pair.web_processes() == []


def test_gunicorn_alone_serves_from_the_projects_folder_and_leaves_nothing(tmp_path: Path) -> None:
    port = free_port()
    set_by_others = ("DJANGO_SETTINGS_MODULE", "PROMETHEUS_MULTIPROC_DIR")
    server = subprocess.Popen(
        [Path(sys.executable).parent / "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name not in set_by_others}
        | {"TMPDIR": str(tmp_path)},
    )
    try:
        wait_until(lambda: answers(port), seconds=60)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
            assert b"bulwark_request_seconds_count" in response.read()
        assert list(tmp_path.glob("bulwark-metrics-*"))
    finally:
        server.terminate()
        server.wait(30)
    assert list(tmp_path.glob("bulwark-metrics-*")) == []


def test_port_in_use_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = environment_without_servers(tmp_path / "state") | {"PORT": str(port)}
        done = subprocess.run(
            [sys.executable, "-m", "config.serve"],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"port {port} is in use: name another one, for example PORT={port + 1}\n"
    assert not (tmp_path / "state").exists()


_STARTS_AND_DIES = """
import os, signal, subprocess, sys
from functools import partial
from config.embedded.confinement import end_with
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
ends = partial(end_with, os.getpid(), signal.Signals[sys.argv[1]])
print(subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, preexec_fn=ends).pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["SIGQUIT", "SIGTERM", "SIGKILL"])
def test_a_program_ends_with_a_parent_that_ignores_the_signal(name: str) -> None:
    """As all do that a shell has started in the background; until it has a handler of its own it would stay."""
    started = subprocess.run(
        [sys.executable, "-c", _STARTS_AND_DIES, name], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False
    )

    assert started.returncode == -signal.SIGKILL
    wait_until(lambda: not Path("/proc", started.stdout.strip()).exists())


def test_command_under_make_ends_with_a_killed_make(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = (
        f"{sys.executable} {PROJECT / 'manage.py'} shell --no-imports -c 'print(\"up\", flush=True); input()'; true"
    )
    shell = subprocess.Popen(
        ["sh", "-c", command],
        env=environment_without_servers(state) | {"BULWARK_ENDS_WITH_PARENT": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shell.stdout is not None
    wait_until(lambda: shell.stdout is not None and shell.stdout.readline() == "up\n")
    shell.kill()
    shell.wait()
    wait_until(lambda: processes_of(state) == [])
