"""Stories that venues have published, played through the functions that the API calls; and the note that lists them."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from fund.adl import drawdown
from fund.rules import Drawdown, falls_short
from ledger.models import Account
from liquidation.rules import adl_is_due
from liquidation.scenario import play, read_story
from tests.fund.rulebooks import rulebook
from tests.test_published_rules import NOTE, PUBLISHED, Row, of_table, table

STORIES = sorted(PUBLISHED.glob("*.json"))
TABLES = sorted(path.stem for path in (PUBLISHED / "rules").glob("*.json"))


@pytest.mark.django_db
@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story_ends_as_published(path: Path) -> None:
    played = play(read_story(path), data=PUBLISHED)
    assert played.story.unsupported == []
    assert [str(each) for each in played.differences] == []


@of_table("adl_due")
def test_deleveraging_is_due_as_published(row: Row) -> None:
    """Where a row says how far the fund has fallen, that decides; otherwise its balance does."""
    threshold = {"threshold": row["threshold"]} if "threshold" in row else {}
    rules = rulebook("full_cover", adl={"trigger": row["trigger"], **threshold})
    fallen = Fraction(row.get("lost", "0")) / Fraction(row.get("peak", "1"))
    assert -fallen == Fraction(row.get("published", "0"))
    balance = Decimal(row["balance"] if "balance" in row else row["peak"])
    assert rules.adl is not None
    due = adl_is_due(
        rules.adl,
        fund_insufficient=falls_short(Fraction(0), fund_balance=balance, rulebook=rules),
        fallen=lambda: Drawdown(Fraction(0), fallen),
    )
    assert due is row["published_due"]


@pytest.mark.django_db
@of_table("adl_due", that_have="story")
def test_fund_falls_by_the_published_share_of_its_peak(row: Row) -> None:
    story = read_story(PUBLISHED / f"{row['story']}.json")
    play(story, data=PUBLISHED)
    code = str(story.fund["code"])
    balance = Account.objects.get(code=f"fund:{code}").balance
    fallen = drawdown(fund_code=code, balance=balance, at=story.begins_at + timedelta(hours=1))
    assert -fallen.by_results == Fraction(row["published"])


@pytest.mark.parametrize("name", TABLES)
def test_note_lists_every_row_with_its_figure_and_source(name: str) -> None:
    listed = lines_of_note()
    for row in table(name):
        line = listed[f"`{row['id']}`"]
        published = {key: value for key, value in row.items() if key.startswith("published")}
        assert published, f"{row['id']} has no figure"
        for text in (row["venue"], row["what"], row["source"], *leaves(published)):
            assert text in line, row["id"]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_note_lists_every_story_with_its_figures_and_source(path: Path) -> None:
    story = json.loads(path.read_text(encoding="utf-8"))
    line = lines_of_note()[f"[{path.stem}](published/{path.name})"]
    expected = {name: part for name, part in story["expect"].items() if name != "balances"}
    balances = {code: sum_ for code, sum_ in story["expect"]["balances"].items() if not code.startswith("engine:")}
    for text in (story["title"], story["source"], *leaves(expected), *leaves(balances)):
        assert text in line


def test_note_lists_nothing_that_is_not_there() -> None:
    rows = {f"`{row['id']}`" for name in TABLES for row in table(name)}
    stories = {f"[{path.stem}](published/{path.name})" for path in STORIES}
    entries = [first for first in lines_of_note() if first.startswith(("`", "["))]
    assert set(entries) == rows | stories
    assert f"{len(rows)} rows" in NOTE.read_text(encoding="utf-8")


def lines_of_note() -> Mapping[str, str]:
    """Lines of its tables by their first cell."""
    text = NOTE.read_text(encoding="utf-8").replace("\\|", "|")
    lines = [line.removeprefix("| ") for line in text.splitlines() if line.startswith("| ")]
    return {line.split(" | ")[0]: line for line in lines}


def leaves(value: Any) -> Iterator[str]:
    """Every figure in it, as it is written."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list):
        yield from (str(each) for each in value)
    elif not isinstance(value, bool):
        yield "none" if value is None else str(value)
