"""What each kind of a scenario's events does when it is played."""

from pathlib import Path

import pytest

from tests.liquidation.storyteller import FILL, TAKEOVER, differences, played


@pytest.mark.django_db
def test_a_rulebook_holds_from_its_event_on() -> None:
    second = {name: value.replace("1", "2") if name != "margin" else value for name, value in TAKEOVER.items()}
    second |= {"bankruptcy_price": "100", "quantity": "10", "contract": "X-PERP"}

    assert (
        differences(
            TAKEOVER,
            {"type": "rulebook", "preset": "full_cover", "fund_share": "0"},
            second,
            FILL,
            {**FILL, "reference": "f2", "takeover": "t2"},
            expect={"takeovers": {"t1": {"paid": "10"}, "t2": {"paid": "0", "carried": "10"}}},
        )
        == []
    )


@pytest.mark.django_db
@pytest.mark.parametrize("named", ["entry", "reverses", "of"])
@pytest.mark.parametrize("target", ["f1", "fill:f1"])
def test_a_reversal_names_an_event_or_an_entry(named: str, target: str) -> None:
    assert (
        differences(
            TAKEOVER,
            FILL,
            {"type": "reverse", "reference": "r1", named: target},
            {**FILL, "reference": "f2", "price": "101"},
            expect={"takeovers": {"t1": {"result": "10", "status": "closed"}}, "balances": {"fund:usdt": "1010"}},
        )
        == []
    )


@pytest.mark.django_db
def test_a_whole_takeover_a_deposit_and_a_contribution_can_be_reversed() -> None:
    assert (
        differences(
            {"type": "deposit", "reference": "d1", "trader": "ann", "amount": "5"},
            {"type": "contribution", "reference": "c1", "amount": "50"},
            TAKEOVER,
            FILL,
            *({"type": "reverse", "reference": f"r{of}", "of": of} for of in ("d1", "c1", "t1")),
            expect={"balances": {"fund:usdt": "1000", "custody:USDT": "0", "trader:ann:USDT": "0"}},
        )
        == []
    )


@pytest.mark.django_db
def test_a_settlement_and_what_other_events_made_are_reversed_by_the_events_reference() -> None:
    cycle = {"type": "cycle", "number": 1, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T08:00:00Z"}
    second = {**TAKEOVER, "reference": "t2"}
    rulebook = {"preset": "inventory_takeover", "traders_share": "0.5", "fund_share": "0.5"}
    told = differences(
        cycle,
        TAKEOVER,
        FILL,
        {"type": "positions", "cycle": 1, "rows": [["p1", "bob", "X-PERP", "300"]]},
        {"type": "settle", "reference": "s1", "cycle": 1},
        {"type": "reverse", "reference": "r1", "of": "s1"},
        {"type": "reverse", "reference": "r2", "of": "f1"},
        {"type": "reverse", "reference": "r3", "of": "f1"},
        {**FILL, "reference": "f2", "price": "98"},
        {"type": "settle", "reference": "s2", "cycle": 1},
        second,
        {"type": "unfilled", "reference": "u1", "takeover": "t2"},
        {"type": "reverse", "reference": "r4", "of": "u1"},
        fund={"code": "usdt", "contribution": "2000", "rulebook": rulebook},
        expect={
            "balances": {"fund:usdt": "1990", "loss:usdt": "0", "trader:bob:USDT": "-10"},
            "cycles": {"1": {"loss": "20", "run": "2"}},
            "takeovers": {"t1": {"result": "-20", "to_allocate": "10"}, "t2": {"status": "open", "remaining": "10"}},
            "inventory": {"X-PERP": {"quantity": "0"}},
            "refused": {"r3": "entry_already_reversed"},
        },
    )

    assert told == []


@pytest.mark.django_db
def test_the_house_may_absorb_a_deficit() -> None:
    told = differences(
        TAKEOVER,
        FILL,
        {"type": "house_absorbed", "reference": "h1", "amount": "4"},
        fund={"code": "usdt", "contribution": "0", "rulebook": {"preset": "full_cover"}},
        expect={"balances": {"deficit:usdt": "6", "house-loss:USDT": "4"}},
    )

    assert told == []


@pytest.mark.django_db
def test_withdrawals_of_the_fund_need_a_second_person_and_those_of_traders_do_not() -> None:
    assert (
        differences(
            {"type": "withdrawal", "reference": "w1", "amount": "100", "approved_by": "treasurer"},
            {"type": "withdrawal", "reference": "w2", "amount": "100"},
            {"type": "withdrawal", "reference": "w3", "amount": "1", "requested_by": "boss", "approved_by": "boss"},
            {"type": "deposit", "reference": "d1", "trader": "ann", "amount": "5"},
            {"type": "withdrawal", "reference": "w4", "amount": "3", "trader": "ann"},
            expect={
                "balances": {"fund:usdt": "900", "trader:ann:USDT": "2"},
                "refused": {"w3": "withdrawal_same_person"},
            },
        )
        == []
    )


@pytest.mark.django_db
def test_traders_have_a_floor_where_the_story_says_so() -> None:
    assert (
        differences({**TAKEOVER, "margin": "1"}, trader_floor=True, expect={"refused": {"t1": "account_floor"}}) == []
    )


@pytest.mark.django_db
def test_rows_without_a_contract_belong_to_the_first_one(tmp_path: Path) -> None:
    (tmp_path / "profits.csv").write_text("id,who,made,house\np3,cid,100,0\np4,vault,900,1\n")
    cycle = {"type": "cycle", "number": 1, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T08:00:00Z"}
    csv = {
        "type": "positions_csv",
        "cycle": 1,
        "path": "profits.csv",
        "columns": {"position": "id", "trader": "who", "profit": "made"},
        "exclude": {"house": "1"},
    }
    fund = {"code": "usdt", "contribution": "0", "rulebook": {"preset": "shared_loss", "selection_coverage": "1"}}

    result = played(
        cycle,
        TAKEOVER,
        FILL,
        {"type": "positions", "cycle": 1, "rows": [["p1", "bob", "X-PERP", "300"], ["p2", "dee", "-5"]]},
        csv,
        {"type": "settle", "cycle": 1},
        data=tmp_path,
        fund=fund,
        expect={
            "cycles": {"1": {"loss": "10", "allocated": "8", "participants": 2, "carried": "2", "status": "settled"}},
            "allocations": {"1": {"p1": "6", "p3": "2", "p2": "0", "p4": "0"}},
        },
    )

    assert [str(difference) for difference in result.differences] == []


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_a_refusal() -> None:
    cycle = {"type": "cycle", "number": 1, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T08:00:00Z"}
    (told,) = differences(
        cycle, {"type": "positions_csv", "cycle": 1, "path": "nowhere.csv"}, data=Path("/nonexistent")
    )

    assert "refused file_unreadable" in told
