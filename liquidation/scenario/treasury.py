"""Events of a story that move money in and out, or say how the fund works."""

from fund import deficits, rulebooks, transfers
from fund.errors import amount_not_positive
from ledger import chart
from ledger.manual import ManualEntry, record_entries
from ledger.posting import Line
from liquidation.scenario.reading import Event
from liquidation.scenario.stage import Stage, number, reference_of, text
from liquidation.scenario.vocabulary import REMARKS, TIMES

# In whose name the fund's money moves where an event names nobody: nobody whom an event would name as the second.
REQUESTER = "the story itself"


def trader_transfer(stage: Stage, event: Event, kind: str) -> None:
    currency = str(event.values.get("currency", stage.currency))
    trader, amount = chart.trader(text(event, "trader"), currency), number(event, "amount")
    if amount <= 0:
        raise amount_not_positive(amount)
    custody = chart.custody(currency)
    debited, credited = (custody, trader) if kind == "deposit" else (trader, custody)
    entry = ManualEntry(
        reference=reference_of(event),
        kind=kind,
        lines=[Line(debited, debit=amount), Line(credited, credit=amount)],
        effective_at=event.stated_at,
        description=str(event.values.get("description", "")),
    )
    record_entries([entry], recorded_at=event.at)


def deposit(stage: Stage, event: Event) -> None:
    trader_transfer(stage, event, "deposit")


def contribution(stage: Stage, event: Event) -> None:
    amount = number(event, "amount")
    if amount:
        transfers.contribute(
            reference=reference_of(event),
            fund_code=stage.fund_code,
            amount=amount,
            source=str(event.values.get("source", "treasury")),
            requested_by=str(event.values.get("requested_by", REQUESTER)),
            effective_at=event.at,
        )


def withdrawal(stage: Stage, event: Event) -> None:
    """Of a trader where it names one, else of the fund: requested, and decided on where it says by whom."""
    if "trader" in event.values:
        trader_transfer(stage, event, "withdrawal")
        return
    reference = reference_of(event)
    transfers.request_withdrawal(
        reference=reference,
        fund_code=stage.fund_code,
        amount=number(event, "amount"),
        source=str(event.values.get("source", "treasury")),
        requested_by=str(event.values.get("requested_by", REQUESTER)),
        requested_at=event.at,
    )
    if event.values.get("approved_by") is not None:
        transfers.approve_withdrawal(reference=reference, approved_by=text(event, "approved_by"), decided_at=event.at)
    elif event.values.get("rejected_by") is not None:
        transfers.reject_withdrawal(reference=reference, rejected_by=text(event, "rejected_by"), decided_at=event.at)


def house_absorbed(stage: Stage, event: Event) -> None:
    reference = reference_of(event)
    deficits.absorb(
        reference=reference,
        fund_code=stage.fund_code,
        amount=number(event, "amount"),
        effective_at=event.at,
    )
    stage.made[reference] = f"{deficits.KIND}:{reference}"


def rulebook(stage: Stage, event: Event) -> None:
    """From here on. Its fields stand in the event itself or in `rulebook`; without a preset, the fund's first."""
    own = {name: value for name, value in event.values.items() if name not in ("type", "reference", *TIMES, *REMARKS)}
    fields = dict(own.pop("rulebook", own))
    rulebooks.publish(
        fund_code=stage.fund_code,
        preset=str(fields.pop("preset", stage.preset)),
        fields=fields,
        effective_from=event.stated_at,
        published_at=event.at,
        published_by=REQUESTER,
        reference=event.reference,
    )
