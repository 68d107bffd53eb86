"""A loss has a bearer for every part of it, and no part is negative."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fund.rulebook import FundUnpaid, Rulebook, RulebookRefused
from fund.rules import compensation_budget, falls_short, split_loss, split_residue
from ledger.money import from_units, total
from tests.fund.amounts import AMOUNTS, SHARES, D, amounts
from tests.fund.rulebooks import rulebook

UNITS = st.integers(0, 1000)


def loss_parts(loss: str, *, balance: str, reserved: str = "0", **fields: object) -> dict[str, Decimal]:
    preset = str(fields.pop("preset", "full_cover"))
    split = split_loss(
        D(loss), fund_balance=D(balance), rulebook=rulebook(preset, **fields), decimals=8, reserved=D(reserved)
    )
    names = ("fund", "reserved_used", "to_allocate", "treasury", "carried")
    return {name: getattr(split, name) for name in names if getattr(split, name)}


def test_the_fund_bears_a_fifth_and_the_traders_the_rest() -> None:
    assert loss_parts("1000", balance="5000", preset="shared_loss") == {"fund": 200, "to_allocate": 800}


def test_the_funds_share_is_rounded_and_the_traders_bear_the_rest() -> None:
    parts = loss_parts("0.00000003", balance="5000", preset="shared_loss", fund_share="0.5", traders_share="0.5")
    assert parts == {"fund": D("0.00000002"), "to_allocate": D("0.00000001")}


def test_a_spent_fund_pays_what_it_has_and_the_rest_is_carried() -> None:
    assert loss_parts("150", balance="100") == {"fund": 100, "carried": 50}


def test_the_balance_may_reach_exactly_zero() -> None:
    assert loss_parts("100", balance="100") == {"fund": 100}


def test_an_empty_fund_pays_nothing() -> None:
    assert loss_parts("100", balance="0") == {"carried": 100}


@pytest.mark.parametrize(
    ("unpaid", "bearer"), [("carry", "carried"), ("shift_to_traders", "to_allocate"), ("treasury", "treasury")]
)
def test_what_the_fund_cannot_pay_goes_where_the_rulebook_says(unpaid: str, bearer: str) -> None:
    assert loss_parts("150", balance="100", fund_unpaid=unpaid) == {"fund": 100, bearer: 50}


def test_the_fund_stops_at_its_floor() -> None:
    assert loss_parts("150", balance="100", fund_floor="30") == {"fund": 70, "carried": 80}
    assert loss_parts("150", balance="20", fund_floor="30") == {"carried": 150}


def test_one_takeover_draws_no_more_than_its_cap() -> None:
    assert loss_parts("150", balance="1000", fund_per_event_cap="40") == {"fund": 40, "carried": 110}


def test_what_neither_share_covers_is_carried() -> None:
    parts = loss_parts("100", balance="1000", preset="shared_loss", fund_share="0.3", traders_share="0.5")
    assert parts == {"fund": 30, "to_allocate": 50, "carried": 20}


def test_what_was_set_aside_is_used_first() -> None:
    assert loss_parts("5", balance="90", reserved="10") == {"reserved_used": 5}
    assert loss_parts("25", balance="90", reserved="10") == {"reserved_used": 10, "fund": 15}


def test_the_cap_of_a_takeover_counts_what_was_set_aside_for_it() -> None:
    parts = loss_parts("50", balance="90", reserved="10", fund_per_event_cap="25")
    assert parts == {"reserved_used": 10, "fund": 15, "carried": 25}


@st.composite
def rulebooks_of_losses(draw: st.DrawFn) -> Rulebook:
    fund_share = draw(SHARES)
    traders_share = draw(st.just(1 - fund_share) | SHARES.map(lambda share: share * (1 - fund_share)))
    cap = draw(st.none() | st.integers(1, 10**40))
    fields: dict[str, object] = {
        "fund_share": f"{Decimal(fund_share.numerator) / fund_share.denominator:f}",
        "traders_share": f"{Decimal(int(traders_share * 10**6)) / 10**6:f}",
        "fund_unpaid": draw(st.sampled_from(["carry", "shift_to_traders", "treasury"])),
        "fund_floor": f"{from_units(draw(st.integers(0, 10**20)), 8):f}",
        "fund_per_event_cap": None if cap is None else f"{from_units(cap, 8):f}",
    }
    try:
        return rulebook("shared_loss", **fields)
    except RulebookRefused:
        assume(False)
        raise


@given(AMOUNTS.filter(bool), AMOUNTS, AMOUNTS, rulebooks_of_losses())
def test_the_parts_of_any_loss_sum_to_it_and_the_fund_stays_above_its_floor(
    loss: Decimal, balance: Decimal, reserved: Decimal, book: Rulebook
) -> None:
    split = split_loss(loss, fund_balance=balance, rulebook=book, decimals=8, reserved=reserved)
    parts = (split.fund, split.reserved_used, split.to_allocate, split.treasury, split.carried)
    assert total(parts) == loss
    assert min(parts) >= 0
    assert split.reserved_used <= reserved
    assert split.fund == 0 or total((split.fund, book.fund_floor)) <= balance
    if book.fund_per_event_cap is not None and split.fund:
        assert total((split.fund, split.reserved_used)) <= book.fund_per_event_cap


@given(AMOUNTS.filter(bool), AMOUNTS, AMOUNTS, rulebooks_of_losses())
def test_a_richer_fund_never_pays_less(loss: Decimal, balance: Decimal, more: Decimal, book: Rulebook) -> None:
    poor = split_loss(loss, fund_balance=balance, rulebook=book, decimals=8)
    rich = split_loss(loss, fund_balance=total((balance, more)), rulebook=book, decimals=8)
    assert rich.fund >= poor.fund
    assert rich.carried <= poor.carried


def test_a_loss_of_nothing_is_a_programmers_error() -> None:
    with pytest.raises(AssertionError):
        split_loss(D("0"), fund_balance=D("0"), rulebook=rulebook("full_cover"), decimals=8)


@pytest.mark.parametrize(
    ("balance", "budget", "fields"),
    [
        ("100", "10", {"precompensation": {"per_takeover_cap": "10"}}),
        ("5", "5", {"precompensation": {"per_takeover_cap": "10"}}),
        ("100", "25", {"precompensation": {"share_of_fund": "0.25"}}),
        ("0.00000003", "0.00000001", {"precompensation": {"share_of_fund": "0.5"}}),
        ("100", "30", {"precompensation": {}, "fund_floor": "70"}),
        ("50", "0", {"precompensation": {}, "fund_floor": "70"}),
        ("100", "20", {"precompensation": {}, "fund_per_event_cap": "20"}),
        ("100", "0", {"precompensation": None}),
    ],
)
def test_the_budget_before_a_close_is_within_every_cap(balance: str, budget: str, fields: dict[str, object]) -> None:
    book = rulebook("pre_close_compensation", **fields)
    assert compensation_budget(fund_balance=D(balance), rulebook=book, decimals=8) == D(budget)


def test_the_residue_is_drawn_from_the_fund_then_carried() -> None:
    book = rulebook("shared_loss", fund_floor="10")
    whole = split_residue(D("40"), any_profit=True, fund_balance=D("4800"), rulebook=book)
    assert (whole.fund, whole.carried) == amounts("40", "0")
    part = split_residue(D("40"), any_profit=True, fund_balance=D("35"), rulebook=book)
    assert (part.fund, part.carried) == amounts("25", "15")


def test_a_residue_with_nobody_in_profit_is_carried_whole() -> None:
    split = split_residue(D("800"), any_profit=False, fund_balance=D("4800"), rulebook=rulebook("shared_loss"))
    assert (split.fund, split.carried) == amounts("0", "800")


@pytest.mark.parametrize("policy", ["carry", "extend_selection"])
def test_a_residue_that_the_fund_does_not_bear_is_carried(policy: str) -> None:
    book = rulebook("shared_loss", allocation_residue=policy)
    split = split_residue(D("40"), any_profit=True, fund_balance=D("4800"), rulebook=book)
    assert (split.fund, split.carried) == amounts("0", "40")


@pytest.mark.parametrize(
    ("loss", "balance", "fields", "short"),
    [
        ("100", "100", {}, False),
        ("100.1", "100", {}, True),
        ("0", "0", {}, True),
        ("0", "5", {"fund_floor": "5"}, True),
        # Of 1,000 its share is 200.
        ("1000", "200", {"preset": "shared_loss"}, False),
        ("1000", "199", {"preset": "shared_loss"}, True),
        ("5", "1000", {"fund_per_event_cap": "5"}, False),
        ("5.1", "1000", {"fund_per_event_cap": "5"}, True),
    ],
)
def test_a_fund_falls_short_of_its_own_part(loss: str, balance: str, fields: dict[str, object], short: bool) -> None:
    rules = rulebook(str(fields.pop("preset", "full_cover")), **fields)
    assert falls_short(Fraction(loss), fund_balance=D(balance), rulebook=rules) is short


@pytest.mark.parametrize(("loss", "short"), [("30", False), ("50", False), ("50.1", True)])
def test_what_is_set_aside_for_a_loss_is_not_missing(loss: str, short: bool) -> None:
    rules = rulebook("full_cover", precompensation={})
    assert falls_short(Fraction(loss), fund_balance=D("20"), rulebook=rules, reserved=D("30")) is short
    assert not falls_short(Fraction(loss) - 21, fund_balance=D("0"), rulebook=rules, reserved=D("30"))


@given(UNITS, UNITS, UNITS, SHARES, st.none() | UNITS, UNITS)
def test_a_fund_that_falls_short_of_a_loss_leaves_some_of_its_share_unpaid(
    loss: int, balance: int, reserved: int, share: Fraction, cap: int | None, floor: int
) -> None:
    """In units, so that no rounding stands between the two; a fund with nothing left falls short of any."""
    assume(loss and (max(balance - floor, 0) or reserved))
    rules = replace(
        rulebook("full_cover", traders_share="0"),
        fund_share=Decimal(share.numerator) / Decimal(share.denominator),
        fund_per_event_cap=None if cap is None else Decimal(cap),
        fund_floor=Decimal(floor),
        fund_unpaid=FundUnpaid.TREASURY,
    )
    split = split_loss(
        Decimal(loss), fund_balance=Decimal(balance), rulebook=rules, decimals=18, reserved=Decimal(reserved)
    )
    short = falls_short(Fraction(loss), fund_balance=Decimal(balance), rulebook=rules, reserved=Decimal(reserved))
    assert short is (split.treasury > 0)
