"""Receipts of takeovers and statements of traders."""

from decimal import Decimal

import pytest

from fund import positions, settlement
from fund.positions import PositionProfit
from ledger.manual import ManualEntry, record_entries
from ledger.money import plain, total
from ledger.posting import Line
from liquidation import corrections
from liquidation.reports import Receipt, receipt
from liquidation.statements import StatementType, TraderLine, trader_lines
from tests.builders import moment, refused
from tests.liquidation.venue import deleverage, fill, open_cycle, open_venue, take_over

pytestmark = pytest.mark.django_db


def layers(of: Receipt) -> dict[str, str]:
    return {layer.name: plain(layer.amount) for layer in of.layers if layer.amount}


def types(trader: str, **asked: object) -> list[str]:
    return [line.type.value for line in trader_lines(trader, limit=100, **asked)]  # type: ignore[arg-type]


def test_a_loss_is_told_from_its_fills_to_its_last_layer() -> None:
    open_venue("shared_loss", contribution="15", fund_share="0.4", traders_share="0.5")
    open_cycle()
    take_over(margin="30")
    fill("f1", price="96", quantity="4", fee="1")
    fill("f2", price="95", quantity="6", fee="3")

    told = receipt("t1")

    assert [plain(each.result) for each in told.fills] == ["-16", "-30"]
    assert [plain(each) for each in (told.trading_result, told.costs, told.result, told.loss)] == [
        "-46",
        "4",
        "-50",
        "50",
    ]
    assert layers(told) == {"fund_paid": "15", "to_allocate": "25", "carried": "10"}
    assert total(layer.amount for layer in told.layers) == told.loss
    assert [entry.kind for entry in told.entries] == ["takeover", "close_fill", "close_fill", "fund_payout"]
    assert told.shared is not None
    assert told.shared.allocated is None


def test_the_traders_part_is_followed_into_the_settlement() -> None:
    open_venue("shared_loss")
    cycle = open_cycle()
    take_over()
    fill(price="90")
    positions.add(cycle_id=cycle.pk, rows=[PositionProfit(position="p1", trader="bob", profit=Decimal(500))])
    positions.complete(cycle_id=cycle.pk, count=None, total=None, completed_at=moment(9))
    settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(10))

    shared = receipt("t1").shared

    assert shared is not None
    assert shared.cycle.number == 1
    assert [shared.to_allocate, shared.allocated, shared.residue] == [80, 80, 0]
    assert types("bob") == ["ALLOCATION"]


@pytest.mark.parametrize(
    ("profits", "contribution", "expected"),
    [
        # A tenth of the profit is below the cut, and the fund bears its part.
        (
            ["600", "300", "100"],
            "1000",
            {"allocated": "72", "residue": "8", "residue_paid": "8", "residue_carried": "0"},
        ),
        (["600", "300", "100"], "25", {"allocated": "72", "residue": "8", "residue_paid": "5", "residue_carried": "3"}),
        (["-600"], "1000", {"allocated": "0", "residue": "80", "residue_paid": "0", "residue_carried": "80"}),
    ],
    ids=["by the fund", "by a fund that runs dry", "by nobody"],
)
def test_what_the_traders_did_not_bear_is_told_to_its_last_layer(
    profits: list[str], contribution: str, expected: dict[str, str]
) -> None:
    open_venue("shared_loss", contribution=contribution)
    cycle = open_cycle()
    take_over()
    fill(price="90")
    rows = [PositionProfit(position=f"p{n}", trader=f"t{n}", profit=Decimal(each)) for n, each in enumerate(profits)]
    positions.add(cycle_id=cycle.pk, rows=rows)
    positions.complete(cycle_id=cycle.pk, count=None, total=None, completed_at=moment(9))
    settlement.settle_cycle(cycle_id=cycle.pk, settled_at=moment(10))

    shared = receipt("t1").shared

    assert shared is not None
    assert {name: plain(getattr(shared, name)) for name in expected} == expected


def test_a_surplus_is_told_with_all_that_it_was_split_into() -> None:
    open_venue("penalty_and_vault", penalty_rate="0.005", surplus_split={"fund": "0.6", "vault": "0.4"})
    take_over()
    fill(price="110")

    told = receipt("t1")

    assert layers(told) == {"penalty": "5.5", "injected": "56.7", "to_vault": "37.8"}
    assert told.loss == 0
    assert total(layer.amount for layer in told.layers) == told.result


def test_an_open_takeover_has_a_result_so_far_and_no_layers() -> None:
    open_venue()
    take_over()
    fill(price="99", quantity="4")

    told = receipt("t1")

    assert [told.result, told.loss] == [-4, 0]
    assert told.layers == ()


def test_reversed_fills_are_shown_and_count_for_nothing() -> None:
    open_venue()
    take_over()
    fill("wrong", price="90")
    corrections.reverse_fill("wrong", reference="r1", effective_at=moment(9))
    fill("right", price="99")

    told = receipt("t1")

    assert [(each.reference, each.reversed_at is not None) for each in told.fills] == [
        ("wrong", True),
        ("right", False),
    ]
    assert told.trading_result == -10
    assert layers(told) == {"fund_paid": "10"}


def test_adl_is_a_memo_beside_the_layers() -> None:
    open_venue(adl={"trigger": "unfilled"})
    take_over(mark="97")
    deleverage("a1", "t1", ("sue", "10", "130"))

    told = receipt("t1")

    (event,) = told.adl
    assert (event.reference, event.averted, event.reversed_at) == ("a1", Decimal(30), None)
    assert [(each.trader, each.realised) for each in event.counterparties] == [("sue", 300)]
    assert told.loss == 0


def test_an_unknown_takeover_has_no_receipt() -> None:
    with refused("takeover_unknown"):
        receipt("nope")


# Statements.


def deposit(reference: str, kind: str, amount: str) -> None:
    custody, ann = "custody:USDT", "trader:ann:USDT"
    debited, credited = (custody, ann) if kind == "deposit" else (ann, custody)
    record_entries(
        [
            ManualEntry(
                reference=reference,
                kind=kind,
                lines=[Line(debited, debit=Decimal(amount)), Line(credited, credit=Decimal(amount))],
                effective_at=None,
                description="",
            )
        ],
        recorded_at=moment(),
    )


def ann_trades() -> None:
    open_venue(
        "penalty_and_vault",
        penalty_rate="0.005",
        surplus_split={"fund": "0.5", "trader": "0.5"},
        adl={"trigger": "unfilled"},
    )
    deposit("d1", "deposit", "100")
    take_over(margin="60")
    fill(price="110")
    take_over("t2", trader="bob")
    deleverage("a1", "t2", ("ann", "10", "90"))
    deposit("w1", "withdrawal", "7")
    corrections.reverse_fill("a1", reference="r1", effective_at=moment(9))


def test_a_traders_statement_has_every_line_with_its_type() -> None:
    ann_trades()

    lines = trader_lines("ann", limit=100)

    assert [(line.type.value, plain(line.debit), plain(line.credit)) for line in lines] == [
        ("DEPOSIT", "0", "100"),
        ("TAKEOVER", "60", "0"),
        ("LIQUIDATION_FEE", "5.5", "0"),
        ("SETTLEMENT", "0", "47.25"),
        ("ADL", "100", "0"),
        ("WITHDRAWAL", "7", "0"),
        ("REVERSAL", "0", "100"),
    ]
    assert [plain(line.balance_after) for line in lines if line.balance_after is not None] == [
        "100",
        "40",
        "87.25",
        "-12.75",
        "-19.75",
        "80.25",
    ]


@pytest.mark.parametrize("wanted", list(StatementType))
def test_a_statement_of_one_type_has_the_lines_of_that_type(wanted: StatementType) -> None:
    ann_trades()

    assert types("ann", types=[wanted]) == [name for name in types("ann") if name == wanted.value]


def test_pages_of_a_statement_neither_skip_nor_repeat() -> None:
    ann_trades()
    whole = trader_lines("ann", limit=100)
    forward: list[TraderLine] = []
    while page := trader_lines("ann", beyond=forward[-1].id if forward else 0, limit=2):
        forward += page
    backward = whole[-1:]
    while page := trader_lines("ann", beyond=backward[-1].id, backward=True, limit=2):
        backward += page

    assert len(whole) > 4
    assert forward == whole
    assert backward == whole[::-1]


def test_who_never_traded_has_an_empty_statement() -> None:
    assert trader_lines("nobody", limit=10) == []
