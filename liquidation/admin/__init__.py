"""Liquidation in the admin: contracts, takeovers with fills and waterfall, ADL events, corrections."""

from liquidation.admin.contracts import ContractAdmin
from liquidation.admin.entries import CorrectedEntryAdmin
from liquidation.admin.takeovers import CorrectionAdmin, DeleveragingAdmin, FillAdmin, TakeoverAdmin

__all__ = ["ContractAdmin", "CorrectedEntryAdmin", "CorrectionAdmin", "DeleveragingAdmin", "FillAdmin", "TakeoverAdmin"]
