"""The report of a day in the terminal: tables and one chart, from figures that were read before."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import plotext
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ledger.chart import Side
from ledger.integrity import Verification
from ledger.money import total
from liquidation.demo.access import Access
from liquidation.demo.cascade import SECONDS
from liquidation.demo.figures import Figures, FundDay, KindLine, Waterfall
from liquidation.demo.story import CURRENCY, DECIMALS, EXAMPLE_BANKRUPTCY, EXAMPLE_CLOSE

WIDTH = 98
_CHART_HEIGHT, _Y_STEPS = 17, 4
_BAR = 22


def report(figures: Figures) -> RenderableType:
    """Everything that the books say about the day, at most 100 columns wide."""
    return Group(
        chart(figures.curve),
        fund_table(figures.fund),
        waterfall_table(figures.waterfall),
        allocation_table(figures),
        example_table(figures),
        trial_balance_table(figures.trial_balance),
    )


def amount(value: Decimal) -> str:
    """As the tables show it: every decimal of the currency, thousands separated, nothing rounded."""
    return f"{value:,.{DECIMALS}f}"


def chart(curve: Sequence[tuple[float, Decimal]]) -> RenderableType:
    """The fund's balance over the cascade, in steps: between two movements it stands still."""
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.axes(False, axis="x", side="upper").axes(False, axis="y", side="right")
    figure.plot_size(WIDTH, _CHART_HEIGHT)
    seconds, millions = [curve[0][0]], [float(curve[0][1]) / 1e6]
    for (_, before), (second, after) in pairwise(curve):
        seconds += [second, second]
        millions += [float(before) / 1e6, float(after) / 1e6]
    balance = figure.signal(seconds, millions, marker=plotext.marker("hd", plotext.pixel("blue")))
    figure.draw(balance.lines(True))
    low, high = min(millions), max(millions)
    steps = [low + (high - low) * step / _Y_STEPS for step in range(_Y_STEPS + 1)]
    figure.ruler("y").ticks(steps, [f"{step:,.2f}" for step in steps])
    minutes = range(SECONDS // 60 + 1)
    figure.ruler("x").ticks([60 * minute for minute in minutes], [f"{minute} min" for minute in minutes])
    remark = f"balance in million {CURRENCY}; in the first minute nothing closes worse"
    return _section("The fund over the cascade", remark, Text.from_ansi(figure.build().string()))


def fund_table(day: FundDay) -> RenderableType:
    """Opening, what came in and what went out in full, closing."""
    table = _table()
    table.add_column()
    table.add_column(CURRENCY, justify="right")
    table.add_column("events", justify="right")
    table.add_row("Opening", amount(day.opening), "")
    table.add_row("+ contribution of the treasury", amount(day.contributed), "")
    table.add_row("+ gross injections, closed better than bankruptcy", amount(day.injected), f"{day.injections:,}")
    table.add_row("− gross payouts, closed worse", amount(-day.paid_at_closes), f"{day.payouts:,}")
    table.add_row("− payout at settlement, what the formula left over", amount(-day.paid_at_settlement), "")
    table.add_section()
    table.add_row("Closing", amount(day.closing), "", style="bold")
    return _section("The fund's day", "gross: across takeovers nothing is netted", table)


def waterfall_table(parts: Waterfall) -> RenderableType:
    """The loss, and the layers that bear it; they sum to it."""
    table = _table()
    table.add_column()
    table.add_column(CURRENCY, justify="right")
    table.add_column("share", justify="right")
    table.add_column(min_width=_BAR, no_wrap=True)
    layers = (
        ("Fund, at the closes: its share of each loss", parts.fund_at_closes),
        (f"Traders: {parts.participants:,} most profitable positions", parts.allocated),
        ("Fund, at settlement: the formula's residue", parts.fund_at_settlement),
        ("Carried: borne by nobody yet", parts.carried),
    )
    for name, value in layers:
        share = value / parts.loss if parts.loss else Decimal(0)
        table.add_row(name, amount(value), f"{share:.2%}", Text("█" * round(share * _BAR), style="blue"))
    table.add_section()
    table.add_row("Loss = the sum of its parts", amount(total(value for _, value in layers)), "", "", style="bold")
    return _section(
        "The waterfall of the loss", f"{parts.losses:,} takeovers closed worse than their bankruptcy price", table
    )


def allocation_table(figures: Figures) -> RenderableType:
    """The ten largest allocations with the formula's numbers."""
    parts = figures.waterfall
    formula = f" a_i = L · p_i / base    L = {amount(parts.to_allocate)}    base = {amount(parts.base)}"
    table = _table()
    table.add_column("rank", justify="right")
    table.add_column("position")
    table.add_column("trader")
    table.add_column("profit p_i", justify="right")
    table.add_column("p_i / base", justify="right")
    table.add_column("allocated a_i", justify="right")
    table.add_column("of p_i", justify="right")
    for row in figures.largest:
        table.add_row(
            str(row.rank),
            row.position,
            row.trader,
            amount(row.profit),
            f"{row.profit / parts.base:.8f}",
            amount(row.amount),
            f"{row.amount / row.profit:.2%}",
        )
    return _section("The ten largest allocations", "of the traders' part of the loss, L", Text(formula), table)


def example_table(figures: Figures) -> RenderableType:
    """The venues' own example."""
    table = _table()
    table.add_column()
    table.add_column(CURRENCY, justify="right")
    table.add_row("Closing price", amount(Decimal(EXAMPLE_CLOSE)))
    table.add_row("− bankruptcy price", amount(-Decimal(EXAMPLE_BANKRUPTCY)))
    table.add_row("Result of the engine", amount(figures.example_result))
    table.add_section()
    table.add_row("Injected into the fund", amount(figures.example_injected), style="bold")
    return _section("The textbook example", "1 BTC long, taken over at its bankruptcy price, closed better", table)


def trial_balance_table(lines: Sequence[KindLine]) -> RenderableType:
    """Debits and credits by kind of account, and the two sides of the balance identity."""
    table = _table()
    table.add_column("kind")
    table.add_column("accounts", justify="right")
    table.add_column("debits", justify="right")
    table.add_column("credits", justify="right")
    table.add_column("balance", justify="right")
    table.add_column("")
    for line in lines:
        side = "Dr" if line.side is Side.DEBIT else "Cr"
        name = line.kind.replace("_", " ")
        table.add_row(name, f"{line.accounts:,}", amount(line.debits), amount(line.credits), amount(line.balance), side)
    table.add_section()
    debits, credits = total(line.debits for line in lines), total(line.credits for line in lines)
    table.add_row("", "", amount(debits), amount(credits), "", "", style="bold")
    sides = {side: total(line.balance for line in lines if line.side is side) for side in Side}
    left, right = amount(sides[Side.DEBIT]), amount(sides[Side.CREDIT])
    names = ("custody + loss to allocate + deficit + house loss", "all other balances")
    identity = f" {names[0]} = {left}\n {names[1]:>{len(names[0])}} = {right:>{len(left)}}"
    remark = f"all accounts in {CURRENCY}, by kind; a balance stands on the kind's normal side"
    return _section("Trial balance", remark, table, Text(f" {identity}"))


def verification_table(verification: Verification) -> RenderableType:
    """What was derived again from the postings, and every finding by its name."""
    table = _table()
    table.add_column("check")
    table.add_column("rows", justify="right")
    table.add_column("findings", justify="right")
    for check in verification.checks:
        found = Text(f"{check.found:,}", style="bold red" if check.found else "green")
        table.add_row(check.name, f"{check.checked:,}", found)
    named = [
        Text(f"  {finding.code}: {finding.subject}: expected {finding.expected}, found {finding.actual}", style="red")
        for finding in verification.findings
    ]
    verdict = "The books are clean." if verification.clean else f"{verification.found:,} finding(s)."
    words = Text(f" {verdict}", style="bold green" if verification.clean else "bold red")
    return _section("Verification", "every identity derived again from the postings alone", table, *named, words)


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)


def _section(title: str, remark: str, *parts: RenderableType) -> RenderableType:
    return Group(Text.assemble(("\n" + title, "bold"), "  ", (remark, "dim")), *parts)


def ending(url: str, access: Access, *, stays: bool) -> RenderableType:
    """Where to go on: addresses, people, keys."""
    table = Table.grid(padding=(0, 2))
    table.add_row("Admin", f"{url}/admin/")
    table.add_row("API", f"{url}/api/v1/docs/")
    for name, password in access.passwords.items():
        table.add_row("Login", f"{name} / {password or '(the password that was set since)'}")
    for role, secret in access.keys.items():
        table.add_row("Key", f"{role.value}: {secret}")
    remark = (
        "the web server runs until Ctrl-C" if stays else "manage.py demo without --once leaves the web server running"
    )
    return _section("Look around", remark, table)
