"""Examples run on this worker's database, each in a transaction of its own that is rolled back."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker


@pytest.fixture(autouse=True, scope="session")
def real_books(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Not `db`: its one transaction around all examples would hold on to everything that they leave behind."""
    with django_db_blocker.unblock():
        yield
