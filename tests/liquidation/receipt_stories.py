"""Stories that end with the takeover `t1` closed, each with the layers of its result that are not 0."""

from collections.abc import Callable

from liquidation import corrections
from tests.builders import moment
from tests.liquidation.venue import deleverage, fill, open_cycle, open_venue, take_over, unfilled


def linear_with_penalty_and_cap() -> None:
    open_venue(
        "penalty_and_vault",
        penalty_rate="0.005",
        penalty_split={"fund": "0.5", "vault": "0.3", "fees": "0.2"},
        surplus_split={"fund": "0.7", "vault": "0.2", "fees": "0.1"},
        injection_cap_rate="0.04",
        decimals=2,
    )
    take_over()
    fill("f1", price="103.337", quantity="3", fee="0.07")
    fill("f2", price="111.11", quantity="7", fee="0.11")


def inverse_gain_with_penalty() -> None:
    open_venue(
        "penalty_and_vault",
        penalty_rate="0.0007",
        surplus_split={"fund": "0.6", "vault": "0.4"},
        kind="inverse",
        multiplier="100",
        currency="BTC",
        contribution="1",
    )
    take_over(side="short", quantity="30", at_price="27001.5")
    fill("f1", price="26800.5", quantity="11")
    fill("f2", price="26700", quantity="19", fee="0.00000123")


def inverse_loss() -> None:
    open_venue(
        "shared_loss",
        kind="inverse",
        multiplier="10",
        currency="BTC",
        contribution="5",
        fund_share="0.3333333",
        traders_share="0.6666667",
    )
    open_cycle()
    take_over(quantity="7", at_price="30000")
    fill("f1", price="28999.5", quantity="3")
    fill("f2", price="29100", quantity="4", fee="0.000001")


def quanto_loss_to_the_treasury() -> None:
    open_venue(
        "full_cover",
        kind="quanto",
        multiplier="0.000001",
        currency="BTC",
        contribution="0.0007",
        fund_floor="0.0002",
        fund_unpaid="treasury",
    )
    take_over(side="short", quantity="100", at_price="1700")
    fill("f1", price="1712.25", quantity="60", fee="0.00000005")
    fill("f2", price="1699", quantity="40")


def loss_within_every_limit() -> None:
    """The floor leaves 300 of 400, the event's cap 250; what the fund does not pay is shifted, the rest carried."""
    open_venue(
        "shared_loss",
        contribution="400",
        fund_floor="100",
        fund_per_event_cap="250",
        fund_share="0.6",
        traders_share="0.3",
        fund_unpaid="shift_to_traders",
    )
    open_cycle()
    take_over()
    fill(price="40", fee="1.5")


def loss_of_a_fund_at_its_floor() -> None:
    open_venue(contribution="70", fund_floor="70")
    take_over()
    fill(price="97")


def compensation_partly_used() -> None:
    open_venue(
        "pre_close_compensation",
        contribution="90",
        tick="0.5",
        precompensation={"share_of_fund": "0.5", "per_takeover_cap": "31"},
        fund_floor="50",
    )
    take_over()
    fill("f1", price="98", quantity="4", fee="0.25")
    fill("f2", price="99.5", quantity="6")


def compensation_of_an_inverse_short() -> None:
    open_venue(
        "pre_close_compensation",
        kind="inverse",
        multiplier="100",
        currency="BTC",
        contribution="0.01",
        precompensation={"share_of_fund": "0.1"},
    )
    take_over(side="short", quantity="30", at_price="27000")
    fill(price="27100", quantity="30")


def compensation_and_more() -> None:
    open_venue(
        "pre_close_compensation",
        contribution="90",
        precompensation={"share_of_fund": "0.3333333"},
        fund_per_event_cap="50",
        fund_share="0.9",
    )
    take_over()
    fill(price="91")


def compensation_not_needed() -> None:
    open_venue("pre_close_compensation", contribution="90", precompensation={"share_of_fund": "0.5"})
    take_over()
    fill(price="101")


def taken_over_at_mark() -> None:
    open_venue("full_cover", takeover_valuation="mark", decimals=2)
    take_over(margin="500", mark="103.333")
    fill("f1", price="102.5", quantity="3")
    fill("f2", price="98", quantity="7", fee="1")


def inverse_at_mark_below_bankruptcy() -> None:
    open_venue(
        "full_cover", takeover_valuation="mark", kind="inverse", multiplier="10", currency="BTC", contribution="2"
    )
    take_over(side="short", quantity="9", at_price="30000", mark="30123")
    fill("f1", price="30200", quantity="4")
    fill("f2", price="29950", quantity="5")


def gross_costs() -> None:
    open_venue("full_cover", cost_policy="gross")
    take_over()
    fill("f1", price="99", quantity="5", fee="3")
    fill("f2", price="100.5", quantity="5", fee="2")


def deficit_repaid() -> None:
    open_venue(
        "penalty_and_vault",
        contribution="0",
        penalty_rate="0.001",
        surplus_split={"fund": "0.5", "trader": "0.5"},
        deficit_repayment="0.3333333",
    )
    take_over("t0", seconds=0)
    fill("f0", takeover="t0", price="90", seconds=1)
    take_over()
    fill(price="107")


def deficit_repaid_whole() -> None:
    open_venue("full_cover", contribution="0")
    take_over("t0", seconds=0)
    fill("f0", takeover="t0", price="99", seconds=1)
    take_over()
    fill(price="107")


def result_that_the_venue_tells() -> None:
    open_venue("penalty_and_vault", penalty_rate="0.001", surplus_split={"fund": "1"})
    take_over()
    fill("f1", pnl="12.5", quantity="4")
    fill("f2", price="99", quantity="6")


def into_the_inventory_at_mark() -> None:
    open_venue("inventory_takeover", takeover_valuation="mark")
    take_over(mark="99")
    fill(price="98", quantity="2")
    unfilled(mark="97.5")


def into_the_inventory_against_the_other_side() -> None:
    open_venue("inventory_takeover", takeover_valuation="mark", kind="inverse", currency="BTC", contribution="1")
    take_over("t0", side="short", quantity="6", at_price="100", mark="99")
    unfilled("t0", mark="101")
    take_over(mark="99")
    fill(price="98", quantity="2")
    unfilled(mark="97.5")


def deleveraged_at_mark() -> None:
    open_venue("full_cover", takeover_valuation="mark", adl={"trigger": "unfilled", "price": "mark"})
    take_over(mark="97", margin="10")
    fill(price="98", quantity="2")
    deleverage("a1", "t1", ("sue", "8", "130"))


def closed_again_after_a_correction() -> None:
    open_venue(
        "penalty_and_vault",
        contribution="0",
        penalty_rate="0.01",
        penalty_split={"vault": "1"},
        surplus_split={"fund": "0.5", "trader": "0.5"},
    )
    take_over("t0", seconds=0)
    fill("f0", takeover="t0", price="99", seconds=1)
    take_over()
    fill("wrong", price="120")
    corrections.reverse_fill("wrong", reference="r1", effective_at=moment(9))
    fill("right", price="104", seconds=10)


def neither_gain_nor_loss() -> None:
    open_venue()
    take_over()
    fill(price="100")


STORIES: list[tuple[Callable[[], None], dict[str, str]]] = [
    (
        linear_with_penalty_and_cap,
        {"penalty": "5.44", "injected": "43.51", "to_vault": "16.43", "to_trader": "14.01", "to_fees": "8.21"},
    ),
    (inverse_gain_with_penalty, {"penalty": "0.00007854", "injected": "0.00061222", "to_vault": "0.00040814"}),
    (inverse_loss, {"fund_paid": "0.00002558", "to_allocate": "0.00005115"}),
    (quanto_loss_to_the_treasury, {"fund_paid": "0.0005", "treasury_paid": "0.00019505"}),
    (loss_within_every_limit, {"fund_paid": "250", "to_allocate": "291.35", "carried": "60.15"}),
    (loss_of_a_fund_at_its_floor, {"carried": "30"}),
    (compensation_partly_used, {"reserved_used": "11.25"}),
    (compensation_of_an_inverse_short, {"reserved_used": "0.00041"}),
    (compensation_and_more, {"reserved_used": "29.999997", "fund_paid": "20.000003", "carried": "40"}),
    (compensation_not_needed, {"injected": "10"}),
    (taken_over_at_mark, {"fund_paid": "7.5"}),
    (inverse_at_mark_below_bankruptcy, {"fund_paid": "0.00000604"}),
    (gross_costs, {"fund_paid": "2.5"}),
    (deficit_repaid, {"penalty": "1.07", "injected": "34.465", "to_trader": "34.465"}),
    (deficit_repaid_whole, {"injected": "70"}),
    (result_that_the_venue_tells, {"penalty": "0.994", "injected": "5.506"}),
    (into_the_inventory_at_mark, {"fund_paid": "4"}),
    (into_the_inventory_against_the_other_side, {"fund_paid": "0.00040816"}),
    (deleveraged_at_mark, {"fund_paid": "28"}),
    (closed_again_after_a_correction, {"penalty": "10.4", "injected": "14.8", "to_trader": "14.8"}),
    (neither_gain_nor_loss, {}),
]
