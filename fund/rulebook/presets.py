"""The five documented venues, and the values that apply where a preset says nothing. Source: rulebooks.md, presets."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

# As in a published body: rates and amounts are strings. Each value is either what the field's absence means, or, for
# the allocation, the one rule that a venue has published in full; so a preset names only where its venue differs.
DEFAULTS: Mapping[str, object] = MappingProxyType(
    {
        "takeover_valuation": "bankruptcy",
        "surplus_split": {"fund": "1"},
        "injection_cap_rate": None,
        "penalty_rate": "0",
        "penalty_split": {"fund": "1"},
        "vault": "mm",
        "cost_policy": "net",
        "precompensation": None,
        "inventory": None,
        "fund_share": "1",
        "fund_per_event_cap": None,
        "fund_floor": "0",
        # Nobody is charged without having been named: an unpaid share stands as a deficit.
        "fund_unpaid": "carry",
        "traders_share": "0",
        "selection_coverage": "0.9",
        "selection_crossing": "include",
        "selection_ties": "include_all",
        "allocation_base": "all_profitable",
        "allocation_residue": "fund_then_carry",
        "allocation_unit": "position",
        "allocation_cap": "1",
        "min_levy_rate": None,
        # A loss that nobody has borne is made good before the fund is shown to grow.
        "deficit_repayment": "1",
        "adl": None,
    }
)

# What a nested object means where it leaves a subfield out. `None` as a value: optional, absent.
ADL_DEFAULTS: Mapping[str, object] = MappingProxyType(
    {"queue": "profit_amount", "price": "bankruptcy", "threshold": None, "seed": None}
)
# How far the fund must have fallen where the rulebook names a drawdown and no number: OKX's thirty per cent.
DRAWDOWN_DEFAULT = Decimal("0.3")
PRECOMPENSATION_DEFAULTS: Mapping[str, object] = MappingProxyType({"per_takeover_cap": None, "share_of_fund": "1"})
INVENTORY_DEFAULTS: Mapping[str, object] = MappingProxyType({"max_notional_share": "1"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A venue's published rule: the fields that differ from DEFAULTS, and those it leaves to whoever uses it."""

    rule: str
    fields: Mapping[str, object]
    required: tuple[str, ...] = ()


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "pre_close_compensation": Preset(
            rule="The fund compensates an amount before the close, which sets the limit price; not executed: ADL.",
            fields={"precompensation": {}, "adl": {"trigger": "unfilled"}},
        ),
        "full_cover": Preset(
            rule="Profit after costs to the fund; the fund pays the whole difference; more than it has: ADL.",
            fields={"adl": {"trigger": "fund_insufficient"}},
        ),
        "inventory_takeover": Preset(
            rule="The fund takes unfilled positions over and lifts negative equity to 0; unable to take more: ADL.",
            fields={"inventory": {}, "adl": {"trigger": "fund_insufficient"}},
        ),
        "shared_loss": Preset(
            rule="The fund bears 20 %, the most profitable positions up to 90 % of all profit share 80 % pro rata.",
            fields={
                "fund_share": "0.2",
                "traders_share": "0.8",
                "selection_coverage": "0.9",
                "selection_crossing": "include",
                "selection_ties": "include_all",
                "allocation_base": "all_profitable",
                "allocation_residue": "fund_then_carry",
                "allocation_cap": "1",
            },
        ),
        "penalty_and_vault": Preset(
            rule="Penalties feed the fund; residual margin is split between fund and vault; past B the fund pays.",
            fields={},
            required=("penalty_rate", "surplus_split"),
        ),
    }
)
