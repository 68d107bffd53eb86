"""`manage.py whatif`: a cycle under other rulebooks, side by side."""

import csv
import gzip
import json
import re
import shlex
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from fund.models import Cycle
from fund.rulebook import PRESETS, publish_fields
from fund.settlement import compare
from ledger.money import parse_number
from liquidation.models import Takeover
from liquidation.scenario import StoryMalformed, play
from liquidation.scenario.cascade import DECIMALS, read_cascade
from liquidation.scenario.reading import story_of
from tests.builders import balances
from tests.liquidation.storyteller import FILL, TAKEOVER, story

RATES = {"penalty_rate": "0.0075", "surplus_split": {"fund": "0.7", "vault": "0.3"}}
CYCLE = {"type": "cycle", "number": 1, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T08:00:00Z"}
PROFITS = {"type": "positions", "cycle": 1, "rows": [["p1", "bob", "X-PERP", "6"], ["p2", "cid", "X-PERP", "2"]]}
LOSS_OF_TEN = story(CYCLE, TAKEOVER, FILL, PROFITS)
FOLDERS = sorted((Path(settings.BASE_DIR).parent / "shared" / "data").glob("hyperliquid-*"))


def written(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "story.json"
    path.write_text(json.dumps(document))
    return path


def whatif(*arguments: object) -> str:
    out = StringIO()
    call_command("whatif", *map(str, arguments), stdout=out)
    return out.getvalue()


def row(text: str, name: str) -> list[str]:
    """Figures of the table's row of that name."""
    rows = (re.split(r"\s{2,}", line.strip()) for line in text.splitlines())
    (found,) = (cells for cells in rows if cells[0] == name and len(cells) > 1)
    return found[1:]


def packed(folder: Path, name: str, *rows: dict[str, Any]) -> None:
    with gzip.open(folder / f"{name}.csv.gz", "wt", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def liquidation(**values: Any) -> dict[str, Any]:
    known = {"time_ms": 1760130000000, "coin": "X", "notional": "1000", "size": "10", "price": "100"}
    return {**known, "price_source": "event", "adl_position_side": "SHORT", **values}


def shortfall(**values: Any) -> dict[str, Any]:
    known = {"shortfall_id": "S1", "coin": "X", "t_start_ms": 1760130000000, "t_end_ms": 1760130000000}
    return {**known, "shortfall_usd": "30", **values}


def position(**values: Any) -> dict[str, Any]:
    return {"position_id": "P1", "user": "ann", "coin": "X", "realized_pnl": "500", "is_vault": "0", **values}


def cascade(tmp_path: Path, *liquidations: dict[str, Any], shortfalls: list[dict[str, Any]] | None = None) -> Path:
    packed(tmp_path, "liquidations", *(liquidations or [liquidation()]))
    packed(tmp_path, "shortfalls", *(shortfalls or [shortfall()]))
    packed(tmp_path, "positions", position())
    return tmp_path


def test_a_story_under_other_rulebooks_side_by_side(committed_db: object, tmp_path: Path) -> None:
    text = whatif(
        "--scenario", written(tmp_path, LOSS_OF_TEN), "--rulebook", "shared_loss", "--rulebook",
        json.dumps({"preset": "penalty_and_vault", **RATES}),
    )  # fmt: skip

    assert row(text, "fund after") == ["990.00000000", "998.00000000", "990.00000000"]
    assert row(text, "traders") == ["0.00000000", "8.00000000", "0.00000000"]
    assert row(text, "traders charged") == ["0", "2", "0"]
    assert row(text, "largest haircut") == ["—", "100.0000%", "—"]
    assert "[3] penalty_rate 0.0075, surplus_split fund 0.7, surplus_split vault 0.3" in text


@pytest.mark.django_db
def test_the_books_themselves_are_compared_and_nothing_moves() -> None:
    play(story_of(LOSS_OF_TEN), data=Path())
    before = balances()

    text = whatif("--cycle", 1, "--rulebook", "shared_loss")

    assert row(text, "fund after") == ["990.00000000", "998.00000000"]
    assert balances() == before
    with pytest.raises(CommandError, match="cycle 7 does not exist"):
        whatif("--cycle", 7)
    with pytest.raises(CommandError, match="fund nix does not exist: there is usdt"):
        whatif("--fund", "nix")
    with pytest.raises(CommandError, match="cycle 7 of fund usdt does not exist"):
        whatif("--fund", "usdt", "--cycle", 7)
    with pytest.raises(CommandError, match=r"rulebook penalty_and_vault: .*penalty_rate"):
        whatif("--rulebook", "penalty_and_vault")
    with pytest.raises(CommandError, match="presett"):
        whatif("--rulebook", "presett")
    assert balances() == before


@pytest.mark.django_db
def test_books_without_a_cycle_say_so() -> None:
    with pytest.raises(CommandError, match="no cycle has been opened yet"):
        whatif()


@pytest.mark.django_db
def test_the_rulebooks_of_the_documented_command_are_taken() -> None:
    play(story_of(LOSS_OF_TEN), data=Path())
    command = re.search(r"manage\.py (whatif --cycle .*)", (Path(settings.BASE_DIR) / "docs/whatif.md").read_text())
    assert command is not None
    _, _, _, *rulebooks = shlex.split(command[1])

    text = whatif("--cycle", 1, *rulebooks)

    assert "[3] fund_share 0.5, traders_share 0.5" in text


@pytest.mark.django_db
def test_what_nobody_took_goes_where_each_rulebook_sends_it(tmp_path: Path) -> None:
    """10 contracts at 103, closed against counterparties at 100: a loss of 30 at mark, none at bankruptcy."""
    folder = cascade(tmp_path)
    played = play(read_cascade(folder, contribution=Decimal(1100)), data=folder)
    assert not played.refusals
    assert Takeover.objects.get().bankruptcy_price == 103
    others = ("shared_loss", "pre_close_compensation", "inventory_takeover")
    rulebooks = [publish_fields(name, {}, decimals=DECIMALS) for name in others]

    own, shared, compensated, inventory = compare(cycle_id=Cycle.objects.get().pk, others=rulebooks)

    told = [each.retold for each in (own, shared, compensated, inventory)]
    assert [each.loss for each in (own, shared, compensated, inventory)] == [30, 30, 0, 0]
    assert [each.inventory for each in told if each] == [0, 0, 0, -30]
    assert [each.adl_notional for each in told if each] == [1000, 0, 1030, 0]
    assert [own.fund_after, shared.fund_after, shared.allocated] == [1070, 1094, 24]


def prices(folder: Path) -> list[str]:
    story = read_cascade(folder, contribution=Decimal(1))
    return [str(event.values["bankruptcy_price"]) for event in story.events if event.type == "takeover"]


def test_a_shortfall_is_shared_by_notional_to_the_last_unit(tmp_path: Path) -> None:
    """Three equal liquidations have 2 units: one each, and the last one what is left."""
    equal = [liquidation(size="1", notional="100"), liquidation(size="1", notional="100")]
    later = liquidation(time_ms=1760130000001, size="1", notional="100")
    shortfalls = [shortfall(t_end_ms=1760130000001, shortfall_usd="0.00000002")]

    assert prices(cascade(tmp_path, later, *equal, shortfalls=shortfalls)) == ["100.00000001", "100", "100.00000001"]


def test_a_shortfall_without_a_liquidation_is_refused(tmp_path: Path) -> None:
    folder = cascade(tmp_path, shortfalls=[shortfall(coin="Y")])

    with pytest.raises(StoryMalformed, match="S1 of Y: no liquidation"):
        read_cascade(folder, contribution=Decimal(1))


@pytest.mark.django_db
def test_liquidations_without_a_price_are_told_by_their_value(tmp_path: Path) -> None:
    short = liquidation(coin="Z", adl_position_side="LONG", price="1", size="10", notional="10")
    folder = cascade(
        tmp_path,
        liquidation(size="", price="", price_source="none"),
        short,
        shortfalls=[shortfall(), shortfall(coin="Z", shortfall_usd="11")],
    )
    played = play(read_cascade(folder, contribution=Decimal(1000)), data=folder)

    assert not played.refusals
    # A short at 1 of 10 cannot have lost 11, and a liquidation without a price has one contract a unit.
    assert {
        (each.contract_id and each.contract.symbol, each.quantity, each.result) for each in Takeover.objects.all()
    } == {
        ("X-VALUE", Decimal(1000), Decimal(-30)),
        ("Z-VALUE", Decimal(10), Decimal(-11)),
    }


def test_a_folder_without_the_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"liquidations\.csv\.gz: No such file"):
        whatif("--cascade", tmp_path)


@pytest.mark.django_db
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_real_cascade_under_the_five_presets(folder: Path) -> None:
    """The figures that docs/whatif.md states, and, shared, those of the scenario file of the same day."""
    story = read_cascade(folder, contribution=Decimal(50_000_000))
    assert not play(story, data=folder).refusals
    with gzip.open(folder / "shortfalls.csv.gz", "rt") as file:
        shortfalls = sum((parse_number(row["shortfall_usd"]) for row in csv.DictReader(file)), Decimal(0))
    fields = {name: RATES if preset.required else {} for name, preset in PRESETS.items()}
    rulebooks = [publish_fields(name, fields[name], decimals=DECIMALS) for name in PRESETS]

    own, *told = compare(cycle_id=Cycle.objects.get().pk, others=rulebooks)

    assert own.loss == shortfalls
    stated = (Path(settings.BASE_DIR) / "docs" / "whatif.md").read_text()
    for name, each in zip(PRESETS, told, strict=True):
        assert each.retold is not None
        assert each.fund_after + each.fund_paid == 50_000_000
        figures = (each.fund_after, each.loss, each.allocated, each.retold.inventory)
        cells = " | ".join(f"{value:,.8f}" for value in figures)
        line = f"| `{name}` | {cells} | {each.traders_charged:,} | {each.retold.adl_notional:,.2f} |"
        assert line in stated, line


@pytest.mark.django_db
@pytest.mark.parametrize(("valuation", "left"), [("mark", [950, 50]), ("bankruptcy", [1000, 0])])
def test_a_position_that_the_fund_took_over_is_told_again_at_the_mark_of_then(valuation: str, left: list[int]) -> None:
    own = {"preset": "inventory_takeover", "takeover_valuation": valuation, "inventory": {"max_notional_share": "2"}}
    fund = {"code": "usdt", "contribution": "1000", "rulebook": own}
    unfilled = {"type": "unfilled", "takeover": "t1", "mark_price": "95"}
    later = {"type": "mark", "contract": "X-PERP", "price": "80"}
    play(story_of(story(CYCLE, {**TAKEOVER, "mark_price": "95"}, unfilled, later, fund=fund)), data=Path())

    told, sold = compare(cycle_id=Cycle.objects.get().pk, others=[publish_fields("full_cover", {}, decimals=8)])

    assert told.retold is not None
    assert sold.retold is not None
    assert [told.retold.fund_balance, told.retold.loss] == left
    # At the mark of that moment, not at the one told since.
    assert [sold.retold.fund_balance, sold.retold.loss] == [950, 50]
