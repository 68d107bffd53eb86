"""Scenario files as they are read and played: what is not understood is named, what does not hold is told."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from fund.models import Fund
from ledger.models import Account
from liquidation.models import Takeover
from liquidation.scenario import Played, StoryMalformed, play, read_story
from liquidation.scenario.reading import story_of
from tests.builders import balance, balances, moment

TAKEOVER = {
    "type": "takeover",
    "reference": "t1",
    "contract": "X-PERP",
    "trader": "ann",
    "side": "long",
    "quantity": "10",
    "bankruptcy_price": "100",
    "margin": "0",
}
FILL = {"type": "fill", "reference": "f1", "takeover": "t1", "price": "99", "quantity": "10", "fee": "0"}


def story(*events: dict[str, Any], expect: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    return {
        "title": "a story",
        "source": "a test",
        "currency": {"code": "USDT", "decimals": 8},
        "contracts": [{"symbol": "X-PERP", "kind": "linear", "multiplier": "1"}],
        "fund": {"code": "usdt", "contribution": "1000", "rulebook": {"preset": "full_cover"}},
        "trader_floor": False,
        "events": list(events),
        "expect": expect or {},
        **top,
    }


def played(*events: dict[str, Any], data: Path = Path(), **more: Any) -> Played:
    return play(story_of(story(*events, **more)), data=data)


def differences(*events: dict[str, Any], **more: Any) -> list[str]:
    return [str(difference) for difference in played(*events, **more).differences]


@pytest.mark.django_db
def test_every_difference_is_told_with_both_values() -> None:
    told = differences(
        TAKEOVER,
        FILL,
        expect={
            "balances": {"fund:usdt": "991", "engine:USDT": "0", "trader:nobody:USDT": "0"},
            "takeovers": {"t1": {"paid": "10", "result": "-11"}, "t9": {"paid": "0"}},
            "cycles": {"1": {"loss": "0"}},
        },
    )

    assert told == [
        "balances.fund:usdt: expected 991, actual 990",
        "takeovers.t1.result: expected -11, actual -10",
        "takeovers.t9: expected a takeover, actual none",
        "cycles.1: expected a cycle, actual none",
    ]


@pytest.mark.django_db
def test_numbers_compare_as_numbers() -> None:
    assert differences(TAKEOVER, FILL, expect={"balances": {"fund:usdt": "990.00"}}) == []


@pytest.mark.django_db
def test_what_is_not_understood_is_named_and_fails_the_story() -> None:
    result = played(
        {**TAKEOVER, "leverage": "5"},
        {"type": "haircut", "reference": "h1"},
        FILL,
        expect={"takeovers": {"t1": {"colour": "red"}}, "mood": {}},
        weather="fine",
    )

    assert list(result.story.unsupported) == [
        "weather",
        "events[0] (takeover).leverage",
        "events[1]: event type 'haircut'",
        "expect.takeovers.t1.colour",
        "expect.mood",
    ]
    assert not result.holds
    assert balance("fund:usdt") == "990"


@pytest.mark.django_db
def test_an_unexpected_refusal_fails_the_story_and_the_rest_is_still_played() -> None:
    told = differences(TAKEOVER, {**FILL, "reference": "f0", "price": "-1"}, FILL)

    assert told == ["#1 fill f0: expected taken, actual refused price_not_positive: price -1 is not above 0"]
    assert Takeover.objects.get().status == "closed"


@pytest.mark.django_db
def test_refusals_are_expected_by_reference_or_by_place() -> None:
    assert (
        differences(
            TAKEOVER,
            {**FILL, "reference": "f0", "quantity": "11"},
            {**FILL, "price": 99},
            FILL,
            {**FILL, "price": "98"},
            expect={
                "refused": {"f0": "fill_exceeds_remaining", "#2": "amount_must_be_string", "#4": "reference_reused"}
            },
        )
        == []
    )


@pytest.mark.django_db
def test_a_reference_of_two_events_stands_for_the_one_that_is_refused() -> None:
    assert differences(TAKEOVER, FILL, {**FILL, "price": "98"}, expect={"refused": {"f1": "reference_reused"}}) == []


@pytest.mark.django_db
def test_an_expected_refusal_that_does_not_come_is_told() -> None:
    told = differences(TAKEOVER, FILL, expect={"refused": {"f1": "takeover_closed", "f7": "nope", "#9": "nope"}})

    assert told == [
        "refused.f1: expected refused takeover_closed, actual taken",
        "refused.f7: expected refused nope, actual no such event",
        "refused.#9: expected refused nope, actual no such event",
    ]


@pytest.mark.django_db
def test_the_wrong_code_is_told() -> None:
    told = differences(TAKEOVER, {**FILL, "price": "0"}, expect={"refused": {"f1": "fill_exceeds_remaining"}})

    assert told == [
        "#1 fill f1: expected refused fill_exceeds_remaining, actual refused price_not_positive: price 0 is not above 0"
    ]


@pytest.mark.django_db
def test_a_missing_value_is_refused_by_name() -> None:
    (told,) = differences({name: value for name, value in TAKEOVER.items() if name != "margin"})

    assert "refused field_required: #0 takeover t1: margin is missing" in told


@pytest.mark.django_db
def test_a_replay_of_every_event_changes_nothing() -> None:
    events = [
        {"type": "deposit", "reference": "d1", "trader": "ann", "amount": "5"},
        {**TAKEOVER, "margin": "3"},
        {**FILL, "quantity": "4"},
        {**FILL, "reference": "f2", "quantity": "6"},
        {"type": "close", "takeover": "t1"},
        {"type": "withdrawal", "reference": "w1", "amount": "5", "approved_by": "boss"},
        {"type": "contribution", "reference": "c1", "amount": "5"},
        *({"type": "reverse", "reference": f"r{of}", "of": of} for of in ("d1", "c1")),
    ]
    played(*events)
    before = balances()

    assert played(*events, *events).differences == []
    assert balances() == before


@pytest.mark.django_db
def test_events_without_a_time_happen_one_second_apart_from_the_first_cycles_start() -> None:
    cycle = {"type": "cycle", "number": 1, "starts_at": "2026-05-01T00:00:00Z", "ends_at": "2026-05-01T08:00:00Z"}
    events = story_of(story(cycle, TAKEOVER, {**FILL, "filled_at": "2026-05-01T01:00:00Z"}, FILL)).events

    assert [event.at.isoformat() for event in events] == [
        "2026-05-01T00:00:00+00:00",
        "2026-05-01T00:00:01+00:00",
        "2026-05-01T01:00:00+00:00",
        "2026-05-01T00:00:02+00:00",
    ]


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
def test_the_expected_queue_may_end_where_the_takeover_does_but_not_before() -> None:
    rows = [[f"q{number}", f"trader{number}", "X-PERP", "short", "4", str(200 - number), "100"] for number in range(4)]
    events: list[dict[str, Any]] = [
        {"type": "positions_open", "rows": rows},
        TAKEOVER,
        {"type": "unfilled", "takeover": "t1"},
    ]
    adl = {"preset": "full_cover", "adl": {"trigger": "unfilled"}}
    fund = {"code": "usdt", "contribution": "0", "rulebook": adl}
    everybody = [f"trader{number}" for number in range(4)]

    def told(*traders: str) -> list[str]:
        return differences(*events, fund=fund, expect={"adl_queue": {"t1": list(traders)}})

    assert told(*everybody) == told(*everybody[:3]) == []
    assert told(*everybody[:2]) == ["adl_queue.t1: expected trader0, trader1, actual " + ", ".join(everybody)]
    assert told(*everybody[::-1]) != []


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


@pytest.mark.django_db
def test_another_rulebook_can_be_tried_on_a_story() -> None:
    fund = {"code": "usdt", "contribution": "1000", "rulebook": {"preset": "full_cover"}}

    result = play(
        story_of(story(TAKEOVER, FILL, fund=fund, expect={"balances": {"fund:usdt": "990"}})),
        data=Path(),
        rulebook={"preset": "shared_loss"},
    )

    assert result.differences == []
    assert (balance("fund:usdt"), balance("loss:usdt")) == ("998", "8")


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"currency": {"code": "USDT", "decimals": 8}},
        story() | {"events": {}},
        story() | {"events": ["fill"]},
        story() | {"expect": []},
        story({**FILL, "filled_at": "yesterday"}),
        story({**FILL, "filled_at": "2026-01-01T00:00:00"}),
    ],
)
def test_what_is_no_scenario_is_refused(broken: Any) -> None:
    with pytest.raises(StoryMalformed):
        story_of(broken)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "broken",
    [
        story(fund={"code": "usdt", "rulebook": {"preset": "nope"}}),
        story(fund={"code": "usdt", "rulebook": {"preset": "full_cover"}, "contribution": 1000}),
        story(contracts=[{"symbol": "X-PERP", "kind": "square", "multiplier": "1"}]),
        story(contracts=[{"kind": "linear"}]),
        story(currency={"code": "USDT", "decimals": 99}),
    ],
)
def test_books_that_cannot_be_opened_are_told(broken: Any) -> None:
    with pytest.raises(StoryMalformed):
        play(story_of(broken), data=Path())

    assert not Account.objects.exists()
    assert not Fund.objects.exists()


def test_files_that_are_no_json_are_told(tmp_path: Path) -> None:
    twice = tmp_path / "twice.json"
    twice.write_text('{"title": "a", "title": "b"}')

    for path in (twice, tmp_path / "missing.json", tmp_path):
        with pytest.raises(StoryMalformed):
            read_story(path)


# The command.


def replay(*arguments: str) -> tuple[int, str]:
    output = StringIO()
    try:
        call_command("replay", *arguments, stdout=output)
    except SystemExit as end:
        return int(str(end.code)), output.getvalue()
    return 0, output.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A story that holds, one that does not, one that is not understood, and no story."""
    written = {
        "good": story(TAKEOVER, FILL, expect={"balances": {"fund:usdt": "990"}}),
        "bad": story(TAKEOVER, FILL, expect={"balances": {"fund:usdt": "1"}}),
        "strange": story({"type": "haircut"}),
        "none": [],
    }
    for name, document in written.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    return {name: str(tmp_path / f"{name}.json") for name in written}


def test_replay_plays_each_file_on_a_database_of_its_own(committed_db: object, files: dict[str, str]) -> None:
    code, told = replay(files["good"], files["good"])

    assert code == 0
    assert "2 of 2 stories hold." in told
    assert "Trial balance, USDT" in told
    assert "takeover t1" in told
    assert not Takeover.objects.exists()


def test_replay_tells_what_does_not_hold_and_what_it_does_not_know(committed_db: object, files: dict[str, str]) -> None:
    code, told = replay(*files.values())

    assert code == 1
    assert "differs: balances.fund:usdt: expected 1, actual 990" in told
    assert "not supported: events[0]: event type 'haircut'" in told
    assert "1 of 4 stories hold." in told


def test_replay_keeps_the_books_where_it_is_asked_to(committed_db: object, files: dict[str, str]) -> None:
    code, _ = replay("--keep", files["good"])

    assert code == 0
    assert Takeover.objects.get().closed_at == moment(1)


def test_replay_shows_how_a_story_ends_under_other_rulebooks(committed_db: object, files: dict[str, str]) -> None:
    rates = '{"preset": "full_cover", "fund_per_event_cap": "4"}'

    code, told = replay("--rulebook", "shared_loss", "--rulebook", rates, files["good"])

    assert code == 0
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in told.splitlines()]
    rows = {row[0]: row[1:] for row in cells if len(row) == 4}
    assert rows["fund after"] == ["990", "998", "996"]
    assert rows["deficit"] == ["0", "0", "6"]


@pytest.mark.parametrize(
    ("rulebook", "reason"),
    [
        ("{", "rulebook {: "),
        ('{"fund_share": "1"}', "not an object with a preset"),
        ("missing.json", "rulebook missing.json: "),
        ("nope", "rulebook nope: .*'nope' is not one of"),
        ("penalty_and_vault", "rulebook penalty_and_vault: .*penalty_rate"),
    ],
)
def test_what_is_no_rulebook_is_refused_before_anything_is_played(
    files: dict[str, str], rulebook: str, reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        replay("--rulebook", rulebook, files["good"])


def test_what_another_rulebook_leaves_out_of_a_story_is_said(committed_db: object, tmp_path: Path) -> None:
    path = tmp_path / "adl.json"
    deleveraged = {"preset": "full_cover", "adl": {"trigger": "unfilled"}}
    fund = {"code": "usdt", "contribution": "1000", "rulebook": deleveraged}
    closed = {"trader": "sue", "quantity": "10", "entry_price": "110"}
    adl = {"type": "adl", "reference": "a1", "takeover": "t1", "fills": [closed]}
    refused = {"refused": {"f1": "takeover_unknown"}}
    path.write_text(json.dumps(story(TAKEOVER, adl, {**FILL, "takeover": "t9"}, fund=fund, expect=refused)))

    code, told = replay("--rulebook", "shared_loss", "--rulebook", "inventory_takeover", str(path))

    assert code == 0, told
    assert "Left out under shared_loss: #1 adl a1: adl_not_in_rulebook: " in told
    assert told.count("Left out") == 1


def test_names_are_printed_as_they_are(committed_db: object, tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    path.write_text(json.dumps(story({"type": "deposit", "reference": "d1", "trader": "x", "amount": "5"})))

    code, told = replay(str(path))

    assert code == 0, told
    assert "trader:x:USDT" in told
