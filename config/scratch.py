"""Scratch databases: clones of a migrated template, real in every respect, and dropped after use.

A clone costs a tenth of a second. The template is made at first use on a server, and named by what migrations depend
on, so a changed migration gets another one. Works on the private servers and on any server of PostgreSQL 15 and later
whose role may create databases.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import environ
import psycopg
from django.db import connections
from psycopg import sql

from config.embedded import PrivateServers, ServersUnavailable
from config.embedded.locks import FileLock
from config.embedded.postgres import SCRATCH_PREFIX

PROJECT = Path(__file__).resolve().parent.parent
TEMPLATE_PREFIX = "bulwark_template_"
# Key of the advisory lock under which templates are made, cloned and dropped; any constant that nobody else uses.
TEMPLATE_LOCK = 0x62756C77
# Databases that every server has, in which the lock is the same one for everybody.
MAINTENANCE = "postgres"
SECONDS_TO_PREPARE = 300.0
# How many prepared state folders are kept beside the newest.
KEPT = 2


class MigrationFailed(Exception):
    """`manage.py migrate` ended with an error; the message is what it wrote."""


class DatabaseUrls(NamedTuple):
    """One database, as the owner of its tables sees it and as the service does; the same where there is one role."""

    owner: str
    service: str

    def environment(self) -> dict[str, str]:
        """The variables that point another process at this database."""
        return {"DATABASE_URL": self.service, "DATABASE_OWNER_URL": self.owner}

    def named(self, database: str) -> "DatabaseUrls":
        """The same server and roles, another database."""
        return DatabaseUrls(_with_name(self.owner, database), _with_name(self.service, database))


def urls_of_environment() -> DatabaseUrls:
    """The database that this process was told to use. Errors: KeyError without DATABASE_URL."""
    service = os.environ["DATABASE_URL"]
    return DatabaseUrls(os.environ.get("DATABASE_OWNER_URL", service), service)


def schema_files() -> list[Path]:
    """What a migrated database depends on: of apps, of apps inside them, and the pinned dependencies."""
    of_apps = ("migrations/*.py", "sql/**/*.sql", "management/commands/migrate.py")
    patterns = [f"{place}/{pattern}" for place in ("*", "*/*") for pattern in of_apps]
    return sorted(file for pattern in [*patterns, "requirements.txt"] for file in PROJECT.glob(pattern))


def schema_digest() -> str:
    """Twelve digits that change with every migration, every SQL file and every pinned dependency."""
    digest = hashlib.sha256(os.environ.get("BULWARK_SERVICE_ROLE", "").encode())
    for file in schema_files():
        digest.update(f"\0{file.relative_to(PROJECT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def migrate(urls: DatabaseUrls) -> None:
    """Bring a database to this checkout's migrations, as the owner, in a process of its own.

    Errors: MigrationFailed.
    """
    done = subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), "migrate", "--verbosity", "0"],
        env={**os.environ, **urls.environment(), "BULWARK_AS_OWNER": "1", "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MigrationFailed(done.stdout)


@contextmanager
def scratch_database(server: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """A database of one's own on `server`, migrated and empty, dropped at the end whoever is still connected."""
    name = f"{SCRATCH_PREFIX}{os.getpid()}_{secrets.token_hex(4)}"
    with _maintenance(server) as connection:
        # One at a time: a template cannot be dropped or renamed while another process clones it.
        connection.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        template = _ensure_template(connection, server)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    try:
        yield server.named(name)
    finally:
        with _maintenance(server) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def prepared_servers(cache: Path, *, settings: Mapping[str, str], within: Path | None = None) -> PrivateServers:
    """Private servers of one's own, not started yet, on which the template is there already.

    Their state is copied from one that is made once for each state of the migrations and kept below `cache`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache / "making.lock")
    try:
        if not lock.take_within(SECONDS_TO_PREPARE):
            raise ServersUnavailable(f"another process has been preparing {cache} for long")
        prepared = cache / schema_digest()
        if not prepared.exists():
            # The last ones stay: someone may be copying from there, or go back to an earlier checkout.
            for outdated in sorted(cache.glob("*/"), key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
                shutil.rmtree(outdated)
            making = cache / "making"
            shutil.rmtree(making, ignore_errors=True)
            with PrivateServers(making) as addresses:
                server = DatabaseUrls(addresses.owner_url, addresses.service_url)
                with _maintenance(server) as connection:
                    _ensure_template(connection, server)
            making.rename(prepared)
        return PrivateServers.scratch(settings=settings, copy_of=prepared, within=within)
    finally:
        lock.close()


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Point Django's connection at another database for a while, in all threads that connect meanwhile."""
    connection = connections["default"]
    settings = connection.settings_dict
    before = {key: settings[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    parsed = environ.Env.db_url_config(url)
    connection.close()
    settings.update({key: parsed[key] for key in before})
    try:
        yield
    finally:
        connection.close()
        settings.update(before)


def _ensure_template(connection: psycopg.Connection[tuple[object, ...]], server: DatabaseUrls) -> str:
    """The template's name; made first where it is missing, under another name until it is whole."""
    template = f"{TEMPLATE_PREFIX}{schema_digest()}"
    names = [str(name) for (name,) in connection.execute("SELECT datname FROM pg_database")]
    if template in names:
        return template
    for name in names:
        if name.startswith(TEMPLATE_PREFIX):
            # Of an earlier checkout, or half-made. Someone else's, on a shared server, is made again when needed.
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    making = sql.Identifier(f"{template}_making")
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(making))
    migrate(server.named(f"{template}_making"))
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(making, sql.Identifier(template)))
    return template


@contextmanager
def _maintenance(server: DatabaseUrls) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection from which databases are created and dropped."""
    try:
        connection = psycopg.connect(_with_name(server.owner, MAINTENANCE), autocommit=True)
    except psycopg.OperationalError:
        # A server that was given to us need not let us into its maintenance database.
        connection = psycopg.connect(server.owner, autocommit=True)
    with contextlib.closing(connection):
        yield connection


def _with_name(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
