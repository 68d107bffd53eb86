"""The ADL queue of a takeover: ranked by its rulebook, cut where its quantity ends, kept as evidence."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from fund import adl
from fund.models import InventoryPosition
from fund.rulebook import Adl, AdlPrice, AdlQueue
from fund.rules import AdlCut, Queued, adl_fills
from ledger.money import EXACT, plain
from liquidation import errors
from liquidation.contracts import kind_of
from liquidation.engine import ZERO, Engine
from liquidation.models import Takeover
from liquidation.rules import PositionSide
from liquidation.values import decimals_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The queue for a takeover as it stands now, and how far into it `quantity` reaches: the cut."""

    policy: Adl
    price: Decimal
    mark_price: Decimal | None
    seed: str | None
    quantity: Decimal
    queued: tuple[Queued, ...]
    cut: AdlCut

    def to_json(self) -> dict[str, object]:
        """The queue down to the cut line with its inputs; numbers as text, a score as an exact fraction."""
        closed = {fill.position: fill.quantity for fill in self.cut.fills}
        down_to = max((row.rank for row in self.queued if row.position in closed), default=0)
        return {
            "queue": self.policy.queue.value,
            "price_policy": self.policy.price.value,
            "mark_price": None if self.mark_price is None else plain(self.mark_price),
            "seed": self.seed,
            "length": len(self.queued),
            "left": plain(self.cut.left),
            "rows": [
                {
                    "rank": row.rank,
                    "position": row.position,
                    "trader": row.trader,
                    "quantity": plain(row.quantity),
                    "profit": str(row.profit),
                    "score": None if row.score is None else str(row.score),
                    "closes": plain(closed.get(row.position, ZERO)),
                }
                for row in self.queued[:down_to]
            ],
        }


def rank(
    engine: Engine,
    takeover: Takeover,
    *,
    quantity: Decimal,
    mark_price: Decimal | None = None,
    listed: Sequence[str] = (),
) -> Ranking:
    """The takeover's queue from the open positions known now. A random order is drawn once and kept.

    Raises Refused `adl_not_in_rulebook`, `mark_price_missing`; `adl_input_missing`, `adl_position_unknown`.
    """
    policy = engine.rulebook(takeover).adl
    if policy is None:
        raise errors.adl_not_in_rulebook(takeover.reference, str(takeover.rulebook))
    mark = mark_of(takeover, mark_price)
    if policy.price is AdlPrice.MARK and mark is None:
        raise errors.mark_price_missing(f"takeover {takeover.reference}")
    seed = None
    if policy.queue is AdlQueue.SEEDED_RANDOM:
        if not takeover.adl_seed:
            takeover.adl_seed = policy.seed or secrets.token_hex(16)
            engine.changed(takeover)
        seed = takeover.adl_seed
    queued = adl.queue(
        fund_id=takeover.contract.fund_id,
        contract=takeover.contract.symbol,
        kind=kind_of(takeover.contract),
        multiplier=takeover.contract.multiplier,
        taken_over=PositionSide(takeover.side),
        policy=policy.queue,
        seed=seed,
        listed=listed,
    )
    finest = max(map(decimals_of, [quantity, *(row.quantity for row in queued)]))
    lot_step = EXACT.scaleb(Decimal(1), -finest)
    price = mark if policy.price is AdlPrice.MARK else takeover.bankruptcy_price
    assert price is not None
    return Ranking(
        policy=policy,
        price=price,
        mark_price=mark,
        seed=seed,
        quantity=quantity,
        queued=queued,
        cut=adl_fills(queued, quantity=quantity, queue=policy.queue, lot_step=lot_step),
    )


def mark_of(takeover: Takeover, given: Decimal | None) -> Decimal | None:
    """The mark price that holds for a takeover: the one given, else of the open positions, else of the inventory,
    else the one it was taken over with."""
    contract = takeover.contract
    if given is not None:
        return given
    known = adl.mark_price(fund_id=contract.fund_id, contract=contract.symbol)
    if known is None:
        held = InventoryPosition.objects.filter(fund_id=contract.fund_id, contract=contract.symbol)
        known = held.values_list("mark_price", flat=True).first()
    return takeover.mark_price if known is None else known
