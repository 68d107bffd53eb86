"""Scratch databases: migrated, empty, of one's own, and gone afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from config.embedded import PrivateServers
from config.embedded.postgres import FORGETFUL, SCRATCH_PREFIX
from config.scratch import (
    TEMPLATE_PREFIX,
    DatabaseUrls,
    connected_to,
    schema_digest,
    schema_files,
    scratch_database,
    urls_of_environment,
)
from tests.config.users import PROJECT, answer

NAME = "SELECT current_database()"
# Makes a scratch database on the server of the environment and says what is in it.
CLONE = """
import psycopg
from config.scratch import scratch_database, urls_of_environment
with scratch_database(urls_of_environment()) as urls, psycopg.connect(urls.service) as connection:
    print(connection.execute("SELECT count(*) FROM ledger_posting").fetchone())
"""


@pytest.fixture
def fresh_server() -> Iterator[DatabaseUrls]:
    """A server on which no template was made yet."""
    with PrivateServers.scratch(settings=FORGETFUL) as addresses:
        yield DatabaseUrls(addresses.owner_url, addresses.service_url)


def databases(server: DatabaseUrls, prefix: str) -> list[str]:
    with psycopg.connect(server.owner) as connection:
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        return [str(name) for (name,) in connection.execute(query, [prefix])]


def test_scratch_database_is_migrated_and_empty_for_owner_and_service() -> None:
    with scratch_database(urls_of_environment()) as urls:
        assert answer(urls.owner, "SELECT count(*) FROM ledger_entry") == 0
        assert answer(urls.service, "SELECT count(*) FROM ledger_entry") == 0
        assert answer(urls.service, NAME) != answer(os.environ["DATABASE_URL"], NAME)


def test_scratch_database_is_dropped_while_someone_is_connected() -> None:
    with scratch_database(urls_of_environment()) as urls:
        name = str(answer(urls.service, NAME))
        lingering = psycopg.connect(urls.service)
    assert name not in databases(urls_of_environment(), SCRATCH_PREFIX)
    with pytest.raises(psycopg.OperationalError):
        lingering.execute("SELECT 1")


def test_one_role_that_owns_everything_has_scratch_databases_too() -> None:
    owner = urls_of_environment().owner
    with scratch_database(DatabaseUrls(owner, owner)) as urls:
        assert urls.owner == urls.service
        assert answer(urls.service, "SELECT count(*) FROM ledger_entry") == 0


def test_two_commands_at_once_on_a_fresh_server_make_one_template(fresh_server: DatabaseUrls) -> None:
    environment = {**os.environ, **fresh_server.environment(), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", CLONE]
    clones = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [clone.communicate()[0] for clone in clones] == ["(0,)\n", "(0,)\n"]
    assert databases(fresh_server, TEMPLATE_PREFIX) == [f"{TEMPLATE_PREFIX}{schema_digest()}"]
    assert databases(fresh_server, SCRATCH_PREFIX) == []


def test_connection_returns_to_its_database_after_a_scratch_one() -> None:
    before = connection.settings_dict["NAME"]
    with scratch_database(urls_of_environment()) as urls:
        name = answer(urls.service, NAME)
        with connected_to(urls.service):
            assert connection.settings_dict["NAME"] == name
    assert connection.settings_dict["NAME"] == before


def test_a_template_depends_on_every_migration_and_sql_file_of_the_project() -> None:
    apps = ("config", "ledger", "fund", "liquidation")
    kinds = ("*.sql", "migrations/*.py")
    files = {file for app in apps for kind in kinds for file in (PROJECT / app).rglob(kind)}

    assert len(files) > 20
    assert files - set(schema_files()) == set()
