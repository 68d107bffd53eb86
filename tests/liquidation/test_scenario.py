"""Scenario files as they are read and played: what is not understood is named, what does not hold is told."""

from pathlib import Path
from typing import Any

import pytest

from fund.models import Fund
from ledger.models import Account
from liquidation.models import Takeover
from liquidation.scenario import StoryMalformed, play, read_story
from liquidation.scenario.reading import story_of
from tests.builders import balance, balances
from tests.liquidation.storyteller import FILL, TAKEOVER, differences, played, story


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
