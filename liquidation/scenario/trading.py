"""Events of a story that the engine reports: each makes the one domain call that the API's view of it makes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fund.open_positions import replace_from_documents
from fund.rulebook import AdlQueue
from ledger.money import parse_number
from liquidation import inventory
from liquidation.closes import close_takeover
from liquidation.deleveraging import Counterparty, report_adl
from liquidation.fills import FillReport, report_fills
from liquidation.models import Side
from liquidation.scenario.reading import Event
from liquidation.scenario.stage import Stage, needed, number, objects, optional, reference_of, text
from liquidation.takeovers import TakeoverReport, report_takeovers
from liquidation.unfilled import report_unfilled


def takeover(stage: Stage, event: Event) -> None:
    report = TakeoverReport(
        reference=reference_of(event),
        contract=str(event.values.get("contract", stage.first_contract)),
        trader=text(event, "trader"),
        side=text(event, "side"),
        quantity=number(event, "quantity"),
        bankruptcy_price=optional(event, "bankruptcy_price"),
        margin=number(event, "margin"),
        taken_over_at=event.stated_at,
        entry_price=optional(event, "entry_price"),
        mark_price=optional(event, "mark_price"),
    )
    report_takeovers([report], recorded_at=event.at)


def fill(stage: Stage, event: Event) -> None:
    report = FillReport(
        reference=reference_of(event),
        takeover=text(event, "takeover"),
        quantity=number(event, "quantity"),
        price=optional(event, "price"),
        pnl=optional(event, "pnl"),
        fee=optional(event, "fee") or Decimal(0),
        filled_at=event.stated_at,
    )
    report_fills([report], recorded_at=event.at)


def close(stage: Stage, event: Event) -> None:
    reference = event.values.get("takeover", event.reference)
    closed = close_takeover(reference=str(reference), closed_at=event.at)
    if event.reference is not None:
        noun = "close" if closed.closes == 1 else f"close.{closed.closes}"
        stage.made[event.reference] = f"{noun}:{closed.reference}"


def unfilled(stage: Stage, event: Event) -> None:
    takeover = str(event.values.get("takeover", event.reference))
    answer = report_unfilled(
        reference=takeover,
        reported_at=event.at,
        mark_price=optional(event, "mark_price"),
        listed=[str(each) for each in event.values.get("queue", ())],
    )
    if answer.taken is not None and event.reference is not None:
        stage.made[event.reference] = answer.taken.reference
    if answer.ranking is None:
        stage.not_due.add(takeover)
    elif answer.ranking.queued:
        traders = [row.trader for row in answer.ranking.queued]
        stage.queues.setdefault(takeover, (traders, len(answer.ranking.cut.fills)))


def adl(stage: Stage, event: Event) -> None:
    takeover = text(event, "takeover")
    fills = [
        Counterparty(
            trader=str(fill["trader"]),
            quantity=parse_number(fill["quantity"]),
            entry_price=None if fill.get("entry_price") is None else parse_number(fill["entry_price"]),
            position=str(fill.get("position", "")),
        )
        for fill in objects(event, "fills", required=("trader", "quantity"))
    ]
    known = report_adl(
        reference=reference_of(event),
        takeover=takeover,
        fills=fills,
        occurred_at=event.stated_at,
        mark_price=optional(event, "mark_price"),
        recorded_at=event.at,
    )
    evidence = known.deleveraging.evidence
    rows = [row["trader"] for row in evidence["rows"]]
    if not rows and evidence["queue"] == AdlQueue.EXTERNAL:
        # The venue's own list: whom it has closed, in its order.
        rows = [each.trader for each in fills]
    if rows:
        stage.queues.setdefault(takeover, (rows, len(rows)))


def dispose(stage: Stage, event: Event) -> None:
    inventory.dispose(
        reference=reference_of(event),
        contract=str(event.values.get("contract", stage.first_contract)),
        price=number(event, "price"),
        quantity=number(event, "quantity"),
        fee=optional(event, "fee") or Decimal(0),
        disposed_at=event.stated_at,
        recorded_at=event.at,
    )


def mark(stage: Stage, event: Event) -> None:
    contract = str(event.values.get("contract", stage.first_contract))
    price = number(event, "mark_price" if "mark_price" in event.values else "price")
    inventory.mark(contract=contract, price=price, marked_at=event.at)


def positions_open(stage: Stage, event: Event) -> None:
    """A row without a contract belongs to the first one."""
    replace_from_documents(
        fund_code=stage.fund_code,
        rows=(_with_contract(row, stage.first_contract) for row in needed(event, "rows")),
    )


def _with_contract(row: Any, contract: str) -> Any:
    if isinstance(row, Mapping):
        return {**row, "contract": row.get("contract") or contract}
    if not isinstance(row, list) or len(row) < 3:
        return row
    left_out = row[2] in Side.values
    return [*row[:2], contract, *row[2:]] if left_out else [*row[:2], row[2] or contract, *row[3:]]
