"""The traders' part of a loss is shared as rulebooks.md says "exactly": worked numbers, every knob, and any input."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fund.rules import Allocation, Profit, allocate
from ledger.money import to_units
from tests.fund.rulebooks import rulebook

Given = tuple[str, str] | tuple[str, str, str]


def profits(*rows: Given) -> list[Profit]:
    """`(position, profit)` or `(position, profit, day it was opened)`; each trader has one position."""
    return [
        Profit(
            position=row[0],
            trader=f"trader of {row[0]}",
            profit=Decimal(row[1]),
            opened_at=datetime.fromisoformat(row[2]).replace(tzinfo=UTC) if len(row) > 2 else None,
        )
        for row in rows
    ]


def shared(loss: str, rows: list[Profit], *, decimals: int = 8, **fields: object) -> Allocation:
    return allocate(Decimal(loss), rows, rulebook=rulebook("shared_loss", **fields), decimals=decimals)


def charged(allocation: Allocation) -> dict[str, str]:
    """What each participant bears, in rank order."""
    assert [row.rank for row in allocation.rows] == list(range(1, allocation.participants + 1))
    return {row.position: f"{row.amount.normalize():f}" for row in allocation.rows}


FOUR = profits(("p1", "500"), ("p2", "300"), ("p3", "150"), ("p4", "50"), ("p5", "-70"))


def test_three_of_four_share_pro_rata_to_all_profit_and_a_residue_is_left() -> None:
    allocation = shared("800", FOUR)
    assert charged(allocation) == {"p1": "400", "p2": "240", "p3": "120"}
    assert (allocation.allocated, allocation.residue, allocation.levy_surplus) == (
        Decimal(760),
        Decimal(40),
        Decimal(0),
    )
    assert (allocation.base, allocation.participants_total, allocation.profit_total, allocation.cut_profit) == (
        Decimal(1000),
        Decimal(950),
        Decimal(1000),
        Decimal(150),
    )


def test_shared_by_participants_alone_nothing_is_left() -> None:
    allocation = shared("800", FOUR, allocation_base="participating")
    assert charged(allocation) == {"p1": "421.05263158", "p2": "252.63157895", "p3": "126.31578947"}
    assert (allocation.allocated, allocation.residue, allocation.base) == (Decimal(800), Decimal(0), Decimal(950))


TIED = profits(("p1", "600"), ("p2", "100"), ("p3", "100"), ("p4", "100"), ("p5", "50"), ("p6", "50"))


def test_every_position_tied_with_the_last_one_takes_part() -> None:
    allocation = shared("800", TIED, selection_coverage="0.75")
    assert charged(allocation) == {"p1": "480", "p2": "80", "p3": "80", "p4": "80"}
    assert allocation.residue == 80


def test_ties_by_reference_take_the_smaller_reference() -> None:
    allocation = shared("800", TIED, selection_coverage="0.75", selection_ties="by_reference")
    assert charged(allocation) == {"p1": "480", "p2": "80", "p3": "80"}


def test_ties_by_age_take_the_older_position_and_those_of_unknown_age_last() -> None:
    rows = profits(("p1", "600"), ("p2", "100"), ("p3", "100", "2026-01-02"), ("p4", "100", "2026-01-01"))
    allocation = shared("90", rows, selection_coverage="0.75", selection_ties="by_age")
    assert charged(allocation) == {"p1": "60", "p4": "10"}
    everyone = shared("90", rows, selection_coverage="1", selection_ties="by_age")
    assert list(charged(everyone)) == ["p1", "p4", "p3", "p2"]


def test_references_are_ordered_by_code_point() -> None:
    rows = profits(("é", "1"), ("z", "1"), ("Z", "1"), ("10", "1"), ("9", "1"), ("😀", "1"), ("ﬀ", "1"))
    assert list(charged(shared("7", rows))) == ["10", "9", "Z", "z", "é", "ﬀ", "😀"]


def test_the_crossing_position_may_be_left_out() -> None:
    allocation = shared("800", FOUR, selection_crossing="exclude")
    assert charged(allocation) == {"p1": "400", "p2": "240"}
    assert charged(shared("800", FOUR, selection_crossing="exclude", selection_coverage="0.951")) == {
        "p1": "400",
        "p2": "240",
        "p3": "120",
    }


def test_a_position_that_reaches_the_coverage_exactly_is_the_crossing_one() -> None:
    included = shared("800", FOUR, selection_coverage="0.95")
    left_out = shared("800", FOUR, selection_crossing="exclude", selection_coverage="0.95")
    assert (list(charged(included)), list(charged(left_out))) == (["p1", "p2", "p3"], ["p1", "p2"])


def test_without_the_crossing_position_nobody_may_be_left() -> None:
    allocation = shared("800", profits(("p1", "1000")), selection_crossing="exclude")
    assert (allocation.participants, allocation.residue, allocation.cut_profit) == (0, Decimal(800), None)
    assert (allocation.profit_total, allocation.base) == (Decimal(1000), Decimal(0))


def test_coverage_reached_exactly_takes_no_further_position() -> None:
    allocation = shared("100", profits(("p1", "900"), ("p2", "100")))
    assert charged(allocation) == {"p1": "90"}


def test_nobody_in_profit_bears_nothing() -> None:
    for rows in (profits(), profits(("p1", "-5"), ("p2", "0"))):
        allocation = shared("800", rows)
        assert (allocation.participants, allocation.allocated, allocation.residue) == (0, Decimal(0), Decimal(800))
        assert allocation.profit_total == 0


def test_a_cycle_without_loss_shares_nothing() -> None:
    allocation = shared("0", FOUR, min_levy_rate="0.01")
    assert (allocation.participants, allocation.allocated, allocation.residue) == (0, Decimal(0), Decimal(0))
    assert allocation.profit_total == 1000


def test_profits_are_reduced_to_zero_and_never_below() -> None:
    allocation = shared("5000", FOUR)
    assert charged(allocation) == {"p1": "500", "p2": "300", "p3": "150"}
    assert allocation.residue == 4050


def test_a_cap_leaves_a_share_of_every_profit() -> None:
    allocation = shared("800", FOUR, allocation_cap="0.5")
    assert charged(allocation) == {"p1": "250", "p2": "150", "p3": "75"}
    assert allocation.residue == 325


def test_a_cap_is_floored_to_the_precision() -> None:
    allocation = shared("1", profits(("p1", "0.05"), ("p2", "0.03")), decimals=2, allocation_cap="0.5")
    assert charged(allocation) == {"p1": "0.02", "p2": "0.01"}


def test_left_over_units_go_by_largest_remainder_then_by_rank() -> None:
    rows = profits(("a", "1"), ("b", "1"), ("c", "1"))
    allocation = shared("1", rows, decimals=2)
    assert charged(allocation) == {"a": "0.34", "b": "0.33", "c": "0.33"}
    uneven = shared("1", profits(("a", "4"), ("b", "2"), ("c", "1")), decimals=1, selection_coverage="1")
    assert charged(uneven) == {"a": "0.6", "b": "0.3", "c": "0.1"}


def test_left_over_units_pass_those_who_are_at_their_cap() -> None:
    # Half of 1 cent cannot be taken: the nine small profits are at their cap of 0, the large one bears their share.
    rows = profits(("large", "1.00"), *((f"small {place}", "0.01") for place in range(9)))
    allocation = shared("0.49", rows, decimals=2, allocation_cap="0.5", selection_coverage="1")
    assert charged(allocation)["large"] == "0.49"
    assert allocation.residue == 0


def test_profits_may_be_finer_than_the_currency() -> None:
    allocation = shared("1", profits(("p1", "1.23456789"), ("p2", "0.004")), decimals=2, selection_coverage="1")
    assert charged(allocation) == {"p1": "1", "p2": "0"}
    assert allocation.rows[1].profit == Decimal("0.004")
    assert allocation.profit_total == Decimal("1.23856789")


LEVIED = profits(("A", "50000"), ("B", "45000"), ("C", "30000"), ("D", "30000"), ("E", "15000"), ("F", "1000"))


def test_below_the_minimum_levy_everyone_pays_it_and_the_surplus_is_left_for_the_fund() -> None:
    """Crypto.com, loss mutualisation: 1 % at least."""
    allocation = shared("1000", LEVIED, decimals=2, selection_coverage="1", min_levy_rate="0.01")
    assert charged(allocation) == {"A": "500", "B": "450", "C": "300", "D": "300", "E": "150", "F": "10"}
    assert (allocation.allocated, allocation.levy_surplus, allocation.residue) == (
        Decimal(1710),
        Decimal(710),
        Decimal(0),
    )


def test_above_the_minimum_levy_the_formula_holds() -> None:
    allocation = shared("3420", LEVIED, decimals=2, selection_coverage="1", min_levy_rate="0.01")
    assert charged(allocation)["A"] == "1000"
    assert (allocation.allocated, allocation.levy_surplus) == (Decimal(3420), Decimal(0))


def test_the_selection_grows_until_all_is_borne() -> None:
    allocation = shared("960", FOUR, allocation_base="participating", allocation_residue="extend_selection")
    assert charged(allocation) == {"p1": "480", "p2": "288", "p3": "144", "p4": "48"}
    assert allocation.residue == 0
    assert allocation.base == 1000


def test_the_selection_grows_no_further_than_it_must() -> None:
    allocation = shared("950", FOUR, allocation_base="participating", allocation_residue="extend_selection")
    assert charged(allocation) == {"p1": "500", "p2": "300", "p3": "150"}


def test_over_all_profit_the_selection_grows_to_everyone() -> None:
    allocation = shared("800", FOUR, allocation_residue="extend_selection")
    assert charged(allocation) == {"p1": "400", "p2": "240", "p3": "120", "p4": "40"}


def test_what_everyones_profit_cannot_bear_is_left() -> None:
    allocation = shared("1200", FOUR, allocation_residue="extend_selection")
    assert (allocation.allocated, allocation.residue) == (Decimal(1000), Decimal(200))


def test_the_selection_grows_by_whole_ties() -> None:
    rows = profits(("p1", "800"), ("p2", "100"), ("p3", "50"), ("p4", "50"))
    for ties, takes_part in (("include_all", ["p1", "p2", "p3", "p4"]), ("by_reference", ["p1", "p2", "p3"])):
        allocation = shared(
            "920",
            rows,
            selection_ties=ties,
            allocation_base="participating",
            allocation_residue="extend_selection",
        )
        assert list(charged(allocation)) == takes_part


def test_the_selection_grows_from_nobody() -> None:
    allocation = shared(
        "800",
        profits(("p1", "1000")),
        selection_crossing="exclude",
        allocation_residue="extend_selection",
        allocation_base="participating",
    )
    assert charged(allocation) == {"p1": "800"}


def test_netted_per_trader_a_split_position_does_not_avoid_the_cut() -> None:
    rows = [
        Profit(position=position, trader=trader, profit=Decimal(profit), opened_at=None)
        for position, trader, profit in (
            ("1", "splitter", "300"),
            ("2", "splitter", "300"),
            ("3", "hedger", "500"),
            ("4", "hedger", "-450"),
            ("5", "loser", "-10"),
            ("6", "honest", "350"),
        )
    ]
    allocation = shared("100", rows, allocation_unit="trader")
    assert charged(allocation) == {"splitter": "60", "honest": "35"}
    assert allocation.profit_total == 1000
    assert [row.trader for row in allocation.rows] == ["splitter", "honest"]


def test_a_trader_is_as_old_as_the_oldest_position() -> None:
    def row(position: str, trader: str, day: int | None) -> Profit:
        opened_at = datetime(2026, 1, day, tzinfo=UTC) if day else None
        return Profit(position=position, trader=trader, profit=Decimal(50), opened_at=opened_at)

    rows = [row("1", "ann", 5), row("2", "ann", None), row("3", "bob", 9), row("4", "bob", 2)]
    allocation = shared("10", rows, allocation_unit="trader", selection_ties="by_age", selection_coverage="0.5")
    assert list(charged(allocation)) == ["bob"]


def test_amounts_of_thirty_digits_are_shared_to_the_last_unit() -> None:
    rows = profits(("p1", f"{10**30}.00000001"), ("p2", f"{10**30}"), ("p3", "0.00000001"))
    allocation = shared(f"{10**30}.00000001", rows, allocation_base="participating", selection_coverage="1")
    assert sum(to_units(row.amount, 8) for row in allocation.rows) == 10**38 + 1
    assert allocation.residue == 0


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = profits(*((f"p{place}", str(place % 7 + 1), f"2026-01-{place % 20 + 1:02}") for place in range(100)))
    expected = shared("77.77", rows, decimals=2, selection_ties="by_age", selection_coverage="0.5")
    shuffled = random.Random(7)
    for _ in range(5):
        shuffled.shuffle(rows)
        assert shared("77.77", rows, decimals=2, selection_ties="by_age", selection_coverage="0.5") == expected


@pytest.mark.parametrize("loss", ["-1", "0.001"])
def test_a_loss_that_is_none_or_finer_than_the_currency_is_a_programmers_error(loss: str) -> None:
    with pytest.raises(AssertionError):
        shared(loss, FOUR, decimals=2)
