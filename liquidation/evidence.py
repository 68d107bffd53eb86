"""The queue that an ADL event goes by: the one that `unfilled/` answered last, kept for it, else one ranked now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fund.rulebook import AdlQueue, Rulebook
from fund.rules import AdlFill, adl_differences
from ledger.money import plain, total
from liquidation import errors
from liquidation.models import AnsweredQueue, CounterpartyFill, Fill, Takeover
from liquidation.ranking import Ranking, mark_of, price_at, rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`queue` is what the event itself keeps: of an answered queue only what it does not have."""

    price: Decimal
    mark_price: Decimal | None
    answered: AnsweredQueue | None
    queue: dict[str, object]


def keep(takeover: Takeover, ranking: Ranking, *, answered_at: datetime, recorded_at: datetime) -> None:
    """Keep a queue as it is answered; the takeover is locked."""
    AnsweredQueue.objects.create(
        takeover=takeover,
        quantity=ranking.quantity,
        mark_price=ranking.mark_price,
        queue=ranking.to_json(),
        answered_at=answered_at,
        recorded_at=recorded_at,
    )


def of_event(
    reference: str,
    takeover: Takeover,
    rulebook: Rulebook,
    *,
    fills: Sequence[AdlFill],
    mark_price: Decimal | None,
) -> Evidence:
    """What an event of these fills goes by. The mark that it names holds for it, else the one that was answered.

    Raises Refused `adl_fill_not_listed`, and as `rank`.
    """
    answered = AnsweredQueue.objects.filter(takeover=takeover).order_by("-id").first()
    if answered is None:
        ranking = rank(takeover, rulebook, quantity=total(fill.quantity for fill in fills), mark_price=mark_price)
        kept = ranking.to_json()
        differs = _differs(kept, fills, earlier=())
        return Evidence(
            price=ranking.price, mark_price=ranking.mark_price, answered=None, queue={**kept, "differs": differs}
        )
    assert rulebook.adl is not None, f"takeover {takeover.reference}: a queue was answered"
    mark = mark_of(takeover, answered.mark_price if mark_price is None else mark_price)
    price = price_at(takeover, rulebook.adl, mark)
    if rulebook.adl.queue is AdlQueue.EXTERNAL and answered.queue["rows"]:
        _check_listed(reference, answered, fills)
    return Evidence(
        price=price,
        mark_price=mark,
        answered=answered,
        queue={
            "mark_price": None if mark is None else plain(mark),
            "differs": _differs(answered.queue, fills, earlier=_closed_by(answered)),
        },
    )


def entry_prices(answered: AnsweredQueue | None) -> dict[tuple[str, str], Decimal]:
    """Of the counterparties that a queue closes, by (trader, position); under (trader, "") where it closes one only."""
    rows = [row for row in answered.queue["rows"] if row["closes"] != "0"] if answered else []
    traders = Counter(row["trader"] for row in rows)
    of_traders = {(row["trader"], ""): Decimal(row["entry_price"]) for row in rows if traders[row["trader"]] == 1}
    return {**of_traders, **{(row["trader"], row["position"]): Decimal(row["entry_price"]) for row in rows}}


def _check_listed(reference: str, answered: AnsweredQueue, fills: Sequence[AdlFill]) -> None:
    """An external queue is the exchange's word of whom it closes; its fills are held to it."""
    listed = {(row["trader"], row["position"]) for row in answered.queue["rows"]}
    traders = {trader for trader, _ in listed}
    for fill in fills:
        if (fill.trader, fill.position) not in listed and (fill.position or fill.trader not in traders):
            raise errors.adl_fill_not_listed(reference, fill.trader, fill.position)


def _closed_by(answered: AnsweredQueue) -> list[AdlFill]:
    """What events that went by this queue have closed, those aside that were reversed."""
    reversed_ = Fill.objects.filter(takeover=answered.takeover_id, kind=Fill.Kind.ADL).exclude(reversed_at=None)
    fills = CounterpartyFill.objects.filter(deleveraging__answered=answered).exclude(
        deleveraging__reference__in=reversed_.values("reference")
    )
    closed = fills.order_by("id").values_list("trader", "position", "quantity")
    return [AdlFill(trader=trader, position=position, quantity=quantity) for trader, position, quantity in closed]


def _differs(
    queue: Mapping[str, Any], fills: Sequence[AdlFill], *, earlier: Sequence[AdlFill]
) -> list[dict[str, str]] | None:
    """None where there is nothing to hold the fills to: of an external queue no list was told."""
    if queue["left"] is None:
        return None
    cut = [
        AdlFill(trader=row["trader"], position=row["position"], quantity=Decimal(row["closes"]))
        for row in queue["rows"]
        if row["closes"] != "0"
    ]
    beyond = adl_differences(cut, fills, earlier=earlier, in_turn=queue["queue"] != AdlQueue.PRO_RATA)
    return [{"trader": fill.trader, "position": fill.position, "quantity": plain(fill.quantity)} for fill in beyond]
