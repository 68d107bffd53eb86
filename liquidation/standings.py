"""Where open positions stand in the ADL queues of the rulebooks in force. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fund import adl, rulebooks
from fund.models import OpenPosition
from fund.rulebook import Adl, AdlQueue
from fund.rules import rank_lights
from liquidation.models import Contract
from liquidation.ranking import book_of
from liquidation.rules import PositionSide


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStanding:
    """`rank` from 1 of `length`, and 5 lights down to 1; 0 where it is not queued, None where there is no order."""

    held: OpenPosition
    queue: AdlQueue | None = None
    rank: int | None = None
    length: int | None = None
    lights: int | None = None


def standings(positions: Sequence[OpenPosition], *, at: datetime) -> list[HeldStanding]:
    """One each, in their order. Four queries, whatever their number."""
    policies = _policies({held.fund_id for held in positions}, at)
    contracts = Contract.objects.filter(symbol__in={held.contract for held in positions})
    terms = {(contract.fund_id, contract.symbol): contract for contract in contracts}
    books: dict[tuple[int, str, str], list[str]] = {}
    for held in positions:
        if held.fund_id in policies and (held.fund_id, held.contract) in terms:
            books.setdefault((held.fund_id, held.contract, held.side), []).append(held.position)
    asked = [
        adl.Asked(
            book=book_of(terms[fund_id, contract], PositionSide(side)),
            policy=policies[fund_id].queue,
            seed=policies[fund_id].seed,
            positions=named,
        )
        for (fund_id, contract, side), named in books.items()
    ]
    found = {
        (each.book.fund_id, place.position): place
        for each, places in zip(asked, adl.standings_of(asked), strict=True)
        for place in places
    }
    return [_standing(held, policies.get(held.fund_id), found.get((held.fund_id, held.position))) for held in positions]


def _policies(fund_ids: set[int], at: datetime) -> Mapping[int, Adl]:
    """Of the funds whose rulebook in force knows ADL."""
    loaded = {version.fund_id: rulebooks.load(version).adl for version in rulebooks.all_in_force(fund_ids, at)}
    return {fund_id: policy for fund_id, policy in loaded.items() if policy is not None}


def _standing(held: OpenPosition, policy: Adl | None, place: adl.Standing | None) -> HeldStanding:
    queue = None if policy is None else policy.queue
    if place is None:
        return HeldStanding(held=held, queue=queue)
    lights = 0 if place.rank is None else rank_lights(place.rank, queue_length=place.length)
    return HeldStanding(held=held, queue=queue, rank=place.rank, length=place.length, lights=lights)
