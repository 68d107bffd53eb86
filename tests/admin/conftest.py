"""The people of the admin, each logged in.

Commits are real: a refusal leaves the transaction of its own call behind it, and the page after it reads on.
"""

import pytest
from django.test import Client

from config.scratch import DatabaseUrls
from tests.admin.people import logged_in


@pytest.fixture
def bookkeeper(committed_db: DatabaseUrls) -> Client:
    return logged_in("ben", "bookkeeper")


@pytest.fixture
def treasurer(committed_db: DatabaseUrls) -> Client:
    return logged_in("tess", "treasury")


@pytest.fixture
def second_treasurer(committed_db: DatabaseUrls) -> Client:
    return logged_in("theo", "treasury")


@pytest.fixture
def auditor(committed_db: DatabaseUrls) -> Client:
    return logged_in("ada", "auditor")


@pytest.fixture
def administrator(committed_db: DatabaseUrls) -> Client:
    return logged_in("root", superuser=True)
