"""A cycle under several rulebooks for the terminal: one table, and one chart of who bears the loss."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fund.settlement import Preview
from fund.whatif import Retold
from ledger.money import EXACT, round_half_even


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """The cycle under one rulebook. `fields`: what differs from the preset."""

    name: str
    fields: Mapping[str, object]
    told: Preview

    @property
    def retold(self) -> Retold:
        assert self.told.retold is not None, "every column is told anew"
        return self.told.retold


# Parts of a loss, each with the color of its bar.
_PARTS: Sequence[tuple[str, str, Callable[[Preview], Decimal]]] = (
    ("fund", "blue", lambda told: told.fund_paid),
    ("traders", "yellow", lambda told: EXACT.subtract(told.allocated, told.levy_surplus)),
    ("treasury", "magenta", lambda told: told.treasury_paid),
    ("carried", "red", lambda told: told.carried),
)
_ADL_COLOR = "green"
_BAR = 48
# Of a notional, which is nobody's balance, so many decimals are enough.
_NOTIONAL_DECIMALS = 2
_LONGEST_WORD = 18


def prospects(compared: Sequence[Prospect]) -> RenderableType:
    """Everything that the comparison says: at least one rulebook, the cycle's own first."""
    return Group(_table(compared), *_notes(compared), _chart(compared))


def _table(compared: Sequence[Prospect]) -> RenderableType:
    """One column a rulebook."""
    cycle = compared[0].told.cycle
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column(cycle.fund.currency_id, no_wrap=True, vertical="bottom")
    for place, each in enumerate(compared):
        table.add_column(_heading(each, place), justify="right", overflow="fold", vertical="bottom")
    columns = [list(_figures(each, cycle.fund.currency.decimals)) for each in compared]
    for row, (name, _) in enumerate(columns[0]):
        table.add_row(name, *(column[row][1] for column in columns))
    title = f"Cycle {cycle.number} of fund {cycle.fund.code} under {len(compared)} rulebooks"
    return Group(Text.assemble(("\n" + title, "bold"), ("  nothing is booked", "dim")), table)


def _heading(each: Prospect, place: int) -> str:
    """The name, broken where it is long, and the number of its note."""
    name = each.name if len(each.name) <= _LONGEST_WORD else each.name.replace("_", "_\n", 2).replace("_\n", "_", 1)
    return f"{name} {_mark(place)}" if each.fields else name


def _notes(compared: Sequence[Prospect]) -> Iterator[Text]:
    for place, each in enumerate(compared):
        if each.fields:
            yield Text(f" {_mark(place)} {', '.join(_words(each.fields))}", style="dim")


def _mark(place: int) -> str:
    return f"[{place + 1}]"


def _words(fields: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _words(value, f"{prefix}{name} ")
        elif value is not None:
            yield f"{prefix}{name} {value}"


def _figures(each: Prospect, decimals: int) -> Iterator[tuple[str, str]]:
    told, retold = each.told, each.retold

    def amount(value: Decimal) -> str:
        return f"{value:,.{decimals}f}"

    yield "fund after", amount(told.fund_after)
    yield "deficit after", amount(told.deficit_after)
    yield "own positions, at mark", amount(retold.inventory)
    yield "injected", amount(retold.injected)
    yield "loss", amount(told.loss)
    for name, _, part in _PARTS:
        yield f"  {name}", amount(part(told))
    yield "traders charged", f"{told.traders_charged:,}"
    yield "largest haircut", "—" if told.largest_haircut is None else f"{told.largest_haircut:.4%}"
    yield "ADL notional", f"{round_half_even(retold.adl_notional, _NOTIONAL_DECIMALS):,.{_NOTIONAL_DECIMALS}f}"


def _chart(compared: Sequence[Prospect]) -> RenderableType:
    """Two bars a rulebook: its loss, by who bears it, and what counterparties were closed for. Each has its scale."""
    loss = max((each.told.loss for each in compared), default=Decimal(0))
    notional = max((each.retold.adl_notional for each in compared), default=Decimal(0))
    chart = Table(box=None, padding=(0, 1), show_header=False)
    chart.add_column(justify="right")
    chart.add_column(no_wrap=True, min_width=_BAR)
    chart.add_column(no_wrap=True)
    for place, each in enumerate(compared):
        name = f"{each.name} {_mark(place)}" if each.fields else each.name
        parts = [(color, part(each.told)) for _, color, part in _PARTS]
        chart.add_row(name, _bar(parts, Fraction(loss)), Text(f"{_short(each.told.loss)} lost", style="dim"))
        closed = each.retold.adl_notional
        words = Text(f"{_short(closed)} closed by ADL", style="dim")
        chart.add_row("", _bar([(_ADL_COLOR, closed)], Fraction(notional), "▀"), words)
    legend = [Text.assemble(("█ ", color), name) for name, color, _ in _PARTS]
    legend.append(Text.assemble(("▀ ", _ADL_COLOR), "closed against counterparties, on a scale of its own"))
    return Group(Text("\nWho bears the loss", style="bold"), chart, Text("  ").join(legend))


def _bar(parts: Sequence[tuple[str, Decimal]], most: Fraction, mark: str = "█") -> Text:
    """Ends are rounded, not lengths, so that parts together are as long as their sum."""
    bar, before, so_far = Text(), 0, Fraction(0)
    for color, value in parts:
        so_far += Fraction(value)
        end = round(so_far / most * _BAR) if most else 0
        bar.append(mark * (end - before), style=color)
        before = end
    return bar


def _short(value: Decimal) -> str:
    """Three figures, for the eye."""
    number = float(value)
    for unit, word in ((1e9, " bn"), (1e6, " m"), (1e3, " k")):
        if abs(number) >= unit:
            return f"{number / unit:,.3g}{word}"
    return f"{number:,.3g}"
