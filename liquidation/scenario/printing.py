"""A story's outcome for the terminal: the trial balance, who bore each loss, and every difference."""

from collections.abc import Iterator
from decimal import Decimal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from fund.models import Cycle, Shortfall
from ledger.balances import trial_balance
from ledger.money import plain, total
from liquidation.scenario.playing import Played
from liquidation.scenario.reading import Story

# Of a long story so many losses, accounts and settlements are shown one by one; the rest is in the total.
LOSSES_MOST = 40
ACCOUNTS_MOST = 60
CYCLES_MOST = 5
_LAYERS = {
    "loss": "loss",
    "fund_paid": "fund",
    "reserved_used": "reserve",
    "to_allocate": "traders",
    "treasury_paid": "treasury",
    "carried": "carried",
}


def outcome(played: Played) -> Iterator[RenderableType]:
    """Everything there is to say of a story that was played, in the database where it was."""
    yield _trial_balance(played.story)
    losses = list(Shortfall.objects.filter(fund__code=played.story.fund["code"], reversed_by=None).order_by("id"))
    if losses:
        yield _waterfall(losses)
    settled = Cycle.objects.filter(fund__code=played.story.fund["code"], status=Cycle.Status.SETTLED)
    if settled.exists():
        yield _settlements(list(settled.order_by("number")))
    for name in played.story.unsupported:
        yield Text(f"not supported: {name}", style="yellow")
    for difference in played.differences:
        yield Text(f"differs: {difference}", style="red")


def _trial_balance(story: Story) -> Table:
    balance = trial_balance(str(story.currency["code"]))
    table = _table(f"Trial balance, {balance.currency}", "account", "debits", "credits", "balance")
    # Traders last: of them there may be thousands, and of everybody else a few.
    rows = sorted(balance.rows, key=lambda row: row.kind == "trader")
    for row in rows[:ACCOUNTS_MOST]:
        table.add_row(row.code, plain(row.debits), plain(row.credits), plain(row.balance))
    table.add_section()
    held = "balanced" if balance.balanced else "NOT BALANCED"
    table.add_row(_total(len(rows) - ACCOUNTS_MOST), plain(balance.debits), plain(balance.credits), held)
    return table


def _waterfall(losses: list[Shortfall]) -> Table:
    table = _table("Who bore each loss", "source", *_LAYERS.values())
    for loss in losses[:LOSSES_MOST]:
        table.add_row(f"{loss.source_kind} {loss.source_id}", *(plain(getattr(loss, name)) for name in _LAYERS))
    table.add_section()
    sums = (plain(total(getattr(loss, name) for loss in losses)) for name in _LAYERS)
    table.add_row(_total(len(losses) - LOSSES_MOST), *sums)
    return table


def _total(more: int) -> str:
    return f"total, with {more} more" if more > 0 else "total"


def _settlements(cycles: list[Cycle]) -> Table:
    """One column a cycle, the latest ones."""
    names = ("loss", "fund_paid", "treasury_paid", "allocated", "levy_surplus", "residue", "carried", "participants")
    shown = cycles[-CYCLES_MOST:]
    table = _table("Settlements", "cycle", *(str(cycle.number) for cycle in shown))
    for name in names:
        figures = [getattr(cycle, name) for cycle in shown]
        written = (plain(figure) if isinstance(figure, Decimal) else str(figure) for figure in figures)
        table.add_row(name.replace("_", " "), *written)
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
