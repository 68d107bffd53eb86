"""The demo adds the books' figures up again: what agrees is shown, what does not is an error."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ledger.money import plain
from liquidation.demo import figures
from liquidation.demo.figures import FiguresDisagree

START = datetime(2025, 10, 10, 21, 15, tzinfo=UTC)


def line(
    version: int, kind: str, change: str, balance: str, *, second: float = 0, reference: str = "close:day-1:1"
) -> Mapping[str, object]:
    """A line of the fund's statement as the API gives it."""
    amount = Decimal(change)
    return {
        "version": version,
        "kind": kind,
        "reference": reference,
        "debit": str(max(-amount, Decimal(0))),
        "credit": str(max(amount, Decimal(0))),
        "balance_after": balance,
        "effective_at": (START + timedelta(seconds=second)).isoformat(),
    }


DAY = [
    line(7, "fund_contribution", "900", "1000", reference="contribution:day-1"),
    line(8, "fund_injection", "30", "1030", second=5),
    line(9, "fund_payout", "-100", "930", second=90),
    line(10, "fund_injection", "20", "950", second=70),
    line(11, "fund_payout", "-8", "942", second=9000, reference="cycle:usdt:1:1:residue"),
]

CYCLE = {
    "number": 1,
    "loss": "500",
    "fund_paid": "108",
    "to_allocate": "400",
    "allocated": "392",
    "residue": "8",
    "carried": "0",
    "participants": 3,
    "profit_total": "1000",
    "base": "1000",
}


def test_the_funds_day_leads_from_opening_to_closing_in_gross_figures() -> None:
    day = figures.fund_day(DAY)
    assert [plain(each) for each in (day.opening, day.contributed, day.closing)] == ["100", "900", "942"]
    assert (plain(day.injected), day.injections) == ("50", 2)
    assert (plain(day.paid_at_closes), day.payouts, plain(day.paid_at_settlement)) == ("100", 1, "8")


def test_a_day_with_a_movement_of_another_kind_does_not_add_up() -> None:
    with pytest.raises(FiguresDisagree, match=r"adds up to 942, its last line stands at 932"):
        figures.fund_day([*DAY, line(12, "fund_withdrawal", "-10", "932")])


def test_a_day_begins_with_its_first_line_and_leaves_earlier_settlements_out() -> None:
    settled_later = line(3, "fund_payout", "-5", "100", second=400 * 86_400, reference="cycle:usdt:0:1:residue")
    assert figures.since_first_of([settled_later, *DAY], START - timedelta(hours=21, minutes=15)) == DAY


def test_the_curve_follows_the_world_and_not_the_book() -> None:
    curve = figures.balance_curve(DAY[1:], START, opening=Decimal(1000))
    assert [(second, plain(balance)) for second, balance in curve] == [
        (0.0, "1000"),
        (5.0, "1030"),
        (70.0, "1050"),
        (90.0, "950"),
        (720.0, "950"),
    ]


def test_the_waterfall_separates_the_funds_payouts_at_the_closes_and_at_settlement() -> None:
    parts = figures.waterfall(CYCLE, losses=4)
    layers = (parts.fund_at_closes, parts.allocated, parts.fund_at_settlement, parts.carried)
    assert [plain(each) for each in layers] == ["100", "392", "8", "0"]


def test_parts_that_do_not_sum_to_the_loss_are_an_error() -> None:
    with pytest.raises(FiguresDisagree, match="its parts sum to 500, its loss is 501"):
        figures.waterfall({**CYCLE, "loss": "501"}, losses=4)


def test_the_trial_balance_is_totalled_by_kind_and_must_balance() -> None:
    rows = [
        {"kind": "custody", "debits": "10", "credits": "0", "balance": "10"},
        {"kind": "trader", "debits": "0", "credits": "7", "balance": "7"},
        {"kind": "trader", "debits": "0", "credits": "3", "balance": "3"},
    ]
    lines = figures.trial_balance({"rows": rows, "balanced": True})
    shown = [(each.kind, each.accounts, plain(each.balance)) for each in lines]
    assert shown == [("custody", 1, "10"), ("trader", 2, "10")]
    with pytest.raises(FiguresDisagree):
        figures.trial_balance({"rows": rows[:2], "balanced": True})
