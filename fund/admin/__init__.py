"""The funds in the admin: figures, rulebooks, transfers under four eyes, cycles and what each loss became."""

from fund.admin.allocations import AllocationAdmin
from fund.admin.cycles import CycleAdmin
from fund.admin.funds import FundAdmin
from fund.admin.history import CyclePositionAdmin, InventoryPositionAdmin, OpenPositionAdmin, SnapshotAdmin
from fund.admin.losses import ShortfallAdmin, SurplusAdmin
from fund.admin.rulebooks import RulebookVersionAdmin
from fund.admin.transfers import TransferAdmin

__all__ = [
    "AllocationAdmin",
    "CycleAdmin",
    "CyclePositionAdmin",
    "FundAdmin",
    "InventoryPositionAdmin",
    "OpenPositionAdmin",
    "RulebookVersionAdmin",
    "ShortfallAdmin",
    "SnapshotAdmin",
    "SurplusAdmin",
    "TransferAdmin",
]
