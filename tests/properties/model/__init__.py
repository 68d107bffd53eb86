"""What the books must say after each event: accounting.md and rulebooks.md once more, in fractions, nothing clever.

It knows no posting, no table and no rule of the product's; a balance is credits less debits, whatever the normal side.
"""

from tests.properties.model.accounts import (
    BALANCE,
    CURRENCY,
    CUSTODY,
    DEFICIT,
    FUND,
    RESERVED,
    TO_ALLOCATE,
    TREASURY,
    trader,
)
from tests.properties.model.books import Refusal
from tests.properties.model.contracts import Contract
from tests.properties.model.model import Model
from tests.properties.model.records import Booked, Cycle, Takeover

__all__ = [
    "BALANCE",
    "CURRENCY",
    "CUSTODY",
    "DEFICIT",
    "FUND",
    "RESERVED",
    "TO_ALLOCATE",
    "TREASURY",
    "Booked",
    "Contract",
    "Cycle",
    "Model",
    "Refusal",
    "Takeover",
    "trader",
]
