"""A receiver, and an installation that lets webhooks lead to it."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.events.receiver import Receiver, receiver


@pytest.fixture
def private_allowed(settings: Settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True


@pytest.fixture
def hook(private_allowed: None) -> Iterator[Receiver]:
    with receiver() as running:
        yield running
