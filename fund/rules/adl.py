"""Auto-deleveraging: which counterparties are closed, in which order, and by how much.

Every queue is a pure function of plain rows. Ties go to the smaller position id by code point. Sources stand at each
score; the order of `seeded_random` is that of sha256("seed:position"), so that anyone can draw it again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from hashlib import sha256

from fund.rulebook import AdlQueue
from fund.rules.contracts import ContractKind, PositionSide, notional, profit_and_loss
from fund.rules.shares import share_units
from ledger.errors import Refused
from ledger.money import EXACT, total


@dataclass(frozen=True, kw_only=True)
class OpenPosition:
    """One open position. Amounts in the margin currency, prices in quote per unit.

    `margin`: what stands behind the position (BitMEX), or the maintenance margin where the queue ranks by Binance's
    ratio. `wallet`: the account's balance without unrealised profit. Both only where the queue needs them.
    """

    position: str
    trader: str
    contract: str
    kind: ContractKind
    multiplier: Decimal
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin: Decimal | None
    wallet: Decimal | None

    @cached_property
    def profit(self) -> Fraction:
        """Unrealised profit at the mark price; a queue asks for it several times."""
        return profit_and_loss(
            kind=self.kind,
            side=self.side,
            quantity=self.quantity,
            multiplier=self.multiplier,
            entry_price=self.entry_price,
            exit_price=self.mark_price,
        )

    def notional_at(self, price: Decimal) -> Fraction:
        return notional(kind=self.kind, quantity=self.quantity, multiplier=self.multiplier, price=price)


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """A place in the queue, `rank` from 1. `score` is None where the order is drawn, given or has no score.

    The rest is what a score is made of, as the position has it: the contract's terms are the same for all.
    """

    rank: int
    position: str
    trader: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin: Decimal | None
    wallet: Decimal | None
    profit: Fraction
    score: Fraction | None

    @classmethod
    def at(cls, rank: int, row: OpenPosition, score: Fraction | None) -> "Queued":
        return cls(
            rank=rank,
            position=row.position,
            trader=row.trader,
            quantity=row.quantity,
            entry_price=row.entry_price,
            mark_price=row.mark_price,
            margin=row.margin,
            wallet=row.wallet,
            profit=row.profit,
            score=score,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class AdlFill:
    """How much of a counterparty's position is closed."""

    position: str
    trader: str
    quantity: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class AdlCut:
    """The fills in queue order, and the quantity that no counterparty was there for."""

    fills: tuple[AdlFill, ...]
    left: Decimal


def adl_queue(
    positions: Sequence[OpenPosition],
    *,
    queue: AdlQueue,
    contract: str,
    taken_over: PositionSide,
    seed: str | None = None,
    listed: Sequence[str] = (),
) -> tuple[Queued, ...]:
    """Counterparties of a takeover of side `taken_over`, first to be closed first: only the opposite side can be.

    `seed` for `seeded_random`, `listed` the exchange's own order of position ids for `external`.
    Raises Refused: adl_input_missing (a score needs margin or wallet), adl_position_unknown (a listed position that is
    not open on the other side), adl_position_repeated.
    """
    candidates = [row for row in positions if row.contract == contract and row.side is taken_over.opposite]
    if queue is AdlQueue.EXTERNAL:
        return _numbered([(row, None) for row in _as_listed(candidates, listed)])
    if queue is AdlQueue.SEEDED_RANDOM:
        assert seed is not None, "a random order is drawn from a stored seed"
        candidates.sort(key=lambda row: (sha256(f"{seed}:{row.position}".encode()).digest(), row.position))
        return _numbered([(row, None) for row in candidates])
    if queue is AdlQueue.PRO_RATA:
        in_profit = sorted((row for row in candidates if row.profit > 0), key=lambda row: row.position)
        return _numbered([(row, None) for row in in_profit])
    scored = [(row, score) for row in candidates if (score := adl_score(row, queue=queue)) is not None]
    scored.sort(key=lambda pair: (-pair[1], pair[0].position))
    return _numbered(scored)


def adl_fills(
    queued: Sequence[Queued], *, quantity: Decimal, queue: AdlQueue, lot_step: Decimal | None = None
) -> AdlCut:
    """Close `quantity` > 0 against the queue: each whole position in turn, the one at the cut in part.

    `pro_rata` closes all of them in proportion to their quantity, in whole `lot_step`s by largest remainder; a
    position that is no whole number of lots gives its whole lots.
    """
    assert quantity > 0, f"{quantity} is nothing to close"
    if queue is AdlQueue.PRO_RATA:
        assert lot_step, "a quantity is shared in lots"
        taken = _pro_rata(queued, quantity, lot_step)
    else:
        taken = _in_turn(queued, quantity)
    fills = tuple(
        AdlFill(position=row.position, trader=row.trader, quantity=part)
        for row, part in zip(queued, taken, strict=True)
        if part
    )
    left = EXACT.subtract(quantity, total(taken))
    assert left >= 0, f"closed {-left} more than {quantity}"
    return AdlCut(fills=fills, left=left)


def adl_score(row: OpenPosition, *, queue: AdlQueue) -> Fraction | None:
    """What the queue ranks by, the largest first; None where the position is not queued or the queue has no score.

    Raises Refused: adl_input_missing.
    """
    score = _SCORES.get(queue)
    return None if score is None else score(row)


def rank_lights(rank: int, *, queue_length: int) -> int:
    """The lights a trader sees: 5 in the first fifth of the queue, 1 in the last.

    Counted by places in the queue. BitMEX's published example counts contracts instead: docs/published.md.
    """
    assert 1 <= rank <= queue_length, f"rank {rank} of {queue_length}"
    return 5 - (rank - 1) * 5 // queue_length


def _profit_amount(row: OpenPosition) -> Fraction | None:
    """The unrealised profit; only positions in profit are queued. Source: rulebooks.md."""
    return row.profit if row.profit > 0 else None


def _pnl_rate_x_leverage(row: OpenPosition) -> Fraction | None:
    """Profit rate times effective leverage, or divided by it for a loss.

    Effective leverage is |mark value| / (mark value − bankrupt value), and that difference is the margin plus the
    unrealised profit. A position without equity is bankrupt itself and not queued.
    Source: BitMEX, "What is Auto-Deleveraging", priority ranking calculation.
    """
    profit = row.profit
    equity = _given(row, "margin") + profit
    if equity <= 0:
        return None
    rate = profit / row.notional_at(row.entry_price)
    leverage = row.notional_at(row.mark_price) / equity
    return rate * leverage if profit > 0 else rate / leverage


def _profit_x_margin_ratio(row: OpenPosition) -> Fraction | None:
    """max(0, profit) / max(1, wallet) times the margin ratio: maintenance margin / (wallet + profit), or 0.

    Source: Binance, "What Is Auto-Deleveraging (ADL) and How Does It Work", LeveragePnL.
    """
    profit, wallet, margin = row.profit, _given(row, "wallet"), _given(row, "margin")
    ratio = margin / (wallet + profit) if wallet + profit > 0 else Fraction(0)
    return max(profit, Fraction(0)) / max(wallet, Fraction(1)) * ratio


def _mark_entry_x_leverage(row: OpenPosition) -> Fraction | None:
    """(mark / entry) · (notional / account value), of users in profit; the account value is wallet plus profit.

    Published for longs; a short has entry / mark, so that for it too a larger profit stands earlier.
    Source: Hyperliquid docs, "Auto-deleveraging", sorting index.
    """
    profit = row.profit
    account_value = _given(row, "wallet") + profit
    if profit <= 0 or account_value <= 0:
        return None
    moved = Fraction(row.mark_price) / Fraction(row.entry_price)
    return (moved if row.side is PositionSide.LONG else 1 / moved) * row.notional_at(row.mark_price) / account_value


_SCORES: Mapping[AdlQueue, Callable[[OpenPosition], Fraction | None]] = {
    AdlQueue.PROFIT_AMOUNT: _profit_amount,
    AdlQueue.PNL_RATE_X_LEVERAGE: _pnl_rate_x_leverage,
    AdlQueue.PROFIT_X_MARGIN_RATIO: _profit_x_margin_ratio,
    AdlQueue.MARK_ENTRY_X_LEVERAGE: _mark_entry_x_leverage,
}


def _given(row: OpenPosition, name: str) -> Fraction:
    value: Decimal | None = getattr(row, name)
    if value is None:
        raise Refused("adl_input_missing", f"position {row.position}: the queue ranks by {name}, and it has none")
    return Fraction(value)


def _as_listed(candidates: Sequence[OpenPosition], listed: Sequence[str]) -> list[OpenPosition]:
    by_id = {row.position: row for row in candidates}
    seen: set[str] = set()
    for position in listed:
        if position not in by_id:
            raise Refused("adl_position_unknown", f"position {position} is not open on the other side")
        if position in seen:
            raise Refused("adl_position_repeated", f"position {position} is listed twice")
        seen.add(position)
    return [by_id[position] for position in listed]


def _numbered(scored: Sequence[tuple[OpenPosition, Fraction | None]]) -> tuple[Queued, ...]:
    return tuple(Queued.at(rank, row, score) for rank, (row, score) in enumerate(scored, start=1))


def _in_turn(queued: Sequence[Queued], quantity: Decimal) -> list[Decimal]:
    taken: list[Decimal] = []
    left = quantity
    for row in queued:
        part = min(row.quantity, left)
        taken.append(part)
        left = EXACT.subtract(left, part)
    return taken


def _pro_rata(queued: Sequence[Queued], quantity: Decimal, lot_step: Decimal) -> list[Decimal]:
    lots = [int(Fraction(row.quantity) / Fraction(lot_step)) for row in queued]
    wanted, open_lots = int(Fraction(quantity) / Fraction(lot_step)), sum(lots)
    if not open_lots:
        return [Decimal(0)] * len(lots)
    closed = min(wanted, open_lots)
    parts = share_units(closed, weights=lots, numerator=closed, denominator=open_lots, most=lots)
    return [EXACT.multiply(Decimal(part), lot_step) for part in parts]
