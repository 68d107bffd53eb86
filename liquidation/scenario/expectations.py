"""What a story expects against what became of it: every difference, by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from django.db.models import F

from fund import holdings
from fund.funds import find
from fund.models import Allocation, Cycle
from fund.settlement.losses import of_cycle
from ledger.errors import Refused
from ledger.models import Account
from ledger.money import EXACT, plain
from liquidation.models import GAIN_PARTS, LOSS_PARTS, Takeover
from liquidation.ranking import queued_traders
from liquidation.scenario.reading import Event, Story
from liquidation.scenario.stage import Stage
from liquidation.scenario.vocabulary import FIGURE_ALIASES


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that does not hold."""

    where: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, actual {self.actual}"


def compare(stage: Stage) -> Iterator[Difference]:
    """Every expectation of figures that does not hold."""
    expect = stage.story.expect
    for part, check in _CHECKS.items():
        yield from check(stage, expect.get(part, {}))


def compare_refusals(story: Story, refusals: Sequence[tuple[Event, str, str, bool]]) -> Iterator[Difference]:
    """Events that were refused and should not have been, the other way round, and with another code.

    `refusals`: event, code, detail, and whether a balance moved. A reference that several events have stands for the
    last of them that was refused: the first may have been taken.
    """
    expected: Mapping[str, str] = story.expect.get("refused", {})
    met: set[str] = set()
    for event, code, detail, moved in refusals:
        names = [name for name in (f"#{event.place}", event.reference) if name is not None and name in expected]
        if not names:
            yield Difference(event.name, "taken", f"refused {code}: {detail}")
            continue
        for name in names:
            met.add(name)
            if expected[name] != code:
                yield Difference(event.name, f"refused {expected[name]}", f"refused {code}: {detail}")
        if moved:
            yield Difference(event.name, "no balance moves", "refused, and a balance moved")
    for name, code in expected.items():
        if name not in met:
            known = any(name in (f"#{event.place}", event.reference) for event in story.events)
            yield Difference(f"refused.{name}", f"refused {code}", "taken" if known else "no such event")


def _balances(stage: Stage, expected: Mapping[str, Any]) -> Iterator[Difference]:
    held = dict(Account.objects.filter(code__in=expected).values_list("code", "balance"))
    for code, balance in expected.items():
        yield from _differs(f"balances.{code}", balance, held.get(code, Decimal(0)))


def _takeovers(stage: Stage, expected: Mapping[str, Any]) -> Iterator[Difference]:
    known = {takeover.reference: takeover for takeover in Takeover.objects.filter(reference__in=expected)}
    for reference, figures in expected.items():
        if reference not in known:
            yield Difference(f"takeovers.{reference}", "a takeover", "none")
            continue
        for name, value in figures.items():
            yield from _differs(f"takeovers.{reference}.{name}", value, _figure(known[reference], name))


def _figure(takeover: Takeover, name: str) -> object:
    """Until it is closed a takeover's result is the one so far, and nobody has paid or got a part of it."""
    if name == "result" and takeover.result is None:
        return takeover.running_result
    column = FIGURE_ALIASES.get(name, name)
    value = getattr(takeover, column, None)
    return Decimal(0) if value is None and column in (*GAIN_PARTS, *LOSS_PARTS) else value


def _cycles(stage: Stage, expected: Mapping[str, Any]) -> Iterator[Difference]:
    for number, figures in expected.items():
        cycle = _cycle(stage, number)
        if cycle is None:
            yield Difference(f"cycles.{number}", "a cycle", "none")
            continue
        for name, value in figures.items():
            yield from _differs(f"cycles.{number}.{name}", value, _cycle_figure(cycle, FIGURE_ALIASES.get(name, name)))


def _cycle_figure(cycle: Cycle, name: str) -> object:
    """Until it is settled a cycle has the losses told so far, and nobody has been charged."""
    value = getattr(cycle, name, None)
    if value is None and cycle.status != Cycle.Status.SETTLED:
        if name in ("allocated", "levy_surplus", "residue"):
            return Decimal(0)
        losses = of_cycle(cycle)
        if name == "fund_paid":
            return EXACT.add(losses.fund_paid, losses.reserved_used)
        return getattr(losses, name, None)
    return value


def _allocations(stage: Stage, expected: Mapping[str, Any]) -> Iterator[Difference]:
    for number, amounts in expected.items():
        cycle = _cycle(stage, number)
        if cycle is None:
            yield Difference(f"allocations.{number}", "a cycle", "none")
            continue
        # What was taken back is with the traders again.
        rows = Allocation.objects.filter(cycle=cycle, cycle__status=Cycle.Status.SETTLED, run=F("cycle__run"))
        allocated = dict(rows.values_list("position", "amount"))
        for position, amount in amounts.items():
            yield from _differs(f"allocations.{number}.{position}", amount, allocated.get(position, Decimal(0)))


def _inventory(stage: Stage, expected: Mapping[str, Any]) -> Iterator[Difference]:
    held = {each.contract: each for each in holdings.held(find(stage.fund_code).pk)}
    for contract, figures in expected.items():
        for name, value in figures.items():
            nothing = Decimal(0) if name in ("quantity", "exposure", "unrealised") else None
            actual = getattr(held[contract], name) if contract in held else nothing
            yield from _differs(f"inventory.{contract}.{name}", value, actual)


def _queues(stage: Stage, expected: Mapping[str, Any]) -> Iterator[Difference]:
    """The traders in their order; who stands behind the one that the takeover's rest reaches may be left out."""
    for reference, traders in expected.items():
        takeover = Takeover.objects.select_related("contract", "rulebook").filter(reference=reference).first()
        if takeover is None:
            yield Difference(f"adl_queue.{reference}", "a takeover", "none")
            continue
        if not traders and reference in stage.not_due and reference not in stage.queues:
            continue
        try:
            queue, reached = stage.queues.get(reference) or queued_traders(takeover)
        except Refused as refused:
            # There is no order: nobody stands in it.
            if traders:
                yield Difference(f"adl_queue.{reference}", ", ".join(traders), f"refused {refused}")
            continue
        if not (list(traders) == queue[: len(traders)] and len(traders) >= min(reached, len(queue))):
            yield Difference(f"adl_queue.{reference}", ", ".join(traders), ", ".join(queue) or "nobody")


def _cycle(stage: Stage, number: str) -> Cycle | None:
    known = Cycle.objects.filter(fund__code=stage.fund_code)
    return known.filter(number=int(number)).first() if number.isdecimal() else None


def _differs(where: str, expected: object, actual: object) -> Iterator[Difference]:
    if _value(expected) != _value(actual):
        yield Difference(where, _shown(expected), _shown(actual))


def _value(value: object) -> object:
    """Numbers compare as numbers, however they are written."""
    if isinstance(value, str):
        try:
            return Fraction(Decimal(value))
        except (InvalidOperation, ValueError, OverflowError):
            return value
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return Fraction(value)
    return value


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return plain(value) if isinstance(value, Decimal) else str(value)


_CHECKS: Mapping[str, Callable[[Stage, Mapping[str, Any]], Iterator[Difference]]] = {
    "balances": _balances,
    "takeovers": _takeovers,
    "cycles": _cycles,
    "allocations": _allocations,
    "inventory": _inventory,
    "adl_queue": _queues,
}
