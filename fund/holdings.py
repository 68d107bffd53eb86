"""What the fund holds of its own: exposure and result at mark, beside its cash. Reads only."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.db.models import QuerySet

from fund.models import InventoryPosition
from fund.rules import ContractKind, PositionSide, notional, profit_and_loss
from ledger.money import EXACT


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What the fund must know of a contract. `currency` is the margin currency and the fund's, with its `decimals`."""

    contract: str
    kind: ContractKind
    multiplier: Decimal
    currency: str
    decimals: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """One position as it stands. `exposure`: its notional at mark; `unrealised`: what disposing of it there brings.

    Both are at the carrying price where no mark is known. In the margin currency, exact.
    """

    contract: str
    side: PositionSide
    quantity: Decimal
    carrying_price: Fraction
    mark_price: Decimal | None
    exposure: Fraction
    unrealised: Fraction


@dataclass(frozen=True, slots=True)
class Total:
    """All that a fund holds, in its currency, exact; `unrealised` is None where the mark of a part is not known."""

    exposure: Fraction = Fraction(0)
    unrealised: Fraction | None = Fraction(0)

    def with_(self, held: Held) -> "Total":
        exposure = self.exposure + held.exposure
        if self.unrealised is None or held.mark_price is None:
            return Total(exposure, None)
        return Total(exposure, self.unrealised + held.unrealised)


def held(fund_id: int) -> list[Held]:
    """What the fund holds, by contract."""
    return [held_of(position) for position in _open(fund_id)]


def totals(fund_ids: Collection[int]) -> Mapping[int, Total]:
    """What each of the funds holds in all; funds that hold nothing are left out. One query, whatever their number."""
    found: dict[int, Total] = {}
    for position in InventoryPosition.objects.filter(fund_id__in=fund_ids, quantity__gt=0):
        found[position.fund_id] = found.get(position.fund_id, Total()).with_(held_of(position))
    return found


def notional_with(*, fund_id: int, terms: Terms, side: PositionSide, quantity: Decimal, price: Decimal) -> Fraction:
    """Notional of everything that the fund would hold with this beside it, at carrying prices: what
    `max_notional_share` limits. The other side of what it holds makes that smaller first."""
    others, added = Fraction(0), quantity
    for position in _open(fund_id):
        if position.contract == terms.contract and position.side != side:
            closed = min(position.quantity, quantity)
            position.quantity = EXACT.subtract(position.quantity, closed)
            added = EXACT.subtract(quantity, closed)
        others += _notional(position, carrying(position))
    if not (added and price):
        return others
    return others + notional(kind=terms.kind, quantity=added, multiplier=terms.multiplier, price=price)


def carrying(position: InventoryPosition) -> Fraction:
    """Exact average carrying price of a position that holds something."""
    return Fraction(position.carrying_exact)


def _open(fund_id: int) -> QuerySet[InventoryPosition]:
    return InventoryPosition.objects.filter(fund_id=fund_id, quantity__gt=0).order_by("contract")


def held_of(position: InventoryPosition) -> Held:
    """A position that holds something, as it stands."""
    carried = carrying(position)
    price = Fraction(position.mark_price) if position.mark_price is not None else carried
    return Held(
        contract=position.contract,
        side=PositionSide(position.side),
        quantity=position.quantity,
        carrying_price=carried,
        mark_price=position.mark_price,
        exposure=_notional(position, price),
        unrealised=profit_and_loss(
            kind=ContractKind(position.kind),
            side=PositionSide(position.side),
            quantity=position.quantity,
            multiplier=position.multiplier,
            entry_price=carried,
            exit_price=price,
        ),
    )


def _notional(position: InventoryPosition, price: Fraction) -> Fraction:
    return notional(
        kind=ContractKind(position.kind), quantity=position.quantity, multiplier=position.multiplier, price=price
    )
