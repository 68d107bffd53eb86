"""A close order that nobody took: what the rulebook does next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from fund import adl, holdings, inventory
from fund.holdings import Terms
from fund.inventory import Change
from fund.models import InventoryMovement
from fund.rulebook import TakeoverValuation
from fund.rules import falls_short
from ledger.events.recording import record
from ledger.money import EXACT
from ledger.transactions import retried
from liquidation import errors, events, evidence
from liquidation.contracts import kind_of
from liquidation.engine import ZERO, Engine
from liquidation.models import Contract, Fill, Takeover
from liquidation.ranking import Ranking, mark_of, rank
from liquidation.rules import PositionSide, adl_is_due, profit_and_loss
from liquidation.values import check_positive


class Next(StrEnum):
    """What the rulebook does with what is left: the fund took it over, counterparties are closed, or keep selling."""

    INVENTORY = "inventory"
    ADL = "adl"
    MARKET = "market"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfilled:
    """`quantity` is what it is about; `ranking` the queue where ADL is next; `taken` what came into the inventory."""

    takeover: Takeover
    next: Next
    quantity: Decimal
    ranking: Ranking | None = None
    taken: InventoryMovement | None = None

    @property
    def price(self) -> Decimal | None:
        """At which the fund took it over, or at which counterparties are to be closed."""
        priced = self.taken or self.ranking
        return priced.price if priced else None


@retried
def report_unfilled(
    *,
    reference: str,
    reported_at: datetime,
    mark_price: Decimal | None = None,
    listed: Sequence[str] = (),
    recorded_at: datetime | None = None,
) -> Unfilled:
    """What nobody took of a takeover goes to the fund's inventory at once where the rulebook and the fund have room
    for it, else to ADL where its trigger holds: then the answer is the queue, kept for the `report_adl` that tells what
    came of it.

    `mark_price` of the contract now, where the venue tells it; `listed`: the exchange's own order, for an external
    queue. Told again it answers from what is known now.
    Raises NotFound `takeover_unknown`; Refused `takeover_closed`, `takeover_reversed`, `price_not_positive`,
    `mark_price_missing`; of the queue `adl_input_missing`, `adl_position_unknown`, `adl_position_repeated`.
    """
    if mark_price is not None:
        check_positive("mark_price", mark_price)
    engine = Engine([reference], recorded_at=recorded_at or reported_at)
    takeover = engine.takeover(reference)
    transfers = list(takeover.fills.filter(kind=Fill.Kind.INVENTORY).order_by("id"))
    if takeover.status == Takeover.Status.CLOSED and transfers and transfers[-1].reversed_at is None:
        return _taken(takeover, transfers[-1])
    engine.open_takeover(reference)
    if not takeover.remaining:
        raise errors.takeover_closed(reference)

    engine.lock_funds([takeover.contract.fund_id])
    takeover.unfilled_at = reported_at
    engine.changed(takeover)
    quantity, mark = takeover.remaining, mark_of(takeover, mark_price)
    price = _transfer_price(engine, takeover, mark)
    if price is not None and _has_room(engine, takeover, price):
        name = "unfilled" if not transfers else f"unfilled.{len(transfers) + 1}"
        fill = _transfer(engine, takeover, price, f"{name}:{reference}", reported_at, mark)
        if mark_price is not None:
            inventory.mark(
                fund_id=takeover.contract.fund_id,
                terms=terms_of(takeover.contract),
                price=mark_price,
                marked_at=reported_at,
            )
        engine.book()
        return _taken(takeover, fill)
    ranking = None
    if _adl_is_due(engine, takeover, mark, inventory_refused=price is not None, at=reported_at):
        ranking = rank(takeover, engine.rulebook(takeover), quantity=quantity, mark_price=mark_price, listed=listed)
    engine.book()
    if ranking is not None:
        evidence.keep(takeover, ranking, answered_at=reported_at, recorded_at=engine.recorded_at)
        record([events.of_adl_required(takeover, ranking, at=reported_at)])
    return Unfilled(takeover=takeover, next=Next.ADL if ranking else Next.MARKET, quantity=quantity, ranking=ranking)


def _taken(takeover: Takeover, fill: Fill) -> Unfilled:
    taken = InventoryMovement.objects.get(kind=InventoryMovement.Kind.ACQUIRED, reference=fill.reference)
    return Unfilled(takeover=takeover, next=Next.INVENTORY, quantity=fill.quantity, taken=taken)


def terms_of(contract: Contract) -> Terms:
    """What the fund's inventory must know of a contract."""
    return Terms(
        contract=contract.symbol,
        kind=kind_of(contract),
        multiplier=contract.multiplier,
        currency=contract.margin_currency_id,
        decimals=contract.margin_currency.decimals,
    )


def _transfer_price(engine: Engine, takeover: Takeover, mark: Decimal | None) -> Decimal | None:
    """At which the fund would take it over: at B, or at mark where the rulebook values so. None: it takes nothing."""
    rulebook = engine.rulebook(takeover)
    if rulebook.inventory is None:
        return None
    if rulebook.takeover_valuation is TakeoverValuation.BANKRUPTCY:
        at_bankruptcy: Decimal = takeover.bankruptcy_price
        return at_bankruptcy
    if mark is None:
        raise errors.mark_price_missing(f"takeover {takeover.reference}")
    return mark


def _has_room(engine: Engine, takeover: Takeover, price: Decimal) -> bool:
    """Whether all of it fits: with what the fund holds already, within the rulebook's share of the fund's balance."""
    contract, rules = takeover.contract, engine.rulebook(takeover).inventory
    assert rules is not None, f"{takeover.rulebook} has no inventory"
    held = holdings.notional_with(
        fund_id=contract.fund_id,
        terms=terms_of(contract),
        side=PositionSide(takeover.side),
        quantity=takeover.remaining,
        price=price,
    )
    # What is set aside for this takeover comes back where the fund takes it over.
    balance = EXACT.add(engine.movements.balance(contract.fund_id), takeover.compensation)
    return held <= Fraction(rules.max_notional_share) * Fraction(balance)


def _transfer(
    engine: Engine, takeover: Takeover, price: Decimal, reference: str, at: datetime, mark: Decimal | None
) -> Fill:
    contract, quantity = takeover.contract, takeover.remaining
    change = Change(
        reference=reference,
        side=PositionSide(takeover.side),
        quantity=quantity,
        price=price,
        fee=ZERO,
        effective_at=at,
        recorded_at=engine.recorded_at,
        mark_price=mark,
    )

    def acquire() -> None:
        inventory.acquire(
            engine.movements,
            fund_id=contract.fund_id,
            terms=terms_of(contract),
            version=takeover.rulebook,
            rulebook=engine.rulebook(takeover),
            change=change,
            given_at=takeover.bankruptcy_price,
        )

    engine.then(acquire)
    return engine.close_part(
        takeover,
        reference=reference,
        kind=Fill.Kind.INVENTORY,
        quantity=quantity,
        # At B, whatever it is worth: that is the fund's. And a bankruptcy price of 0 is no price of a fill.
        price=takeover.bankruptcy_price or None,
        pnl=None if takeover.bankruptcy_price else ZERO,
        fee=ZERO,
        filled_at=at,
        entry_kind=inventory.TRANSFER,
    )


def _adl_is_due(
    engine: Engine, takeover: Takeover, mark: Decimal | None, *, inventory_refused: bool, at: datetime
) -> bool:
    rulebook, contract = engine.rulebook(takeover), takeover.contract
    if rulebook.adl is None:
        return False
    balance = engine.movements.balance(contract.fund_id)
    expected = Fraction(takeover.running_result)
    if mark is not None:
        expected += profit_and_loss(
            kind=kind_of(contract),
            side=PositionSide(takeover.side),
            quantity=takeover.remaining,
            multiplier=contract.multiplier,
            entry_price=takeover.bankruptcy_price,
            exit_price=mark,
        )
    return adl_is_due(
        rulebook.adl,
        fund_insufficient=inventory_refused
        or falls_short(
            max(-expected, Fraction(0)), fund_balance=balance, rulebook=rulebook, reserved=takeover.compensation
        ),
        fallen=lambda: adl.drawdown(fund_code=contract.fund.code, balance=balance, at=at),
    )
