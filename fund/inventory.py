"""The fund's own positions: taken over at an average carrying price, marked, disposed of.

Taking a position over at the bankruptcy price moves no money; at mark the fund pays what it is worth less, or gets what
it is worth more. Its result is the fund's when it is disposed of, against the carrying price.
Source: accounting.md, inventory.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from fund import events
from fund.holdings import Terms, carrying
from fund.models import InventoryMovement, InventoryPosition, RulebookVersion
from fund.movements import Movements
from fund.planning import INVENTORY, Cause
from fund.rulebook import CostPolicy, Rulebook
from fund.rules import Holding, PositionSide, book_for_engine, give_out, profit_and_loss, take_in
from ledger import chart
from ledger.errors import Refused
from ledger.events.recording import record
from ledger.money import EXACT, MAX_DECIMALS, plain, round_half_even
from ledger.posting import Line

ZERO = Decimal(0)
NOUN = "inventory_disposal"
TRANSFER = "inventory_transfer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change of an inventory position: `quantity` of `side` comes in, or goes out, at `price`.

    `mark_price`: of the contract as it came in, where one is known.
    """

    reference: str
    side: PositionSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    effective_at: datetime
    recorded_at: datetime
    mark_price: Decimal | None = None


def acquire(
    movements: Movements,
    *,
    fund_id: int,
    terms: Terms,
    version: RulebookVersion,
    rulebook: Rulebook,
    change: Change,
    given_at: Decimal,
) -> InventoryMovement:
    """Take `change` into the inventory. What it closes of a position on the other side is disposed of at its price.

    The engine gives it at the price `given_at`; what it is worth more or less at its own is the fund's at once, as all
    that its positions bring: no part of the takeover's result. Source: accounting.md, `inventory_transfer`.
    The fund is locked in `movements`, which is posted by the caller.
    """
    position = _locked(fund_id, terms)
    movement = _movement(position, InventoryMovement.Kind.ACQUIRED, version, change)
    held = take_in(
        _holding(position),
        kind=terms.kind,
        multiplier=terms.multiplier,
        side=change.side,
        quantity=change.quantity,
        price=change.price,
    )
    _hold(position, held.holding)
    revalued = profit_and_loss(
        kind=terms.kind,
        side=change.side,
        quantity=change.quantity,
        multiplier=terms.multiplier,
        entry_price=given_at,
        exit_price=change.price,
    )
    movement.realised = book_for_engine(held.realised + revalued, kind=terms.kind, decimals=terms.decimals)
    noun = NOUN if given_at == change.price else TRANSFER
    _book(movements, fund_id=fund_id, terms=terms, version=version, rulebook=rulebook, movement=movement, noun=noun)
    position.save()
    movement.save()
    record([events.of_movement(events.ACQUIRED, movement)])
    return movement


def dispose(
    movements: Movements,
    *,
    fund_id: int,
    terms: Terms,
    version: RulebookVersion,
    rulebook: Rulebook,
    change: Change,
) -> InventoryMovement:
    """Sell `change.quantity` of what the fund holds, or buy it back: clearing ↔ fund by its result, costs to fees.

    Raises Refused `inventory_insufficient`. The fund is locked in `movements`, which is posted by the caller.
    """
    position = _locked(fund_id, terms)
    if change.quantity > position.quantity:
        held = f"{plain(position.quantity)} {position.side}".strip()
        detail = f"contract {terms.contract}: disposal of {plain(change.quantity)} exceeds what the fund holds, {held}"
        raise Refused("inventory_insufficient", detail, field="quantity")
    movement = _movement(position, InventoryMovement.Kind.DISPOSED, version, change)
    holding = _holding(position)
    assert holding, f"{change.quantity} goes out of nothing"
    moved = give_out(
        holding, kind=terms.kind, multiplier=terms.multiplier, quantity=change.quantity, price=change.price
    )
    _hold(position, moved.holding)
    movement.realised = book_for_engine(moved.realised, kind=terms.kind, decimals=terms.decimals)
    _book(movements, fund_id=fund_id, terms=terms, version=version, rulebook=rulebook, movement=movement)
    position.save()
    movement.save()
    record([events.of_movement(events.DISPOSED, movement)])
    return movement


def mark(*, fund_id: int, terms: Terms, price: Decimal, marked_at: datetime) -> InventoryPosition:
    """Note the mark price of a contract, held or not. A mark that is older than the one that is known is left out."""
    position = _locked(fund_id, terms)
    if position.marked_at is None or position.marked_at <= marked_at:
        position.mark_price = price
        position.marked_at = marked_at
        position.save(update_fields=["mark_price", "marked_at"])
    return position


def restore(movement: InventoryMovement, *, reversed_at: datetime) -> None:
    """Undo the last change of a contract's inventory: its position is again what it was before.

    Raises Refused `inventory_moved_on` where a later change stands on it. Money is the caller's to move back.
    """
    later = InventoryMovement.objects.filter(
        fund_id=movement.fund_id, contract=movement.contract, pk__gt=movement.pk, reversed_at=None
    )
    stands_on_it = later.order_by("-pk").first()
    if stands_on_it is not None:
        detail = f"inventory of {movement.contract}: {stands_on_it.reference} came later, reverse it first"
        raise Refused("inventory_moved_on", detail, status=409)
    position = InventoryPosition.objects.select_for_update(no_key=True).get(
        fund_id=movement.fund_id, contract=movement.contract
    )
    position.side = movement.side_before
    position.quantity = movement.quantity_before
    _carry(position, Fraction(movement.carrying_before) if movement.carrying_before else None)
    position.save()
    movement.reversed_at = reversed_at
    movement.save(update_fields=["reversed_at"])
    record([events.of_movement_reversed(movement, at=reversed_at)])


def _locked(fund_id: int, terms: Terms) -> InventoryPosition:
    """The contract's row, made where it is missing. The fund's lock, or the row's, keeps others out."""
    rows = InventoryPosition.objects.select_for_update(no_key=True)
    position, _ = rows.get_or_create(
        fund_id=fund_id,
        contract=terms.contract,
        defaults={"kind": terms.kind.value, "multiplier": terms.multiplier, "quantity": ZERO},
    )
    return position


def _movement(
    position: InventoryPosition, kind: InventoryMovement.Kind, version: RulebookVersion, change: Change
) -> InventoryMovement:
    return InventoryMovement(
        fund_id=position.fund_id,
        contract=position.contract,
        kind=kind,
        reference=change.reference,
        side=change.side.value,
        quantity=change.quantity,
        price=change.price,
        fee=change.fee,
        mark_price=change.mark_price,
        side_before=position.side,
        quantity_before=position.quantity,
        carrying_before=position.carrying_exact,
        rulebook=version,
        effective_at=change.effective_at,
        recorded_at=change.recorded_at,
    )


def _holding(position: InventoryPosition) -> Holding | None:
    if not position.quantity:
        return None
    return Holding(side=PositionSide(position.side), quantity=position.quantity, price=carrying(position))


def _hold(position: InventoryPosition, holding: Holding | None) -> None:
    position.side = holding.side.value if holding else ""
    position.quantity = holding.quantity if holding else ZERO
    _carry(position, holding.price if holding else None)


def _carry(position: InventoryPosition, price: Fraction | None) -> None:
    position.carrying_exact = "" if price is None else str(price)
    position.carrying_price = None if price is None else round_half_even(price, MAX_DECIMALS)


def _book(
    movements: Movements,
    *,
    fund_id: int,
    terms: Terms,
    version: RulebookVersion,
    rulebook: Rulebook,
    movement: InventoryMovement,
    noun: str = NOUN,
) -> None:
    """Clearing ↔ fund by the realised result. Costs come off it, or the house bears them: `cost_policy`."""
    clearing, fees = chart.clearing(terms.contract, terms.currency), chart.fees(terms.currency)
    result, lines = movement.realised, []
    if result:
        lines.append(Line(clearing, debit=result) if result > 0 else Line(clearing, credit=EXACT.minus(result)))
    if movement.fee:
        lines.append(Line(fees, credit=movement.fee))
        if rulebook.cost_policy is CostPolicy.GROSS:
            lines.append(Line(chart.treasury(terms.currency), debit=movement.fee))
        else:
            result = EXACT.subtract(result, movement.fee)
    movements.book_own_result(
        fund_id=fund_id,
        version=version,
        rulebook=rulebook,
        result=result,
        against=lines,
        cause=Cause(kind=INVENTORY, id=movement.reference, noun=noun, run=1, effective_at=movement.effective_at),
    )
