"""Servers and databases for the tests: real ones, private to the run, or those of DATABASE_URL and REDIS_URL.

Every worker has a database of its own, cloned from a migrated template, and is connected as the service's role, so
that a missing right is found. `db` and `@pytest.mark.django_db` roll back after each test. A test that needs real
commits takes `committed_db` instead; nothing is ever truncated, since the journal refuses it.
"""

import atexit
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
import pytest
from django.conf import settings
from django.db import connections
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from config.embedded.postgres import FORGETFUL
from config.installation import state_folder
from config.scratch import DatabaseUrls, connected_to, prepared_servers, scratch_database, urls_of_environment

# A script that starts the tests in the background has them ignore SIGINT, and with them whatever they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says nothing on a machine that others use. `--hypothesis-profile=nightly` searches longer.
hypothesis_settings.register_profile("everyday", deadline=None)
hypothesis_settings.register_profile("nightly", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "10000")))
hypothesis_settings.load_profile("everyday")

DATABASES_OF_THE_BROKER = 16
# Where there is memory enough the tests' data lie there: nothing of them is to be kept.
MEMORY, MEMORY_NEEDED = Path("/dev/shm"), 4 * 2**30


def _start_servers() -> None:
    """Point the environment at servers before Django reads its settings. Workers inherit what their parent found."""
    if {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
        return
    if settings.configured:
        raise pytest.UsageError("the settings were read before the servers ran: unset DJANGO_SETTINGS_MODULE")
    within = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED else None
    private = prepared_servers(state_folder() / "prepared", settings=FORGETFUL, within=within)
    addresses = private.start()
    atexit.register(private.stop)
    for name, value in addresses.environment().items():
        os.environ.setdefault(name, value)


def _have_a_broker_of_ones_own() -> None:
    """Give each worker its own one of the broker's numbered databases: no task of one reaches another."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        place = urlsplit(os.environ["REDIS_URL"])
        number = int(worker.removeprefix("gw")) % DATABASES_OF_THE_BROKER
        os.environ["REDIS_URL"] = urlunsplit(place._replace(path=f"/{number}"))


def _count_no_requests() -> None:
    """Tests make more requests in a minute than anybody; those of throttles name rates of their own."""
    for role in ("ENGINE", "TREASURY", "BOOKKEEPER", "AUDITOR", "TRADER", "PUBLIC"):
        os.environ.setdefault(f"BULWARK_THROTTLE_{role}", "off")


_count_no_requests()
_start_servers()
_have_a_broker_of_ones_own()
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers inherit the environment, and would read the settings before they have a broker of their own."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


@pytest.fixture(scope="session")
def django_db_setup() -> Iterator[None]:
    """This worker's database, in place of pytest-django's, which would migrate once per worker and flush."""
    with scratch_database(urls_of_environment()) as urls, connected_to(urls.service):
        yield


@pytest.fixture
def committed_db(django_db_blocker: DjangoDbBlocker) -> Iterator[DatabaseUrls]:
    """A database of the test's own where commits are real. `.environment()` points other processes at it."""
    with scratch_database(urls_of_environment()) as urls, django_db_blocker.unblock(), connected_to(urls.service):
        yield urls


@pytest.fixture
def owner_connection(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection to the test's database as the tables' owner, each statement committed at once.

    Beside `db` it cannot see what the test has not committed, and must not write: use it with `committed_db`.
    """
    database = str(connections["default"].settings_dict["NAME"])
    with psycopg.connect(urls_of_environment().named(database).owner, autocommit=True) as connection:
        yield connection


@pytest.fixture
def redis_url() -> str:
    """The broker's and cache's address."""
    return os.environ["REDIS_URL"]
