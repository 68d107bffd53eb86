"""Receipts worked out again by hand: from the JSON alone, in fractions, with none of the project's rules."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest

from ledger.models import Posting
from ledger.money import plain
from ledger.rest.models import Role
from liquidation import corrections
from liquidation.fills import report_fills
from tests.builders import moment
from tests.liquidation.venue import deleverage, fill, fill_report, open_cycle, open_venue, take_over, unfilled
from tests.rest.api import client, get

pytestmark = pytest.mark.django_db
Told = dict[str, Any]
RECEIVERS = ("fund", "vault", "trader", "fees")


def told(reference: str = "t1") -> Told:
    document: Told = get(client(Role.AUDITOR), f"/takeovers/{reference}/receipt/")
    return document


# By hand. Python rounds a Fraction half to even.


def half_even(value: Fraction, decimals: int) -> Fraction:
    return Fraction(round(value * 10**decimals), 10**decimals)


def up(value: Fraction, decimals: int) -> Fraction:
    return Fraction(ceil(value * 10**decimals), 10**decimals)


def down(value: Fraction, decimals: int) -> Fraction:
    return Fraction(floor(value * 10**decimals), 10**decimals)


def gain(of: Told, quantity: str, price: str) -> Fraction:
    """From the bankruptcy price to another."""
    size = Fraction(quantity) * Fraction(of["multiplier"]) * (1 if of["side"] == "long" else -1)
    entry, at = Fraction(of["bankruptcy_price"]), Fraction(price)
    if of["contract_kind"] == "inverse":
        return up(size * (1 / entry - 1 / at), of["decimals"])
    return half_even(size * (at - entry), of["decimals"])


def notional(of: Told, each: Told) -> Fraction:
    size, price = Fraction(each["quantity"]) * Fraction(of["multiplier"]), each["price"] or of["bankruptcy_price"]
    return size / Fraction(price) if of["contract_kind"] == "inverse" else size * Fraction(price)


def shares(amount: Fraction, split: dict[str, str], decimals: int) -> dict[str, Fraction]:
    parts = {name: down(amount * Fraction(split.get(name, "0")), decimals) for name in RECEIVERS}
    parts["fund"] += amount - sum(parts.values())
    return parts


def compensation(of: Told) -> Fraction:
    """The reserve: its share of what the fund had, within every cap and above the floor."""
    rules, had = of["rules"], Fraction(of["reserved_from"] or "0")
    if rules["precompensation"] is None:
        return Fraction(0)
    caps = [rules["precompensation"]["per_takeover_cap"], rules["fund_per_event_cap"]]
    share = down(had * Fraction(rules["precompensation"]["share_of_fund"]), of["decimals"])
    return min(share, max(had - Fraction(rules["fund_floor"]), Fraction(0)), *(Fraction(cap) for cap in caps if cap))


def limit_price(of: Told, reserved: Fraction) -> Fraction | None:
    """At which the whole quantity loses the reserve, on the near side of it by a tick at most."""
    if of["rules"]["precompensation"] is None:
        return None
    step = Fraction(of["tick"]) if of["tick"] else Fraction(1, 10**18)
    per_unit = reserved / (Fraction(of["quantity"]) * Fraction(of["multiplier"])) * (1 if of["side"] == "long" else -1)
    entry = Fraction(of["bankruptcy_price"])
    exact = 1 / (1 / entry + per_unit) if of["contract_kind"] == "inverse" else entry - per_unit
    return (ceil(exact / step) if of["side"] == "long" else floor(exact / step)) * step


def gained(of: Told, result: Fraction, in_all: Fraction) -> tuple[dict[str, Fraction], list[tuple[Fraction, ...]]]:
    """Layers, and what each receiver got: of the penalty, of the rest."""
    rules, decimals = of["rules"], of["decimals"]
    penalty = min(half_even(Fraction(rules["penalty_rate"]) * in_all, decimals), result)
    of_penalty = shares(penalty, rules["penalty_split"], decimals)
    rest = shares(result - penalty, rules["surplus_split"], decimals)
    if rules["injection_cap_rate"] is not None:
        most = down(Fraction(rules["injection_cap_rate"]) * in_all, decimals)
        excess = max(rest["fund"] - most, Fraction(0))
        rest["fund"], rest["trader"] = rest["fund"] - excess, rest["trader"] + excess
    layers = {"penalty": penalty, "injected": rest["fund"]}
    layers |= {f"to_{name}": rest[name] for name in ("vault", "trader", "fees")}
    return layers, [(of_penalty[name], rest[name], of_penalty[name] + rest[name]) for name in RECEIVERS]


def lost(of: Told, loss: Fraction, reserved: Fraction) -> dict[str, Fraction]:
    rules, decimals, nothing = of["rules"], of["decimals"], Fraction(0)
    used = min(loss, reserved)
    rest = loss - used
    fund_share, traders_share = Fraction(rules["fund_share"]), Fraction(rules["traders_share"])
    fund = half_even(rest * fund_share, decimals)
    traders = rest - fund if fund_share + traders_share == 1 else half_even(rest * traders_share, decimals)
    most = max(Fraction(of["fund_balance"]) - Fraction(rules["fund_floor"]), nothing)
    assert most == Fraction(of["spendable"])
    if rules["fund_per_event_cap"] is not None:
        most = min(most, max(Fraction(rules["fund_per_event_cap"]) - used, nothing))
    paid = min(fund, most)
    unpaid = dict.fromkeys(("carry", "shift_to_traders", "treasury"), nothing) | {rules["fund_unpaid"]: fund - paid}
    return {
        "reserved_used": used,
        "fund_paid": paid,
        "to_allocate": traders + unpaid["shift_to_traders"],
        "treasury_paid": unpaid["treasury"],
        "carried": rest - fund - traders + unpaid["carry"],
    }


def check_by_hand(of: Told) -> None:
    """Every number of a closed takeover's receipt, out of the others."""
    rules, decimals = of["rules"], of["decimals"]
    standing = [each for each in of["fills"] if each["reversed_at"] is None]
    for each in of["fills"]:
        assert each["price"] is None or Fraction(each["result"]) == gain(of, each["quantity"], each["price"]), each
    assert sum(Fraction(each["quantity"]) for each in standing) == Fraction(of["quantity"])
    at_mark = rules["takeover_valuation"] == "mark"
    leftover = gain(of, of["quantity"], of["mark_price"]) if at_mark else Fraction(0)
    assert leftover == Fraction(of["leftover"]) == sum(Fraction(each["leftover"]) for each in standing)

    trading, costs = (sum((Fraction(each[name]) for each in standing), Fraction(0)) for name in ("result", "fee"))
    assert (trading, costs) == (Fraction(of["trading_result"]), Fraction(of["costs"]))
    assert of["costs_borne_by"] == {"net": "result", "gross": "treasury"}[rules["cost_policy"]]
    result = trading - (costs if of["costs_borne_by"] == "result" else Fraction(0))
    assert result == Fraction(of["result"])
    assert max(-result, Fraction(0)) == Fraction(of["loss"])
    in_all = sum((notional(of, each) for each in standing), Fraction(0))
    assert sum(half_even(notional(of, each), 18) for each in standing) == Fraction(of["notional"])
    reserved = compensation(of)
    assert reserved == Fraction(of["compensation"])
    assert limit_price(of, reserved) == (of["limit_price"] and Fraction(of["limit_price"]))

    layers: dict[str, Fraction] = {}
    received: list[tuple[Fraction, ...]] = []
    repaid = Fraction(0)
    if result > 0:
        layers, received = gained(of, result, in_all)
        brought = half_even(received[0][-1] * Fraction(rules["deficit_repayment"]), decimals)
        repaid = min(brought, Fraction(of["deficit_before"] or "0"))
    elif result < 0:
        layers = lost(of, -result, reserved)
    assert {layer["name"]: Fraction(layer["amount"]) for layer in of["layers"]} == layers
    assert sum(layers.values()) == abs(result)
    parts = [tuple(Fraction(each[name]) for name in ("penalty", "rest", "amount")) for each in of["received"]]
    assert parts == received
    assert [each["receiver"] for each in of["received"]] == list(RECEIVERS if received else ())
    assert repaid == Fraction(of["deficit_repaid"])
    assert Fraction(of["released"]) == reserved - layers.get("reserved_used", Fraction(0))


# Stories. Each ends with `t1` closed; the layers that are not 0 are named.


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
    (into_the_inventory_at_mark, {"fund_paid": "24"}),
    (deleveraged_at_mark, {"fund_paid": "28"}),
    (closed_again_after_a_correction, {"penalty": "10.4", "injected": "14.8", "to_trader": "14.8"}),
    (neither_gain_nor_loss, {}),
]


@pytest.mark.parametrize(("story", "layers"), STORIES, ids=lambda each: getattr(each, "__name__", ""))
def test_a_receipt_is_worked_out_again_from_what_it_shows(story: Callable[[], None], layers: dict[str, str]) -> None:
    story()

    receipt = told()

    check_by_hand(receipt)
    assert {layer["name"]: layer["amount"] for layer in receipt["layers"] if layer["amount"] != "0"} == layers


def test_what_the_fund_had_is_what_its_account_says_before_the_payout() -> None:
    loss_within_every_limit()

    (line,) = Posting.objects.filter(entry__kind="fund_payout", account__code="fund:usdt")

    had = line.balance_after + line.debit
    assert [told()[name] for name in ("fund_balance", "spendable")] == [plain(had), "300"] == ["400", "300"]


def test_a_second_loss_finds_what_the_first_one_of_the_same_call_left() -> None:
    open_venue(contribution="100")
    take_over("t1")
    take_over("t2")
    report_fills([fill_report("f1", price="93"), fill_report("f2", takeover="t2", price="95")], recorded_at=moment(2))

    assert [told(each)["fund_balance"] for each in ("t1", "t2")] == ["100", "30"]


def test_an_open_takeover_shows_its_reserve_and_nothing_of_a_close() -> None:
    open_venue("pre_close_compensation", contribution="90", precompensation={"share_of_fund": "0.5"})
    take_over()
    fill(price="99", quantity="4")

    receipt = told()

    shown = ("compensation", "reserved_from", "limit_price", "released", "fund_balance", "spendable", "received")
    assert [receipt[name] for name in shown] == ["45", "90", "95.5", "0", None, None, []]


def test_whoever_gets_a_part_of_the_penalty_is_told_beside_the_rest() -> None:
    linear_with_penalty_and_cap()

    assert told()["received"] == [
        {"receiver": "fund", "penalty": "2.73", "rest": "43.51", "amount": "46.24"},
        {"receiver": "vault", "penalty": "1.63", "rest": "16.43", "amount": "18.06"},
        {"receiver": "trader", "penalty": "0", "rest": "14.01", "amount": "14.01"},
        {"receiver": "fees", "penalty": "1.08", "rest": "8.21", "amount": "9.29"},
    ]
