"""The private servers: started once, shared, found again, and gone with their last user."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config.embedded import PrivateServers, ServersUnavailable
from config.embedded.binaries import postgres_folder
from config.embedded.postgres import FORGETFUL
from tests.config.users import HASTY_USER, PROJECT, SCRATCH_USER, User, answer, processes_of, wait_until


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder with a short path; after the test nothing may run on it any more."""
    folder = tmp_path_factory.mktemp("s") / "state"
    yield folder
    wait_until(lambda: processes_of(folder) == [])


def cluster_state(state: Path) -> str:
    controldata = [str(postgres_folder() / "pg_controldata"), str(state / "postgres" / "data")]
    lines = subprocess.run(controldata, capture_output=True, text=True, check=True).stdout.splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("Database cluster state"))


def supervisor_of(state: Path) -> int:
    return int(json.loads((state / "running.json").read_text())["supervisor"])


def test_first_start_makes_a_database_that_owner_and_service_reach(state: Path) -> None:
    with PrivateServers(state, settings=FORGETFUL) as addresses:
        assert answer(addresses.owner_url) == "bulwark_owner"
        assert answer(addresses.service_url) == "bulwark_service"
        rights = "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert answer(addresses.service_url, rights) is False
        assert answer(addresses.owner_url, "SHOW server_encoding") == "UTF8"
        assert redis.Redis.from_url(addresses.redis_url).ping()


def test_servers_refuse_whoever_does_not_know_the_password(state: Path) -> None:
    with PrivateServers(state, settings=FORGETFUL) as addresses:
        password = addresses.owner_url.split("@")[0].rsplit(":", 1)[1]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(addresses.owner_url.replace(password, "guessed"))
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(host=addresses.socket_folder, port=addresses.postgres_port, user="bulwark_owner")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url("redis://" + addresses.redis_url.split("@")[1]).ping()
        assert (state / "secrets.json").stat().st_mode & 0o077 == 0
        assert (state / "running.json").stat().st_mode & 0o077 == 0


def test_second_start_finds_the_data_of_the_first(state: Path) -> None:
    with PrivateServers(state, settings=FORGETFUL) as addresses, psycopg.connect(addresses.owner_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    assert processes_of(state) == []
    assert cluster_state(state) == "shut down"

    with PrivateServers(state, settings=FORGETFUL) as addresses:
        assert answer(addresses.owner_url, "SELECT value FROM kept") == 7


def test_killed_user_leaves_no_process_and_clean_data(state: Path) -> None:
    user = User(state)
    assert answer(user.service_url()) == "bulwark_service"
    assert len(processes_of(state)) > 3

    user.kill()

    wait_until(lambda: processes_of(state) == [])
    assert cluster_state(state) == "shut down"


def test_killed_supervisor_leaves_no_process_and_clean_data(state: Path) -> None:
    user = User(state)
    assert answer(user.service_url()) == "bulwark_service"

    os.kill(supervisor_of(state), signal.SIGKILL)

    wait_until(lambda: [line for line in processes_of(state) if "config.embedded" not in line] == [])
    assert cluster_state(state) == "shut down"
    assert user.leave() == 0


def test_server_that_dies_takes_the_other_one_along_and_its_end_is_on_record(state: Path) -> None:
    user = User(state)
    assert answer(user.service_url()) == "bulwark_service"
    lock = (state / "postgres" / "data" / "postmaster.pid").read_text()

    os.kill(int(lock.splitlines()[0]), signal.SIGKILL)

    wait_until(lambda: [line for line in processes_of(state) if "config.embedded" not in line] == [])
    wait_until(lambda: "ended by itself" in (state / "supervisor.log").read_text())
    assert user.leave() == 0
    with PrivateServers(state, settings=FORGETFUL) as addresses:
        assert answer(addresses.service_url) == "bulwark_service"


def test_servers_that_cannot_start_say_why(state: Path) -> None:
    with pytest.raises(ServersUnavailable, match='unrecognized configuration parameter "no_such_setting"'):
        PrivateServers(state, settings={"no_such_setting": "1"}).start()


def test_two_commands_started_at_once_share_one_pair_of_servers(state: Path) -> None:
    first, second = User(state), User(state)
    url = first.service_url()
    assert url == second.service_url()
    assert answer(url) == "bulwark_service"
    assert first.leave() == second.leave() == 0
    assert processes_of(state) == []


def test_servers_stay_for_the_second_command_when_the_first_is_killed(state: Path) -> None:
    first = User(state)
    url = first.service_url()
    second = User(state)
    assert second.service_url() == url

    first.kill()

    with psycopg.connect(url) as connection:
        # Longer than the supervisor takes to notice a lost user.
        assert connection.execute("SELECT 1 FROM pg_sleep(0.5)").fetchone() == (1,)
    assert second.leave() == 0
    assert processes_of(state) == []


def test_commands_that_come_while_servers_stop_find_servers_all_the_same(state: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", HASTY_USER, str(state)]
    users = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [user.wait(60) for user in users] == [0, 0, 0]


def test_lock_file_that_names_a_foreign_process_does_not_hinder_the_start(state: Path) -> None:
    with PrivateServers(state, settings=FORGETFUL):
        lock = (state / "postgres" / "data" / "postmaster.pid").read_text()
    # After a container was killed and started again, the number in the file is soon another program's.
    stale = "\n".join([str(os.getpid()), *lock.splitlines()[1:]]) + "\n"
    (state / "postgres" / "data" / "postmaster.pid").write_text(stale)

    with PrivateServers(state, settings=FORGETFUL) as addresses:
        assert answer(addresses.service_url) == "bulwark_service"


def test_state_folder_with_a_long_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    state = tmp_path / ("long" * 20) / ("longer" * 10)
    with PrivateServers(state, settings=FORGETFUL) as addresses:
        assert not addresses.socket_folder.startswith(str(tmp_path))
        password = addresses.owner_url.split("@")[0].rsplit(":", 1)[1]
        psycopg.connect(
            host=addresses.socket_folder,
            port=addresses.postgres_port,
            user="bulwark_owner",
            password=password,
            dbname="bulwark",
        ).close()
    assert not Path(addresses.socket_folder).exists()


def test_scratch_servers_leave_no_folder() -> None:
    servers = PrivateServers.scratch(settings=FORGETFUL)
    with servers as addresses:
        assert answer(addresses.service_url) == "bulwark_service"
        assert servers.state.folder.exists()
    assert not servers.state.folder.exists()


def test_scratch_servers_of_a_killed_user_leave_no_folder(tmp_path: Path) -> None:
    user = User(tmp_path, script=SCRATCH_USER)
    assert answer(user.service_url()) == "bulwark_service"
    assert len(list(tmp_path.iterdir())) == 1

    user.kill()

    wait_until(lambda: list(tmp_path.iterdir()) == [])
