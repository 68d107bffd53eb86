"""`manage.py` works by itself: with the servers of the environment, or with private ones that end with the command."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.scratch import DatabaseUrls
from tests.config.users import PROJECT, environment_without_servers, processes_of, wait_until

WHO_CONNECTS = (
    "from django.db import connection as c; k = c.cursor(); "
    "k.execute('SELECT current_user, (SELECT count(*) FROM ledger_entry)'); print(k.fetchone())"
)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of one installation, used by one command after the other."""
    folder = tmp_path_factory.mktemp("installation") / ".bulwark"
    yield folder
    wait_until(lambda: processes_of(folder) == [])


def manage(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), *arguments],
        env=environment_without_servers(state),
        capture_output=True,
        text=True,
        check=False,
    )


def shell(code: str) -> list[str]:
    return ["shell", "--verbosity", "0", "--no-imports", "-c", code]


def test_command_finds_a_migrated_database_as_the_service_and_leaves_nothing_running(state: Path) -> None:
    done = manage(state, *shell(WHO_CONNECTS))
    assert done.stdout == "('bulwark_service', 0)\n", done.stderr
    assert processes_of(state) == []


def test_command_that_fails_stops_its_servers_and_tells_its_failure(state: Path) -> None:
    assert manage(state, *shell("raise ValueError('the books do not close')")).returncode != 0
    assert manage(state, "no_such_command").returncode != 0
    assert manage(state, *shell("import sys; sys.exit(7)")).returncode == 7
    assert processes_of(state) == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_command_that_is_interrupted_leaves_nothing_running(state: Path, ending: signal.Signals) -> None:
    command = subprocess.Popen(
        [sys.executable, str(PROJECT / "manage.py"), *shell("print('up', flush=True); import sys; sys.stdin.read()")],
        env=environment_without_servers(state),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert command.stdout is not None
    assert command.stdout.readline() == "up\n"
    command.send_signal(ending)
    command.wait(30)
    assert command.returncode != 0
    wait_until(lambda: processes_of(state) == [])


def test_migrate_runs_as_the_owner_and_changes_nothing_the_second_time(state: Path) -> None:
    assert manage(state, "migrate", "--verbosity", "0").returncode == 0
    done = manage(state, "migrate", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["help"], ["--version"], ["check"], ["migrate", "--help"], []])
def test_command_that_needs_no_server_starts_none(tmp_path: Path, arguments: list[str]) -> None:
    done = manage(tmp_path / "state", *arguments)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "state").exists()


def test_servers_of_the_environment_are_used_instead(tmp_path: Path, committed_db: DatabaseUrls) -> None:
    with psycopg.connect(committed_db.service) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
    assert row is not None
    done = subprocess.run(
        [
            *(sys.executable, str(PROJECT / "manage.py")),
            *shell("from django.db import connection as c; print(c.settings_dict['NAME'])"),
        ],
        env={**os.environ, **committed_db.environment(), "BULWARK_STATE": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{row[0]}\n"
    assert not (tmp_path / "state").exists()
