"""What tests of settlements do and look at."""

from fund import settlement
from fund.models import Allocation, Cycle
from fund.settlement import Preview
from ledger.integrity import verify
from ledger.money import plain
from tests.builders import moment
from tests.fund.builders import HOUR, earn, lose, open_cycle, open_fund

# The profits of the example in rulebooks.md, and a loss.
ILLUSTRATION = ("500", "300", "150", "50", "-70")
AFTER = moment(9 * HOUR)


def settle(cycle: Cycle) -> Cycle:
    return settlement.settle_cycle(cycle_id=cycle.pk, settled_at=AFTER)


def reverse(cycle: Cycle, reference: str = "r1") -> Cycle:
    return settlement.reverse_cycle(cycle_id=cycle.pk, reference=reference, effective_at=AFTER)


def settled(*profits: str, loss: str = "1000", contribution: str = "5000", **fields: object) -> Cycle:
    """A settled cycle with one loss, of a fund whose rulebook is `shared_loss` with these fields."""
    open_fund(contribution=contribution, **fields)  # type: ignore[arg-type]
    cycle = open_cycle()
    lose(loss)
    earn(cycle, *profits)
    return settle(cycle)


def shares(cycle: Cycle, *, run: int = 1) -> dict[str, str]:
    """What each participant bears, in rank order."""
    rows = Allocation.objects.filter(cycle=cycle, run=run).order_by("rank")
    return {row.position: plain(row.amount) for row in rows}


def figures(cycle: Cycle | Preview) -> dict[str, str]:
    """The loss and its parts, those that are not 0."""
    names = ("loss", "fund_paid", "treasury_paid", "to_allocate", "allocated", "levy_surplus", "residue", "carried")
    return {name: plain(value) for name in names if (value := getattr(cycle, name))}


def assert_books_hold() -> None:
    verification = verify()
    assert verification.clean, verification.findings
