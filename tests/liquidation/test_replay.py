"""`manage.py replay`: scenario files played from the command line, and what it says of them."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from liquidation.models import Takeover
from tests.builders import moment
from tests.liquidation.storyteller import FILL, TAKEOVER, story


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
