"""The venue as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.db import transaction

from tests.properties.rulebooks import Published
from tests.properties.venue.cycles import Cycles
from tests.properties.venue.money import Money
from tests.properties.venue.takeovers import Takeovers

TRADERS = ("ann", "bob", "cid")


@contextmanager
def rolled_back() -> Iterator[None]:
    """Nothing that happens inside is kept."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Venue(Money, Takeovers, Cycles):
    """All that a story can tell of one fund, which begins with a contribution from the treasury, or with nothing."""

    def __init__(self, *, decimals: int, published: Published, contribution: Decimal) -> None:
        super().__init__(decimals=decimals, published=published)
        if contribution:
            self.contribute(contribution, source="treasury")
