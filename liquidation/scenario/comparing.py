"""What a story would have come to under other rulebooks, side by side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from django.db.models import F, Sum
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fund.funds import find
from fund.models import Allocation, Cycle, Shortfall
from fund.rulebook import Rulebook, RulebookRefused, publish_fields
from ledger import chart
from ledger.models import Account
from ledger.money import EXACT, plain, round_half_even
from liquidation.lines import notional_of
from liquidation.models import Fill
from liquidation.scenario.playing import Refusal
from liquidation.scenario.reading import Story, StoryMalformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How a story ends. Amounts are in the fund's currency, the haircut is a share of the profit it was taken from.

    `fund_after` includes what is set aside. `adl_notional`: closed against counterparties, at the price of it.
    """

    fund_after: Decimal
    deficit: Decimal
    gross_injections: Decimal
    gross_payouts: Decimal
    treasury_paid: Decimal
    allocated: Decimal
    traders_charged: int
    largest_haircut: Fraction
    adl_notional: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a story ends under a rulebook. `refused`: events that are not refused where it is played as written."""

    name: str
    figures: Figures
    refused: tuple[Refusal, ...] = ()


def read_rulebook(text: str) -> Mapping[str, object]:
    """A preset's name, a JSON object with a preset and the fields that differ, or a file with one.

    Raises StoryMalformed.
    """
    if text.lstrip().startswith("{") or text.endswith(".json"):
        try:
            document = json.loads(text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StoryMalformed(f"rulebook {text}: {error}") from error
        if not isinstance(document, dict) or "preset" not in document:
            raise StoryMalformed(f"rulebook {text}: not an object with a preset")
        return document
    return {"preset": text}


def as_published(rulebook: Mapping[str, object], *, decimals: int) -> Rulebook:
    """The rulebook that a fund would run under. Raises StoryMalformed with every field that is wrong."""
    fields = {name: value for name, value in rulebook.items() if name != "preset"}
    try:
        return publish_fields(str(rulebook["preset"]), fields, decimals=decimals)
    except RulebookRefused as refused:
        raise StoryMalformed(f"rulebook {label(rulebook)}: {refused}") from refused


def label(rulebook: Mapping[str, object]) -> str:
    """The preset, and what differs from it."""
    fields = [f"{name} {value}" for name, value in rulebook.items() if name != "preset"]
    return f"{rulebook['preset']}, {', '.join(fields)}" if fields else str(rulebook["preset"])


def figures(story: Story) -> Figures:
    """How the story that was just played stands, in the database where it was."""
    fund = find(str(story.fund["code"]))
    balances = dict(Account.objects.filter(owner=fund.code).values_list("code", "balance"))
    shares = Allocation.objects.filter(cycle__fund=fund, cycle__status=Cycle.Status.SETTLED, run=F("cycle__run"))
    charged = shares.filter(amount__gt=0)
    largest = max(
        (Fraction(amount) / Fraction(profit) for amount, profit in charged.values_list("amount", "profit")),
        default=Fraction(0),
    )
    adl = Fill.objects.filter(takeover__contract__fund=fund, kind=Fill.Kind.ADL, reversed_at=None)
    losses = Shortfall.objects.filter(fund=fund, reversed_by=None)
    return Figures(
        fund_after=EXACT.add(balances[chart.fund(fund.code)], balances[chart.fund_reserved(fund.code)]),
        deficit=balances[chart.deficit(fund.code)],
        gross_injections=fund.gross_injections,
        gross_payouts=fund.gross_payouts,
        treasury_paid=losses.aggregate(paid=Sum("treasury_paid"))["paid"] or Decimal(0),
        allocated=charged.aggregate(allocated=Sum("amount"))["allocated"] or Decimal(0),
        traders_charged=charged.values("trader").distinct().count(),
        largest_haircut=largest,
        adl_notional=sum((notional_of(fill) for fill in adl.select_related("takeover__contract")), Fraction(0)),
    )


def comparison(story: Story, ends: Sequence[End]) -> RenderableType:
    """One column a rulebook, and below them what could not happen there as it is told."""
    table = Table(title=f"{story.title}: under other rulebooks", title_justify="left", title_style="bold")
    table.add_column("")
    for end in ends:
        table.add_column(end.name, justify="right", overflow="fold")
    decimals = int(story.currency["decimals"])
    columns = [_written(end.figures, decimals) for end in ends]
    for row in columns[0]:
        table.add_row(row, *(column[row] for column in columns))
    notes = [
        Text(f"Left out under {end.name}: {refusal.event.name}: {refusal.code}: {refusal.detail}", style="yellow")
        for end in ends
        for refusal in end.refused
    ]
    return Group(table, *notes)


def _written(end: Figures, decimals: int) -> dict[str, str]:
    return {
        "fund after": plain(end.fund_after),
        "deficit": plain(end.deficit),
        "gross injections": plain(end.gross_injections),
        "gross payouts": plain(end.gross_payouts),
        "treasury paid": plain(end.treasury_paid),
        "taken from traders": plain(end.allocated),
        "traders charged": str(end.traders_charged),
        "largest haircut, %": plain(round_half_even(100 * end.largest_haircut, 4)),
        "ADL notional": plain(round_half_even(end.adl_notional, decimals)),
    }
