"""What a rulebook says. Shares and rates are fractions of 1, amounts in the fund's currency.

Source: rulebooks.md, fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

# The parts that a split may name, in the order in which a left-over unit looks for a taker after the fund.
SHARE_NAMES = ("fund", "vault", "trader", "fees")


class TakeoverValuation(StrEnum):
    """The engine's cost of what it takes over."""

    BANKRUPTCY = "bankruptcy"
    MARK = "mark"


class CostPolicy(StrEnum):
    """Trading costs come off the result (`net`), or the house bears them (`gross`)."""

    NET = "net"
    GROSS = "gross"


class FundUnpaid(StrEnum):
    """Who bears what the fund cannot pay of its share."""

    CARRY = "carry"
    SHIFT_TO_TRADERS = "shift_to_traders"
    TREASURY = "treasury"


class SelectionCrossing(StrEnum):
    """Whether the position at which the coverage is reached takes part."""

    INCLUDE = "include"
    EXCLUDE = "exclude"


class SelectionTies(StrEnum):
    """Positions with the profit of the last one taken: all of them, the oldest first, or by reference."""

    INCLUDE_ALL = "include_all"
    BY_AGE = "by_age"
    BY_REFERENCE = "by_reference"


class AllocationBase(StrEnum):
    """Denominator of the allocation formula."""

    ALL_PROFITABLE = "all_profitable"
    PARTICIPATING = "participating"


class AllocationResidue(StrEnum):
    """Traders' part that the formula leaves unallocated."""

    FUND_THEN_CARRY = "fund_then_carry"
    CARRY = "carry"
    EXTEND_SELECTION = "extend_selection"


class AllocationUnit(StrEnum):
    """What is charged: a position, or a trader's positions netted."""

    POSITION = "position"
    TRADER = "trader"


class AdlTrigger(StrEnum):
    UNFILLED = "unfilled"
    FUND_INSUFFICIENT = "fund_insufficient"
    DRAWDOWN = "drawdown"
    PNL_DRAWDOWN = "pnl_drawdown"


class AdlQueue(StrEnum):
    """Order in which counterparties are closed."""

    PROFIT_AMOUNT = "profit_amount"
    PNL_RATE_X_LEVERAGE = "pnl_rate_x_leverage"
    PROFIT_X_MARGIN_RATIO = "profit_x_margin_ratio"
    MARK_ENTRY_X_LEVERAGE = "mark_entry_x_leverage"
    SEEDED_RANDOM = "seeded_random"
    PRO_RATA = "pro_rata"
    EXTERNAL = "external"


class AdlPrice(StrEnum):
    """Price at which counterparties are closed."""

    BANKRUPTCY = "bankruptcy"
    MARK = "mark"


@dataclass(frozen=True, kw_only=True, slots=True)
class Precompensation:
    """Budget that the fund sets aside before a close. `per_takeover_cap` is an amount, None: no cap."""

    per_takeover_cap: Decimal | None
    share_of_fund: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """The fund may hold positions of this notional, as a share of its balance (above 1: with leverage)."""

    max_notional_share: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Adl:
    """When counterparties are closed, in which order, at what price.

    `threshold`: share by which the fund must have fallen, for the two drawdown triggers, else None. `seed`: for
    `seeded_random`; None lets each event draw its own, which is stored with the event.
    """

    trigger: AdlTrigger
    queue: AdlQueue
    price: AdlPrice
    threshold: Decimal | None
    seed: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rulebook:
    """One version of how a venue's fund works. Made by `publish_fields` or `from_json`, which refuse contradictions.

    `preset` names where it started from. Splits have every one of SHARE_NAMES, 0 where a name has no share.
    """

    preset: str
    takeover_valuation: TakeoverValuation
    surplus_split: Mapping[str, Decimal]
    injection_cap_rate: Decimal | None
    penalty_rate: Decimal
    penalty_split: Mapping[str, Decimal]
    vault: str
    cost_policy: CostPolicy
    precompensation: Precompensation | None
    inventory: Inventory | None
    fund_share: Decimal
    fund_per_event_cap: Decimal | None
    fund_floor: Decimal
    fund_unpaid: FundUnpaid
    traders_share: Decimal
    selection_coverage: Decimal
    selection_crossing: SelectionCrossing
    selection_ties: SelectionTies
    allocation_base: AllocationBase
    allocation_residue: AllocationResidue
    allocation_unit: AllocationUnit
    allocation_cap: Decimal
    min_levy_rate: Decimal | None
    deficit_repayment: Decimal
    adl: Adl | None

    @property
    def charges_traders(self) -> bool:
        """Whether any part of a loss can reach the profitable positions of a cycle."""
        return self.traders_share > 0 or self.fund_unpaid is FundUnpaid.SHIFT_TO_TRADERS
