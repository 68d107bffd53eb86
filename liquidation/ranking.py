"""The ADL queue of a takeover: ranked by its rulebook, cut where its quantity ends, kept as evidence."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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
    book: adl.Book
    price: Decimal
    mark_price: Decimal | None
    seed: str | None
    quantity: Decimal
    queued: tuple[Queued, ...]
    length: int
    cut: AdlCut

    def to_json(self) -> dict[str, object]:
        """The queue down to the cut line with its inputs, an external one as a whole: its fills are held to it.

        Numbers as text, profit and score as exact fractions.
        """
        rows = self.rows(len(self.queued) if self.policy.queue is AdlQueue.EXTERNAL else 0)
        return {
            **self.terms(),
            "mark_price": _text(self.mark_price),
            "rows": [{**row, "profit": str(row["profit"])} for row in rows],
        }

    def terms(self) -> dict[str, object]:
        """What is the same for every row, so that each profit, score and place can be worked out anew.

        `left` is None where the exchange has an order of its own and has told none.
        """
        told = bool(self.queued) or self.policy.queue is not AdlQueue.EXTERNAL
        return {
            "queue": self.policy.queue.value,
            "price_policy": self.policy.price.value,
            "contract": self.book.contract,
            "kind": self.book.kind.value,
            "multiplier": plain(self.book.multiplier),
            "side": self.book.side.value,
            "seed": self.seed,
            "length": self.length,
            "left": plain(self.cut.left) if told else None,
        }

    def rows(self, least: int) -> list[dict[str, Any]]:
        """The places down to the last that is closed, and `least`, with what each is made of.

        `profit` is exact, every other number is text.
        """
        closes = {fill.position: fill.quantity for fill in self.cut.fills}
        cut = max((place for place, row in enumerate(self.queued, 1) if row.position in closes), default=0)
        return [
            {
                "rank": row.rank,
                "position": row.position,
                "trader": row.trader,
                "quantity": plain(row.quantity),
                "entry_price": plain(row.entry_price),
                "mark_price": plain(row.mark_price),
                "margin": _text(row.margin),
                "wallet": _text(row.wallet),
                "profit": row.profit,
                "score": None if row.score is None else str(row.score),
                "closes": plain(closes.get(row.position, Decimal(0))),
            }
            for row in self.queued[: max(cut, least)]
        ]


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
    price = price_at(takeover, policy, mark)
    seed = None
    if policy.queue is AdlQueue.SEEDED_RANDOM:
        if not takeover.adl_seed:
            takeover.adl_seed = policy.seed or secrets.token_hex(16)
        seed = takeover.adl_seed
    book = book_of(takeover.contract, PositionSide(takeover.side).opposite)
    head = adl.queue(book, policy=policy.queue, seed=seed, quantity=quantity, listed=listed)
    return Ranking(
        policy=policy,
        book=book,
        price=price,
        mark_price=mark,
        seed=seed,
        quantity=quantity,
        queued=head.queued,
        length=head.length,
        cut=head.cut,
    )


def price_at(takeover: Takeover, policy: Adl, mark: Decimal | None) -> Decimal:
    """At which counterparties are closed. Raises Refused `mark_price_missing`."""
    if policy.price is AdlPrice.BANKRUPTCY:
        bankruptcy: Decimal = takeover.bankruptcy_price
        return bankruptcy
    if mark is None:
        raise errors.mark_price_missing(f"takeover {takeover.reference}")
    return mark


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


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
