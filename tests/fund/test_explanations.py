"""Explanations of allocations: the steps shown lead to the amount that was booked."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from fund import positions, settlement
from fund.explanations import Borne, Explanation, Part, explain
from fund.models import Allocation, Cycle, Shortfall
from fund.positions import PositionProfit
from fund.rulebooks import in_force
from fund.serializers.explanations import ExplanationSerializer
from ledger.errors import NotFound
from ledger.money import plain
from tests.builders import moment, move, post
from tests.fund.builders import open_cycle, open_fund

pytestmark = pytest.mark.django_db
PROFITS = {"p1": ("bob", "500"), "p2": ("sue", "300"), "p3": ("bob", "150"), "p4": ("liv", "50"), "p5": ("sue", "-70")}


def settled(loss: str = "800", profits: dict[str, tuple[str, str]] | None = None, **fields: Any) -> Cycle:
    """A settled cycle whose whole loss is the traders' part."""
    terms = {"fund_share": "0", "traders_share": "1", **fields}
    fund = open_fund("shared_loss", contribution="1000", **terms)
    cycle = open_cycle(1)
    if loss != "0":
        _lose(cycle, loss)
    rows = [
        PositionProfit(position=name, trader=trader, profit=Decimal(profit))
        for name, (trader, profit) in (PROFITS if profits is None else profits).items()
    ]
    positions.add(cycle_id=cycle.pk, rows=rows)
    positions.complete(cycle_id=cycle.pk, count=None, total=None, completed_at=moment(10))
    assert cycle.fund_id == fund.pk
    return settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(20))


def _lose(cycle: Cycle, loss: str) -> None:
    """A loss as the fund's movements leave it behind."""
    (posted,) = post(move("loss", loss, debited="loss:usdt", credited="engine:USDT", kind="fund_payout"))
    amount = Decimal(loss)
    Shortfall.objects.create(
        fund=cycle.fund,
        cycle=cycle,
        rulebook=in_force(cycle.fund, moment()),
        entry_id=posted.entry_id,
        source_kind="test",
        source_id="loss",
        effective_at=moment(),
        loss=amount,
        fund_paid=Decimal(0),
        to_allocate=amount,
    )


def own(explanation: Explanation, position: str) -> Borne:
    return next(each for each in explanation.positions if each.position == position)


@pytest.mark.parametrize(
    ("fields", "position", "steps"),
    [
        ({}, "p1", ("800 · 500 / 1000 = 400", "400", "500", "400", "0", "400")),
        (
            {"allocation_base": "participating"},
            "p2",
            (
                "800 · 300 / 950 ≈ 252.631578947368421053",
                "4800/19",
                "300",
                "252.63157894",
                "0.00000001",
                "252.63157895",
            ),
        ),
        ({"allocation_cap": "0.25"}, "p1", ("800 · 500 / 1000 = 400", "400", "125", "125", "0", "125")),
        ({"min_levy_rate": "0.9"}, "p1", ("500 · 0.9 = 450", "450", "500", "450", "0", "450")),
    ],
    ids=["everyone's base", "participants' base", "cap", "minimum levy"],
)
def test_steps_of_a_participant(fields: dict[str, Any], position: str, steps: tuple[str, ...]) -> None:
    cycle = settled(**fields)

    borne = own(explain(cycle_id=cycle.pk, trader=PROFITS[position][0]), position)

    numbers = [borne.most, borne.floored, borne.rounding, borne.amount]
    assert (borne.formula, str(borne.exact), *(plain(each) for each in numbers if each is not None)) == steps


def test_steps_lead_to_every_amount_that_was_booked() -> None:
    profits = {f"p{number}": (f"t{number % 7}", f"{number}.{number:03}") for number in range(1, 60)}
    cycle = settled("777.77777777", profits, allocation_base="participating", allocation_cap="0.9")
    unit = Decimal("0.00000001")

    for row in Allocation.objects.filter(cycle=cycle):
        borne = own(explain(cycle_id=cycle.pk, trader=row.trader), row.position)
        assert borne.exact == Fraction(cycle.to_allocate) * Fraction(row.profit) / Fraction(cycle.base)
        assert borne.floored is not None
        assert borne.rounding in (0, unit)
        assert row.amount == borne.amount == borne.floored + borne.rounding


def test_positions_netted_per_trader_stand_under_the_traders_share() -> None:
    cycle = settled(allocation_unit="trader")

    explanation = explain(cycle_id=cycle.pk, trader="sue")

    assert [(each.position, plain(each.profit), each.part) for each in explanation.positions] == [
        ("sue", "230", Part.PARTICIPANT),
        ("p2", "300", Part.NETTED),
        ("p5", "-70", Part.NETTED),
    ]
    assert explanation.amount == Allocation.objects.get(trader="sue").amount


def test_a_trader_whose_losses_net_its_profit_away_has_no_profit_and_no_rank() -> None:
    profits = {**PROFITS, "p6": ("max", "3000"), "p7": ("max", "-3500")}
    cycle = settled(profits=profits, allocation_unit="trader")

    positions = explain(cycle_id=cycle.pk, trader="max").positions

    assert [(each.position, plain(each.profit), each.part, each.rank) for each in positions] == [
        ("max", "-500", Part.NO_PROFIT, None),
        ("p6", "3000", Part.NETTED, None),
        ("p7", "-3500", Part.NETTED, None),
    ]


def test_positions_that_bear_nothing_say_why() -> None:
    cycle = settled()

    parts = {each.position: each.part for each in explain(cycle_id=cycle.pk, trader="sue").positions}
    parts |= {each.position: each.part for each in explain(cycle_id=cycle.pk, trader="liv").positions}

    assert parts == {"p2": Part.PARTICIPANT, "p4": Part.BELOW_CUT, "p5": Part.NO_PROFIT}


def test_a_position_that_has_its_traders_name_hides_none_of_the_traders_others() -> None:
    cycle = settled(profits={"ann": ("ann", "900"), "ann-eth": ("ann", "100")})

    left = own(explain(cycle_id=cycle.pk, trader="ann"), "ann-eth")

    assert (left.part, left.rank) == (Part.BELOW_CUT, 2)


def test_cycle_without_a_loss_shares_nothing() -> None:
    explanation = explain(cycle_id=settled("0").pk, trader="bob")

    assert (explanation.rate, explanation.amount) == (None, Decimal(0))
    assert {each.part for each in explanation.positions} == {Part.NOTHING_SHARED}


def test_what_a_minimum_levy_took_beyond_the_loss_is_shown() -> None:
    cycle = settled("100", min_levy_rate="0.2")

    shown = ExplanationSerializer(explain(cycle_id=cycle.pk, trader="bob")).data

    figures = {name: shown[name] for name in ("to_allocate", "allocated", "levy_surplus", "residue")}
    assert figures == {"to_allocate": "100", "allocated": "190", "levy_surplus": "90", "residue": "0"}


def test_trader_without_a_position_bears_nothing() -> None:
    explanation = explain(cycle_id=settled().pk, trader="nobody")

    assert (explanation.amount, explanation.positions) == (Decimal(0), ())


def test_cycle_that_is_not_settled_is_refused() -> None:
    open_fund()
    cycle = open_cycle(1)

    with pytest.raises(NotFound) as caught:
        explain(cycle_id=cycle.pk, trader="bob")

    assert caught.value.code == "settlement_unknown"
