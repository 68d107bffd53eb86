"""A cycle under another rulebook: what its takeovers met in the market stays, who bears it is worked out anew."""

from fund.whatif.reading import before_settlement, read_record, register
from fund.whatif.record import Disposal, Moved, Outcome, Owned, Record, Unsold
from fund.whatif.retelling import Retold, retell

__all__ = [
    "Disposal",
    "Moved",
    "Outcome",
    "Owned",
    "Record",
    "Retold",
    "Unsold",
    "before_settlement",
    "read_record",
    "register",
    "retell",
]
