"""What tests of the fund's own positions do and look at."""

from decimal import Decimal

from fund.models import InventoryPosition
from liquidation.inventory import Disposed, dispose
from liquidation.unfilled import Next
from tests.builders import moment
from tests.liquidation.venue import CONTRACT, take_over, unfilled


def sell(reference: str, *, price: str, quantity: str, fee: str = "0", seconds: int = 9) -> Disposed:
    return dispose(
        reference=reference,
        contract=CONTRACT,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(fee),
        recorded_at=moment(seconds),
    )


def position() -> InventoryPosition:
    return InventoryPosition.objects.get(contract=CONTRACT)


def taken(reference: str, *, quantity: str, at_price: str, side: str = "long") -> None:
    take_over(reference, quantity=quantity, at_price=at_price, side=side)
    assert unfilled(reference).next is Next.INVENTORY
