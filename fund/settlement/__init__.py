"""Settling a cycle, taking a settlement back, and looking at one beforehand. Source: rulebooks.md, accounting.md."""

from fund.settlement.previewing import Preview, compare, preview
from fund.settlement.reversing import reverse_cycle
from fund.settlement.settling import ready, settle_cycle

__all__ = ["Preview", "compare", "preview", "ready", "reverse_cycle", "settle_cycle"]
