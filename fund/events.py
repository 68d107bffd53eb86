"""What the fund tells of itself. Names and fields are API: docs/events.md is made of them."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from fund.models import Cycle, Fund, InventoryMovement, RulebookVersion, Shortfall, Surplus, Transfer
from ledger.events.kinds import Happened, Kind
from ledger.models import Entry
from ledger.money import EXACT

_RESULT = ("source_kind", "source_id", "currency")
_TRANSFER = ("reference", "amount", "currency", "source", "requested_by", "decided_by")
_SURPLUS = (*_RESULT, "result", "penalty", "injected", "to_vault", "to_trader", "to_fees", "repaid")
_LOSS = (*_RESULT, "loss", "fund_paid", "reserved_used", "to_allocate", "treasury_paid", "carried")
_CARRIED = (*_RESULT, "amount")
_SETTLED = (
    *("loss", "fund_paid", "treasury_paid", "to_allocate", "allocated", "levy_surplus", "residue", "carried"),
    *("participants", "profit_total", "settled_at"),
)
_CYCLE = ("cycle", "number", "starts_at", "ends_at")
_INVENTORY = ("reference", "contract", "side", "quantity", "price", "fee", "realised")

OPENED = Kind("fund.opened", "A fund is opened.", ("currency", "cycle_seconds"))
RULEBOOK = Kind(
    "rulebook.published",
    "A version of a rulebook is published; it holds from `effective_from`.",
    ("version", "preset", "effective_from", "published_by"),
)
CONTRIBUTION = Kind("fund.contribution", "The house puts money into a fund.", _TRANSFER)
WITHDRAWAL_REQUESTED = Kind("fund.withdrawal_requested", "Money is asked for; nothing has moved.", _TRANSFER)
WITHDRAWAL = Kind("fund.withdrawal", "A second person has approved: the money is booked.", _TRANSFER)
WITHDRAWAL_REJECTED = Kind("fund.withdrawal_rejected", "A request is turned down.", _TRANSFER)
ENTRY_REVERSED = Kind(
    "fund.entry_reversed",
    "A contribution, a withdrawal or an absorbed deficit is taken back by its entry.",
    ("entry", "entry_kind", "reference"),
)
INJECTION = Kind("fund.injection", "A surplus is shared; what the fund gets is `injected` and its penalty.", _SURPLUS)
SURPLUS_REVERSED = Kind("fund.surplus_reversed", "The sharing of a surplus is taken back.", _SURPLUS)
PAYOUT = Kind("fund.payout", "The fund pays for a loss: `fund_paid`, and what it had set aside for it.", _LOSS)
LOSS_REVERSED = Kind("fund.loss_reversed", "The sharing of a loss is taken back.", _LOSS)
CARRIED = Kind("deficit.carried", "A loss that nobody has paid is carried.", _CARRIED)
REPAID = Kind("deficit.repaid", "An injection repays a part of the deficit.", _CARRIED)
ABSORBED = Kind("deficit.absorbed", "The house takes a part of the deficit on itself.", ("reference", "amount"))
CYCLE_OPENED = Kind("cycle.opened", "A settlement cycle is opened.", _CYCLE)
CYCLE_ENDED = Kind("cycle.ended", "Its time is over, or it was ended by hand: it can be settled.", _CYCLE)
CYCLE_POSITIONS = Kind("cycle.positions_complete", "Its positions are frozen.", (*_CYCLE, "count", "total"))
CYCLE_SETTLED = Kind("cycle.settled", "Its loss is shared and booked.", (*_CYCLE, "run", *_SETTLED))
CYCLE_REVERSED = Kind("cycle.reversed", "Its settlement is taken back, to be made anew.", (*_CYCLE, "run", "reference"))
ACQUIRED = Kind("inventory.acquired", "The fund takes over a position.", _INVENTORY)
DISPOSED = Kind("inventory.disposed", "The fund gives a position out.", _INVENTORY)
RESTORED = Kind("inventory.reversed", "The last change of the inventory is taken back.", ("reference", "contract"))

KINDS = (
    *(OPENED, RULEBOOK, CONTRIBUTION, WITHDRAWAL_REQUESTED, WITHDRAWAL, WITHDRAWAL_REJECTED, ENTRY_REVERSED),
    *(INJECTION, SURPLUS_REVERSED, PAYOUT, LOSS_REVERSED, CARRIED, REPAID, ABSORBED),
    *(CYCLE_OPENED, CYCLE_ENDED, CYCLE_POSITIONS, CYCLE_SETTLED, CYCLE_REVERSED),
    *(ACQUIRED, DISPOSED, RESTORED),
)


def of_fund(fund: Fund) -> Happened:
    told = {"currency": fund.currency_id, "cycle_seconds": fund.cycle_seconds}
    return OPENED.happened(told, stream=fund.code, at=fund.created_at)


def of_rulebook(version: RulebookVersion, fund: Fund) -> Happened:
    told = {name: getattr(version, name) for name in RULEBOOK.fields}
    return RULEBOOK.happened(told, stream=fund.code, at=version.published_at)


def of_transfer(kind: Kind, transfer: Transfer, fund: Fund, *, at: datetime) -> Happened:
    told = {"currency": fund.currency_id}
    told = {name: told.get(name) or getattr(transfer, name) for name in _TRANSFER}
    return kind.happened(told, stream=fund.code, at=at)


def of_entry_reversed(entry: Entry, *, fund_code: str, reference: str, at: datetime) -> Happened:
    told = {"entry": entry.reference, "entry_kind": entry.kind, "reference": reference}
    return ENTRY_REVERSED.happened(told, stream=fund_code, at=at)


def of_absorbed(*, fund_code: str, reference: str, amount: Decimal, at: datetime) -> Happened:
    return ABSORBED.happened({"reference": reference, "amount": amount}, stream=fund_code, at=at)


def of_results(rows: Iterable[Surplus | Shortfall]) -> list[Happened]:
    """What surpluses brought the fund and repaid, what it paid of losses and what was carried of them."""
    told: list[Happened] = []
    for row in rows:
        if isinstance(row, Surplus):
            told.append(_figures(INJECTION, row, at=row.effective_at))
            told += [_amount(REPAID, row, row.repaid)] if row.repaid else []
            continue
        if row.fund_paid or row.reserved_used:
            told.append(_figures(PAYOUT, row, at=row.effective_at))
        told += [_amount(CARRIED, row, row.carried)] if row.carried else []
    return told


def of_result_reversed(row: Surplus | Shortfall, *, at: datetime) -> Happened:
    return _figures(SURPLUS_REVERSED if isinstance(row, Surplus) else LOSS_REVERSED, row, at=at)


def of_cycle(kind: Kind, cycle: Cycle, *, at: datetime, **beside: object) -> Happened:
    told = {name: getattr(cycle, name) for name in _CYCLE[1:]}
    return kind.happened({"cycle": cycle.pk, **told, **beside}, stream=cycle.fund.code, at=at)


def of_positions(cycle: Cycle, *, at: datetime) -> Happened:
    beside = {"count": cycle.positions_count, "total": cycle.positions_profit}
    return of_cycle(CYCLE_POSITIONS, cycle, at=at, **beside)


def of_settlement(
    cycle: Cycle, *, source_id: str, from_fund: Decimal, carried: Decimal, repaid: Decimal
) -> list[Happened]:
    """A settled cycle; before it what the settlement itself brought to the fund, took from it, carried and repaid."""
    assert cycle.settled_at is not None, f"{cycle} is settled"
    assert cycle.levy_surplus is not None, f"{cycle} is settled"
    rows: list[Surplus | Shortfall] = []
    if cycle.levy_surplus:
        rows.append(Surplus(result=cycle.levy_surplus, injected=cycle.levy_surplus, repaid=repaid))
    if from_fund or carried:
        rows.append(Shortfall(loss=EXACT.add(from_fund, carried), fund_paid=from_fund, carried=carried))
    for row in rows:
        row.fund, row.effective_at, row.source_kind, row.source_id = cycle.fund, cycle.settled_at, "cycle", source_id
    figures = {name: getattr(cycle, name) for name in ("run", *_SETTLED)}
    return [*of_results(rows), of_cycle(CYCLE_SETTLED, cycle, at=cycle.settled_at, **figures)]


def of_movement(kind: Kind, movement: InventoryMovement) -> Happened:
    told = {name: getattr(movement, name) for name in _INVENTORY}
    return kind.happened(told, stream=movement.fund.code, at=movement.effective_at)


def of_movement_reversed(movement: InventoryMovement, *, at: datetime) -> Happened:
    told = {"reference": movement.reference, "contract": movement.contract}
    return RESTORED.happened(told, stream=movement.fund.code, at=at)


def _figures(kind: Kind, row: Surplus | Shortfall, *, at: datetime) -> Happened:
    # A row that was not read back has the whole numbers of its defaults.
    figures = {name: Decimal(getattr(row, name)) for name in kind.fields[len(_RESULT) :]}
    return kind.happened({**_result(row), **figures}, stream=row.fund.code, at=at)


def _amount(kind: Kind, row: Surplus | Shortfall, amount: Decimal) -> Happened:
    return kind.happened({**_result(row), "amount": amount}, stream=row.fund.code, at=row.effective_at)


def _result(row: Surplus | Shortfall) -> dict[str, object]:
    return {"source_kind": row.source_kind, "source_id": row.source_id, "currency": row.fund.currency_id}
