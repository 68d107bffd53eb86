"""Any rulebook: every field drawn, only contradictions left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from fund.rulebook import (
    PRESETS,
    AdlPrice,
    AdlQueue,
    AdlTrigger,
    AllocationBase,
    AllocationResidue,
    AllocationUnit,
    CostPolicy,
    FundUnpaid,
    Rulebook,
    SelectionCrossing,
    SelectionTies,
    TakeoverValuation,
    publish_fields,
)

WHOLE = 10**18
# Shares that meet often, and one that no currency can hold.
SHARES = ("0", "0.2", "0.5", "0.8", "1", "0.333333333333333333")
RATES = ("0", "0.0005", "0.015", "0.25", "1")
# Nothing that a story knows ranks by these: `external` lists are the exchange's, the scores of the others need more
# than every position has.
QUEUES = (AdlQueue.PROFIT_AMOUNT, AdlQueue.SEEDED_RANDOM, AdlQueue.PRO_RATA)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A rulebook as it is published: the preset and every field."""

    preset: str
    fields: dict[str, object]

    def rulebook(self, decimals: int) -> Rulebook:
        return publish_fields(self.preset, self.fields, decimals=decimals)


@st.composite
def rulebooks(draw: st.DrawFn, *, most: int = 1000, queues: Sequence[AdlQueue] = QUEUES) -> Published:
    """`most`: how large its amounts get, in whole units of the currency."""
    amount = st.integers(1, most).map(str)
    surplus_split = draw(splits(("fund", "vault", "trader", "fees")))
    fund_share = draw(shares())
    traders_share = draw(_rest(WHOLE - _units(fund_share)))
    unpaid = draw(st.sampled_from(FundUnpaid))
    charges = _units(traders_share) > 0 or unpaid is FundUnpaid.SHIFT_TO_TRADERS
    cap = draw(st.sampled_from(("0.333", "0.5", "1", "1")) if charges else shares())
    fields: dict[str, object] = {
        "takeover_valuation": draw(st.sampled_from(TakeoverValuation)).value,
        "surplus_split": surplus_split,
        "injection_cap_rate": draw(st.none() | st.sampled_from(RATES)) if surplus_split.get("fund") else None,
        "penalty_rate": draw(st.sampled_from(RATES)),
        "penalty_split": draw(splits(("fund", "vault", "fees"))),
        "vault": draw(st.sampled_from(("mm", "other"))),
        "cost_policy": draw(st.sampled_from(CostPolicy)).value,
        "precompensation": draw(
            st.none()
            | st.fixed_dictionaries({"per_takeover_cap": st.none() | amount, "share_of_fund": shares().filter(_units)})
        ),
        "inventory": draw(
            st.none() | st.fixed_dictionaries({"max_notional_share": st.sampled_from(("0.1", "1", "25", "1000000"))})
        ),
        "fund_share": fund_share,
        "fund_per_event_cap": draw(st.none() | amount),
        "fund_floor": draw(st.just("0") | amount),
        "fund_unpaid": unpaid.value,
        "traders_share": traders_share,
        "selection_coverage": draw(st.sampled_from(("0.1", "0.5", "0.9", "1") if charges else SHARES)),
        "selection_crossing": draw(st.sampled_from(SelectionCrossing)).value,
        "selection_ties": draw(st.sampled_from(SelectionTies)).value,
        "allocation_base": draw(st.sampled_from(AllocationBase)).value,
        "allocation_residue": draw(st.sampled_from(AllocationResidue)).value,
        "allocation_unit": draw(st.sampled_from(AllocationUnit)).value,
        "allocation_cap": cap,
        "min_levy_rate": draw(st.none() | st.sampled_from(("0.01", "0.2"))) if charges else None,
        "deficit_repayment": draw(shares()),
        "adl": draw(st.one_of(adl(queues), adl(queues), st.none())),
    }
    return Published(preset=draw(st.sampled_from(sorted(PRESETS))), fields=fields)


def shares() -> st.SearchStrategy[str]:
    return st.sampled_from(SHARES) | st.integers(0, WHOLE).map(_text)


@st.composite
def splits(draw: st.DrawFn, names: Sequence[str]) -> dict[str, str]:
    """Shares that sum to 1, some names left out."""
    cuts = sorted(_units(draw(shares())) for _ in names[1:])
    parts = [high - low for low, high in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    order = draw(st.permutations(names))
    return {name: _text(part) for name, part in zip(order, parts, strict=True) if part}


@st.composite
def adl(draw: st.DrawFn, queues: Sequence[AdlQueue]) -> dict[str, object]:
    trigger, queue = draw(st.sampled_from(AdlTrigger)), draw(st.sampled_from(queues))
    falls = trigger in (AdlTrigger.DRAWDOWN, AdlTrigger.PNL_DRAWDOWN)
    return {
        "trigger": trigger.value,
        "queue": queue.value,
        "price": draw(st.sampled_from(AdlPrice)).value,
        "threshold": draw(st.sampled_from(("0.1", "0.5", "1"))) if falls else None,
        "seed": draw(st.none() | st.just("2025-10-10")) if queue is AdlQueue.SEEDED_RANDOM else None,
    }


def _rest(units: int) -> st.SearchStrategy[str]:
    """All that is left, or less of it."""
    return (st.just(units) | st.integers(0, units)).map(_text)


def _units(share: str) -> int:
    whole, _, fraction = share.partition(".")
    return int(whole) * WHOLE + int(fraction.ljust(18, "0"))


def _text(units: int) -> str:
    whole, fraction = divmod(units, WHOLE)
    return f"{whole}.{fraction:018d}".rstrip("0").rstrip(".") if fraction else str(whole)
