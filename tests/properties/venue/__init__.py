"""A venue that tells the real services what happens, and its model the same; what is refused, both refuse."""

from tests.properties.venue.books import decimal_of
from tests.properties.venue.contracts import CONTRACTS, SIDES
from tests.properties.venue.takeovers import Taken
from tests.properties.venue.venue import TRADERS, Venue, rolled_back

__all__ = ["CONTRACTS", "SIDES", "TRADERS", "Taken", "Venue", "decimal_of", "rolled_back"]
