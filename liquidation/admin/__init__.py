"""Liquidation in the admin: contracts, takeovers with fills and waterfall, ADL events, corrections."""

from liquidation.admin.contracts import ContractAdmin
from liquidation.admin.takeovers import CorrectionAdmin, DeleveragingAdmin, FillAdmin, TakeoverAdmin

__all__ = ["ContractAdmin", "CorrectionAdmin", "DeleveragingAdmin", "FillAdmin", "TakeoverAdmin"]
