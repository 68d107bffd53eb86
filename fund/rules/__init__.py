"""The fund's rules: pure functions of plain values. No database, no settings, no clock. Source: rulebooks.md."""

from fund.rules.adl import AdlCut, AdlFill, OpenPosition, Queued, adl_fills, adl_queue, adl_score, rank_lights
from fund.rules.allocation import Allocation, Profit, Share, allocate
from fund.rules.contracts import (
    ContractKind,
    PositionSide,
    average_entry,
    book_for_engine,
    book_for_trader,
    notional,
    profit_and_loss,
)
from fund.rules.cycles import CYCLE_TRANSITIONS, cycle_can_move
from fund.rules.differences import adl_differences
from fund.rules.holding import Holding, give_out, take_in
from fund.rules.merkle import allocation_leaf, leaf_hash, merkle_path, merkle_root, node_hash, root_from_path
from fund.rules.split import (
    LossSplit,
    ResidueSplit,
    SurplusSplit,
    compensation_budget,
    falls_short,
    for_own_positions,
    repay_deficit,
    spendable,
    split_loss,
    split_residue,
    split_surplus,
)
from fund.rules.triggers import PEAK_WITHIN, Drawdown, adl_is_due

__all__ = [
    "CYCLE_TRANSITIONS",
    "PEAK_WITHIN",
    "AdlCut",
    "AdlFill",
    "Allocation",
    "ContractKind",
    "Drawdown",
    "Holding",
    "LossSplit",
    "OpenPosition",
    "PositionSide",
    "Profit",
    "Queued",
    "ResidueSplit",
    "Share",
    "SurplusSplit",
    "adl_differences",
    "adl_fills",
    "adl_is_due",
    "adl_queue",
    "adl_score",
    "allocate",
    "allocation_leaf",
    "average_entry",
    "book_for_engine",
    "book_for_trader",
    "compensation_budget",
    "cycle_can_move",
    "falls_short",
    "for_own_positions",
    "give_out",
    "leaf_hash",
    "merkle_path",
    "merkle_root",
    "node_hash",
    "notional",
    "profit_and_loss",
    "rank_lights",
    "repay_deficit",
    "root_from_path",
    "spendable",
    "split_loss",
    "split_residue",
    "split_surplus",
    "take_in",
]
