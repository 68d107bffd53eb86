"""Money stands in the ledger; these rows say why it moved."""

from fund.models.cycles import Allocation, AllocationTree, Cycle, CyclePosition
from fund.models.funds import Fund, FundSnapshot, RulebookVersion, Transfer
from fund.models.losses import Shortfall, Surplus
from fund.models.positions import InventoryMovement, InventoryPosition, OpenPosition

__all__ = [
    "Allocation",
    "AllocationTree",
    "Cycle",
    "CyclePosition",
    "Fund",
    "FundSnapshot",
    "InventoryMovement",
    "InventoryPosition",
    "OpenPosition",
    "RulebookVersion",
    "Shortfall",
    "Surplus",
    "Transfer",
]
