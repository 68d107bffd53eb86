"""The fund's own positions: disposed of and marked, as the venue reports it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fund import inventory, rulebooks
from fund.inventory import Change
from fund.models import InventoryMovement, InventoryPosition
from fund.movements import Movements
from fund.rules import PositionSide
from ledger.money import plain
from ledger.transactions import retried
from liquidation import contracts, errors
from liquidation.models import Contract
from liquidation.unfilled import terms_of
from liquidation.values import check_amount, check_positive, check_reference


@dataclass(frozen=True, slots=True)
class Disposed:
    """`replayed`: the disposal was known with the same content."""

    movement: InventoryMovement
    replayed: bool


@retried
def dispose(
    *,
    reference: str,
    contract: str,
    price: Decimal,
    quantity: Decimal,
    fee: Decimal = Decimal(0),
    disposed_at: datetime | None = None,
    recorded_at: datetime,
) -> Disposed:
    """Close `quantity` of what the fund holds of a contract: the result against the carrying price is the fund's.

    Raises ReferenceReused; Refused `contract_unknown`, `price_not_positive`, `quantity_not_positive`,
    `inventory_insufficient`, `amount_precision`, `fee_negative`, `reference_malformed`.
    """
    movements, traded = Movements(), contracts.by_symbol([contract]).get(contract)
    if traded is not None:
        movements.lock([traded.fund_id])
    # After the lock: who comes second with the same disposal waits for it, and then finds it.
    known = _known(reference)
    if known is not None:
        told = (contract, price, quantity, fee)
        if (known.contract, known.price, known.quantity, known.fee) != told or (
            disposed_at is not None and disposed_at != known.effective_at
        ):
            what = f"another disposal of {plain(known.quantity)} {contract}"
            elsewhere = known.contract != contract
            raise errors.reference_reused(reference, "a disposal of another contract" if elsewhere else what)
        return Disposed(known, replayed=True)
    if traded is None:
        raise errors.contract_unknown(contract)
    check_reference(reference)
    check_positive("price", price)
    check_positive("quantity", quantity)
    check_amount("fee", fee, traded.margin_currency)
    if fee < 0:
        raise errors.negative("fee", fee)

    at = disposed_at or recorded_at
    version = rulebooks.in_force(traded.fund, at)
    position = InventoryPosition.objects.filter(fund_id=traded.fund_id, contract=contract).first()
    held = PositionSide(position.side) if position is not None and position.side else PositionSide.LONG
    movement = inventory.dispose(
        movements,
        fund_id=traded.fund_id,
        terms=terms_of(traded),
        version=version,
        rulebook=rulebooks.load(version),
        change=Change(
            reference=reference,
            side=held,
            quantity=quantity,
            price=price,
            fee=fee,
            effective_at=at,
            recorded_at=recorded_at,
        ),
    )
    movements.post()
    return Disposed(movement, replayed=False)


@retried
def mark(*, contract: str, price: Decimal, marked_at: datetime) -> InventoryPosition:
    """Note a contract's mark price. Raises Refused `contract_unknown`, `price_not_positive`."""
    traded = _found(contract)
    check_positive("price", price)
    return inventory.mark(fund_id=traded.fund_id, terms=terms_of(traded), price=price, marked_at=marked_at)


def _known(reference: str) -> InventoryMovement | None:
    return InventoryMovement.objects.filter(kind=InventoryMovement.Kind.DISPOSED, reference=reference).first()


def _found(symbol: str) -> Contract:
    contract = contracts.by_symbol([symbol]).get(symbol)
    if contract is None:
        raise errors.contract_unknown(symbol)
    return contract
