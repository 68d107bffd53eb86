"""The fund's own positions: disposals, and how much the fund carries."""

from decimal import Decimal
from fractions import Fraction

from liquidation import corrections
from liquidation.contracts import add_contract
from liquidation.inventory import dispose
from tests.builders import moment
from tests.properties.model import CURRENCY, FUND, Contract, Model
from tests.properties.rulebooks import Published
from tests.properties.venue.books import decimal_of
from tests.properties.venue.contracts import BY_SYMBOL
from tests.properties.venue.rulebooks import Rulebooks


class Inventory(Rulebooks):
    """With the contracts in which there are any positions."""

    def __init__(self, *, decimals: int, published: Published) -> None:
        super().__init__(decimals=decimals, published=published)
        self._contracts: set[str] = set()

    def dispose(self, symbol: str, quantity: Decimal, *, price: Decimal, fee: Decimal) -> None:
        reference, at = self._reference("d"), self.now
        rulebook, contract = self.in_force(at), BY_SYMBOL[symbol]
        if symbol not in self._contracts:
            self._add_contract(contract)

        def event() -> object:
            return dispose(
                reference=reference,
                contract=symbol,
                price=price,
                quantity=quantity,
                fee=fee,
                disposed_at=at,
                recorded_at=at,
            )

        def expected(model: Model) -> None:
            model.dispose(
                reference, contract, Fraction(quantity), price=Fraction(price), fee=Fraction(fee), rulebook=rulebook
            )

        if quantity > self.model.held[symbol].quantity:
            self.refused("inventory_insufficient", event)
        else:
            self.tell(event, expected)

    def reverse_disposal(self, disposal: str) -> None:
        self._correct(
            lambda named, at: corrections.reverse_disposal(disposal, reference=named, effective_at=at),
            lambda model: model.reverse_disposal(disposal),
        )

    def _add_contract(self, contract: Contract) -> None:
        """At the first need of it: most stories trade one, and each is a call of a service."""
        add_contract(
            symbol=contract.symbol,
            kind=contract.kind,
            margin_currency=CURRENCY,
            multiplier=decimal_of(contract.multiplier),
            fund_code=FUND,
            created_at=moment(),
        )
        self._contracts.add(contract.symbol)

    def _carried_with(self, contract: Contract, side: int, quantity: Fraction, price: Fraction) -> Fraction:
        """Notional of the fund's own positions, at carrying prices, with this one beside them."""
        size = Fraction(0)
        for symbol, held in self.model.held.items():
            left = held.quantity
            if symbol == contract.symbol and held.side == -side:
                left -= min(held.quantity, quantity)
                quantity -= held.quantity - left
            size += BY_SYMBOL[symbol].notional(left, held.price) if left else 0
        return size + (contract.notional(quantity, price) if price else 0)
