"""Who bears a loss and who gets a surplus. Amounts are in the fund's currency, a multiple of its precision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from fund.rulebook import SHARE_NAMES, AllocationResidue, FundUnpaid, Rulebook
from ledger.money import EXACT, floor_to, from_units, round_half_even, to_units, total


@dataclass(frozen=True, kw_only=True, slots=True)
class LossSplit:
    """Parts of one takeover's loss; they sum to it. `reserved_used` comes from what was set aside before the close."""

    fund: Decimal
    reserved_used: Decimal
    to_allocate: Decimal
    treasury: Decimal
    carried: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class SurplusSplit:
    """Parts of one takeover's positive result; they sum to it. `penalty_*` were charged before the rest was split."""

    penalty_fund: Decimal
    penalty_vault: Decimal
    penalty_fees: Decimal
    fund: Decimal
    vault: Decimal
    trader: Decimal
    fees: Decimal

    @property
    def penalty(self) -> Decimal:
        return total((self.penalty_fund, self.penalty_vault, self.penalty_fees))


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidueSplit:
    """Who bears what an allocation left over."""

    fund: Decimal
    carried: Decimal


def spendable(*, fund_balance: Decimal, rulebook: Rulebook) -> Decimal:
    """What the fund may pay before it reaches its floor. Source: rulebooks.md, `fund_floor`."""
    return max(EXACT.subtract(fund_balance, rulebook.fund_floor), Decimal(0))


def for_own_positions(rulebook: Rulebook) -> Rulebook:
    """What losses of the fund's own positions go by: all of them are the fund's, and none is a takeover's event."""
    return replace(rulebook, fund_share=Decimal(1), traders_share=Decimal(0), fund_per_event_cap=None)


def split_loss(
    loss: Decimal, *, fund_balance: Decimal, rulebook: Rulebook, decimals: int, reserved: Decimal = Decimal(0)
) -> LossSplit:
    """Cut the loss of one takeover, `loss` > 0. `fund_balance` is without what is `reserved` for this takeover.

    The reserve is used first. Of the rest, the fund's share is rounded half-even and the traders bear what is left
    where both shares make up the whole, else their own share half-even, and what is left of the loss is carried. What
    the fund cannot pay of its share goes by `fund_unpaid`. The per-event cap counts the reserve, which was the
    fund's. Source: rulebooks.md, fields and "The allocation of 003, exactly".
    """
    assert loss > 0, f"{loss} is no loss"
    reserved_used = min(loss, reserved)
    rest = EXACT.subtract(loss, reserved_used)
    fund_part, traders_part = _shares_of_loss(rest, rulebook, decimals)
    fund_limit = spendable(fund_balance=fund_balance, rulebook=rulebook)
    if rulebook.fund_per_event_cap is not None:
        fund_limit = min(fund_limit, max(EXACT.subtract(rulebook.fund_per_event_cap, reserved_used), Decimal(0)))
    paid = min(fund_part, fund_limit)
    unpaid = EXACT.subtract(fund_part, paid)
    nobodys = EXACT.subtract(rest, EXACT.add(fund_part, traders_part))
    goes_to = rulebook.fund_unpaid
    split = LossSplit(
        fund=paid,
        reserved_used=reserved_used,
        to_allocate=EXACT.add(traders_part, unpaid if goes_to is FundUnpaid.SHIFT_TO_TRADERS else Decimal(0)),
        treasury=unpaid if goes_to is FundUnpaid.TREASURY else Decimal(0),
        carried=EXACT.add(nobodys, unpaid if goes_to is FundUnpaid.CARRY else Decimal(0)),
    )
    parts = (split.fund, split.reserved_used, split.to_allocate, split.treasury, split.carried)
    assert total(parts) == loss, f"{split} does not sum to {loss}"
    assert min(parts) >= 0, f"{split} has a negative part"
    return split


def falls_short(loss: Fraction, *, fund_balance: Decimal, rulebook: Rulebook, reserved: Decimal = Decimal(0)) -> bool:
    """Whether the fund could not bear its part of `loss` ≥ 0 of one takeover, or has nothing left to bear any with.

    Its part and what limits it are those of `split_loss`, before rounding. Source: rulebooks.md, `fund_insufficient`.
    """
    may_pay = spendable(fund_balance=fund_balance, rulebook=rulebook)
    if not may_pay and not reserved:
        return True
    reserved_used = min(loss, Fraction(reserved))
    limit = Fraction(may_pay)
    if rulebook.fund_per_event_cap is not None:
        limit = min(limit, Fraction(rulebook.fund_per_event_cap) - reserved_used)
    return (loss - reserved_used) * Fraction(rulebook.fund_share) > max(limit, Fraction(0))


def split_surplus(result: Decimal, *, notional: Decimal | Fraction, rulebook: Rulebook, decimals: int) -> SurplusSplit:
    """Cut the result of one takeover, `result` ≥ 0. `notional` is that of its closing fills, in the margin currency.

    First the penalty, `penalty_rate · notional` half-even and never above the result. The rest by `surplus_split`.
    Then `injection_cap_rate · notional`, floored as dYdX v4 does (x/clob, GetLiquidationInsuranceFundDelta), is the
    most of the rest that goes to the fund; the excess is the trader's. The penalty is a charge of its own and does
    not count towards that cap. Left-over units: see `_by_shares`. Source: rulebooks.md, fields; accounting.md, entries.
    """
    assert result >= 0, f"{result} is no surplus"
    exact_notional = Fraction(notional)
    penalty = min(round_half_even(Fraction(rulebook.penalty_rate) * exact_notional, decimals), result)
    penalties = _by_shares(penalty, rulebook.penalty_split, decimals)
    parts = _by_shares(EXACT.subtract(result, penalty), rulebook.surplus_split, decimals)
    if rulebook.injection_cap_rate is not None:
        most = floor_to(Fraction(rulebook.injection_cap_rate) * exact_notional, decimals)
        excess = max(EXACT.subtract(parts["fund"], most), Decimal(0))
        parts["fund"] = EXACT.subtract(parts["fund"], excess)
        parts["trader"] = EXACT.add(parts["trader"], excess)
    split = SurplusSplit(
        penalty_fund=penalties["fund"],
        penalty_vault=penalties["vault"],
        penalty_fees=penalties["fees"],
        fund=parts["fund"],
        vault=parts["vault"],
        trader=parts["trader"],
        fees=parts["fees"],
    )
    assert total((split.penalty, *parts.values())) == result, f"{split} does not sum to {result}"
    return split


def repay_deficit(injected: Decimal, *, deficit: Decimal, rulebook: Rulebook, decimals: int) -> Decimal:
    """How much of an injection repays the carried deficit: its share half-even, at most the deficit."""
    assert injected >= 0, f"{injected} is no injection"
    return min(round_half_even(Fraction(injected) * Fraction(rulebook.deficit_repayment), decimals), deficit)


def compensation_budget(*, fund_balance: Decimal, rulebook: Rulebook, decimals: int) -> Decimal:
    """What the fund sets aside before a close: its share of the balance, within every cap and never below the floor.

    0 where the rulebook sets nothing aside. Source: rulebooks.md, `precompensation`.
    """
    if rulebook.precompensation is None:
        return Decimal(0)
    share = floor_to(Fraction(fund_balance) * Fraction(rulebook.precompensation.share_of_fund), decimals)
    limits = [share, spendable(fund_balance=fund_balance, rulebook=rulebook)]
    caps = (rulebook.precompensation.per_takeover_cap, rulebook.fund_per_event_cap)
    return max(min(*limits, *(cap for cap in caps if cap is not None)), Decimal(0))


def split_residue(residue: Decimal, *, any_profit: bool, fund_balance: Decimal, rulebook: Rulebook) -> ResidueSplit:
    """Who bears the traders' part that no trader bore: the fund down to its floor, then a deficit; or a deficit alone.

    `any_profit`: whether the cycle had a profitable position. Without one all of it is carried, whatever the policy.
    What an extended selection could not place is carried. Source: rulebooks.md, "The allocation of 003, exactly", 4.
    """
    assert residue >= 0, f"{residue} is no residue"
    from_fund = Decimal(0)
    if any_profit and rulebook.allocation_residue is AllocationResidue.FUND_THEN_CARRY:
        from_fund = min(residue, spendable(fund_balance=fund_balance, rulebook=rulebook))
    return ResidueSplit(fund=from_fund, carried=EXACT.subtract(residue, from_fund))


def _shares_of_loss(loss: Decimal, rulebook: Rulebook, decimals: int) -> tuple[Decimal, Decimal]:
    """The fund's and the traders' part. Together at most the loss: two roundings up add less than one unit."""
    exact = Fraction(loss)
    fund_part = round_half_even(exact * Fraction(rulebook.fund_share), decimals)
    if EXACT.add(rulebook.fund_share, rulebook.traders_share) == 1:
        return fund_part, EXACT.subtract(loss, fund_part)
    return fund_part, round_half_even(exact * Fraction(rulebook.traders_share), decimals)


def _by_shares(amount: Decimal, shares: Mapping[str, Decimal], decimals: int) -> dict[str, Decimal]:
    """Each part floored; the units left over go to the fund. Source: accounting.md, entries."""
    units = to_units(amount, decimals)
    parts = {name: int(units * Fraction(shares[name])) for name in SHARE_NAMES}
    parts["fund"] += units - sum(parts.values())
    return {name: from_units(part, decimals) for name, part in parts.items()}
