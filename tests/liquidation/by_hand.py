"""A receipt worked out again by hand: from its JSON alone, in fractions, with none of the project's rules."""

from fractions import Fraction
from math import ceil, floor
from typing import Any

Told = dict[str, Any]
RECEIVERS = ("fund", "vault", "trader", "fees")


# Python rounds a Fraction half to even.


def half_even(value: Fraction, decimals: int) -> Fraction:
    return Fraction(round(value * 10**decimals), 10**decimals)


def up(value: Fraction, decimals: int) -> Fraction:
    return Fraction(ceil(value * 10**decimals), 10**decimals)


def down(value: Fraction, decimals: int) -> Fraction:
    return Fraction(floor(value * 10**decimals), 10**decimals)


def exact_gain(of: Told, side: str, quantity: Fraction, entry: Fraction, price: Fraction) -> Fraction:
    size = quantity * Fraction(of["multiplier"]) * (1 if side == "long" else -1)
    return size * (1 / entry - 1 / price) if of["contract_kind"] == "inverse" else size * (price - entry)


def booked(of: Told, exact: Fraction) -> Fraction:
    return (up if of["contract_kind"] == "inverse" else half_even)(exact, of["decimals"])


def gain(of: Told, quantity: str, price: str) -> Fraction:
    """From the bankruptcy price to another."""
    entry = Fraction(of["bankruptcy_price"])
    return booked(of, exact_gain(of, of["side"], Fraction(quantity), entry, Fraction(price)))


def taken_over(of: Told, each: Told) -> Fraction:
    """What the fund's own position brings as it comes: worth more than B, and the other side that it closes."""
    quantity, price = Fraction(each["quantity"]), Fraction(each["price"])
    brought = exact_gain(of, of["side"], quantity, Fraction(of["bankruptcy_price"]), price)
    if each["side_before"] not in ("", of["side"]):
        closed = min(quantity, Fraction(each["quantity_before"]))
        brought += exact_gain(of, each["side_before"], closed, Fraction(each["carrying_before"]), price)
    return booked(of, brought)


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
    for each in of["inventory"]:
        assert Fraction(each["realised"]) == taken_over(of, each), each
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
