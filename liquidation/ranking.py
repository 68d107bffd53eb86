"""The ADL queue of a takeover: ranked by its rulebook, cut where its quantity ends, kept as evidence."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from fund import adl, rulebooks
from fund.models import InventoryPosition
from fund.rulebook import Adl, AdlPrice, AdlQueue, Rulebook
from fund.rules import AdlCut, Queued
from ledger.money import plain
from liquidation import errors
from liquidation.contracts import kind_of
from liquidation.models import Contract, Takeover
from liquidation.rules import PositionSide


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The head of a takeover's queue as it stands now, and the cut: how far into it `quantity` reaches.

    `length` is that of the whole queue.
    """

    policy: Adl
    price: Decimal
    mark_price: Decimal | None
    seed: str | None
    quantity: Decimal
    queued: tuple[Queued, ...]
    length: int
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
            "length": self.length,
            "left": plain(self.cut.left),
            "rows": [
                {
                    "rank": row.rank,
                    "position": row.position,
                    "trader": row.trader,
                    "quantity": plain(row.quantity),
                    "profit": str(row.profit),
                    "score": None if row.score is None else str(row.score),
                    "closes": plain(closed.get(row.position, Decimal(0))),
                }
                for row in self.queued
                if row.rank <= down_to
            ],
        }


def rank(
    takeover: Takeover,
    rulebook: Rulebook,
    *,
    quantity: Decimal,
    mark_price: Decimal | None = None,
    listed: Sequence[str] = (),
) -> Ranking:
    """The takeover's queue from the open positions known now, under the rulebook that it runs under.

    A random order is drawn once: its seed is noted on the takeover, for the caller to save.

    Raises Refused `adl_not_in_rulebook`, `mark_price_missing`; `adl_input_missing`, `adl_position_unknown`.
    """
    policy = rulebook.adl
    if policy is None:
        raise errors.adl_not_in_rulebook(takeover.reference, str(takeover.rulebook))
    mark = mark_of(takeover, mark_price)
    if policy.price is AdlPrice.MARK and mark is None:
        raise errors.mark_price_missing(f"takeover {takeover.reference}")
    seed = None
    if policy.queue is AdlQueue.SEEDED_RANDOM:
        if not takeover.adl_seed:
            takeover.adl_seed = policy.seed or secrets.token_hex(16)
        seed = takeover.adl_seed
    head = adl.queue(
        book_of(takeover.contract, PositionSide(takeover.side).opposite),
        policy=policy.queue,
        seed=seed,
        quantity=quantity,
        listed=listed,
    )
    price = mark if policy.price is AdlPrice.MARK else takeover.bankruptcy_price
    assert price is not None
    return Ranking(
        policy=policy,
        price=price,
        mark_price=mark,
        seed=seed,
        quantity=quantity,
        queued=head.queued,
        length=head.length,
        cut=head.cut,
    )


def book_of(contract: Contract, side: PositionSide) -> adl.Book:
    """The open positions of one side of a contract, on its terms."""
    return adl.Book(
        fund_id=contract.fund_id,
        contract=contract.symbol,
        kind=kind_of(contract),
        multiplier=contract.multiplier,
        side=side,
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


def queued_traders(takeover: Takeover) -> tuple[list[str], int]:
    """Traders of the queue that a takeover has as things stand, and how many of them its rest reaches.

    Nobody where its rulebook knows no ADL. Nothing is kept of it. Raises as `rank`.
    """
    rulebook = rulebooks.load(takeover.rulebook)
    if rulebook.adl is None:
        return [], 0
    ranking = rank(takeover, rulebook, quantity=takeover.remaining or takeover.quantity)
    return [row.trader for row in ranking.queued], len(ranking.cut.fills)
