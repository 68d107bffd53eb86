"""The words that a scenario file may use. Source: api.md, scenario files."""

from collections.abc import Collection, Mapping

from liquidation.models import GAIN_PARTS, LOSS_PARTS

# Any event may say when it happened, by the name that the API has for it, or just `at`.
TIMES = (
    "at",
    "effective_at",
    "taken_over_at",
    "filled_at",
    "closed_at",
    "reported_at",
    "occurred_at",
    "disposed_at",
    "marked_at",
    "settled_at",
    "requested_at",
    "effective_from",
)
# Words for whoever reads the story.
REMARKS = ("note", "comment")
TOP = (*REMARKS, "title", "source", "currency", "contracts", "fund", "trader_floor", "events", "expect")
CURRENCY = ("code", "decimals")
CONTRACT = ("symbol", "kind", "multiplier", "tick", "tick_size", "close_fee_rate", "margin_currency", "fund")
FUND = ("code", "currency", "contribution", "rulebook", "cycle_seconds")

# By what a reversal names what it reverses: an event or an entry, by its reference.
REVERSED = ("entry", "reverses", "of", "event", "target", "takeover", "fill")

# What each event may say beside its type, reference and time. `None`: whatever the rulebook's fields are.
EVENTS: Mapping[str, Collection[str] | None] = {
    "deposit": ("trader", "amount", "currency", "description"),
    "withdrawal": (
        "trader",
        "amount",
        "currency",
        "source",
        "requested_by",
        "approved_by",
        "rejected_by",
        "description",
    ),
    "contribution": ("amount", "source", "requested_by"),
    "house_absorbed": ("amount",),
    "takeover": (
        "contract",
        "trader",
        "side",
        "quantity",
        "bankruptcy_price",
        "margin",
        "entry_price",
        "mark_price",
    ),
    "fill": ("takeover", "price", "pnl", "quantity", "fee"),
    "close": ("takeover",),
    "unfilled": ("takeover", "mark_price", "queue"),
    "adl": ("takeover", "fills", "mark_price"),
    "dispose": ("contract", "price", "quantity", "fee"),
    "mark": ("contract", "price", "mark_price"),
    "positions_open": ("rows",),
    "cycle": ("number", "starts_at", "ends_at"),
    "positions": ("cycle", "rows"),
    "positions_csv": ("cycle", "path", "columns", "exclude"),
    "complete": ("cycle", "count", "total"),
    "settle": ("cycle",),
    "reverse": (*REVERSED, "cycle", "description"),
    "rulebook": None,
}

TAKEOVER_FIGURES = (
    "status",
    "quantity",
    "remaining",
    "bankruptcy_price",
    "limit_price",
    "compensation",
    "notional",
    "costs",
    "adl_averted",
    "result",
    *GAIN_PARTS,
    *LOSS_PARTS,
)
# Other words for them.
FIGURE_ALIASES = {
    "treasury": "treasury_paid",
    "vault": "to_vault",
    "averted": "adl_averted",
    "reserved": "compensation",
}
CYCLE_FIGURES = (
    "status",
    "run",
    "loss",
    "fund_paid",
    "treasury_paid",
    "to_allocate",
    "allocated",
    "levy_surplus",
    "residue",
    "carried",
    "participants",
    "profit_total",
    "participants_total",
    "base",
    "cut_profit",
)
INVENTORY_FIGURES = ("side", "quantity", "carrying_price", "mark_price", "exposure", "unrealised")
EXPECTED: Mapping[str, Collection[str] | None] = {
    "balances": None,
    "takeovers": (*TAKEOVER_FIGURES, *FIGURE_ALIASES),
    "cycles": (*CYCLE_FIGURES, *FIGURE_ALIASES),
    "allocations": None,
    "inventory": INVENTORY_FIGURES,
    "adl_queue": None,
    "refused": None,
}
