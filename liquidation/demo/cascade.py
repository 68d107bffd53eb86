"""An invented cascade: a venue's worst twelve minutes, the same for the same seed. Pure.

The shape follows the public record of 10 October 2025: position sizes over six orders of magnitude, a first minute in
which the market still takes what the engine sells, one account that loses about as much as all others together, and a
handful of accounts with most of the profit. The names and every number are invented.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from random import Random

SEED = 20251010
SECONDS = 720
# From the first takeover to the first one that closes worse than its bankruptcy price.
SECONDS_BEFORE_LOSSES = 64

# Positions that were not liquidated, at the least.
POSITIONS_BESIDE_TAKEOVERS = 20

# Engine's trading cost, as a share of the closing notional.
_COST_RATE = 0.0002
_SIZE_MEDIAN, _SIZE_SIGMA, _SIZE_LEAST, _SIZE_MOST = 17_000.0, 2.6, 60.0, 40_000_000.0
# The one account that is too large for the market: its moment, its size beside all others, how much worse it closes.
_LARGEST_SECOND, _LARGEST_SHARE, _LARGEST_WORSE = 272.0, 0.08, 0.11
_LEVERAGES = (3, 5, 5, 10, 10, 20, 20, 25, 40, 50)
_LONG_SHARE = 0.93

# Profits: each of the first accounts' part of all profit, the others share what is left.
_TOP_SHARES = (0.3974, 0.0612, 0.0488, 0.0457, 0.0391, 0.0313, 0.0246, 0.0158)
_PROFITABLE_SHARE, _EVEN_SHARE = 0.50, 0.05
_PROFIT_PER_POSITION = 10_000.0
_PROFIT_SIGMA = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoContract:
    """`price` before the fall, `fall` at the trough as a share of it; `tick` and `lot`: decimals of price and size."""

    symbol: str
    weight: int
    price: float
    fall: float
    tick: int
    lot: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A stretch of the cascade in seconds: its `share` of takeovers, `worse` of them beyond `B` by about `depth`."""

    starts: float
    ends: float
    share: float
    worse: float
    depth: float


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoFill:
    """`second` counts from the first takeover; `fee` is the engine's trading cost, in USDT."""

    second: float
    price: Decimal
    quantity: Decimal
    fee: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoTakeover:
    """A takeover and all fills that close it. `margin` is `quantity · |entry_price − bankruptcy_price|`, exactly."""

    number: int
    second: float
    contract: str
    trader: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    bankruptcy_price: Decimal
    margin: Decimal
    fills: tuple[DemoFill, ...]

    @property
    def result(self) -> Decimal:
        """What the engine makes of it, after costs, in USDT."""
        sign = 1 if self.side == "long" else -1
        return sum(
            (sign * fill.quantity * (fill.price - self.bankruptcy_price) - fill.fee for fill in self.fills), Decimal(0)
        )

    @property
    def notional(self) -> Decimal:
        """Closing notional in USDT."""
        return sum((fill.quantity * fill.price for fill in self.fills), Decimal(0))


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoPosition:
    """One position's profit in the cycle, in USDT, negative for a loss."""

    position: str
    trader: str
    contract: str
    profit: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Cascade:
    """`takeovers` in the order of their time, `positions` in no order."""

    takeovers: tuple[DemoTakeover, ...]
    positions: tuple[DemoPosition, ...]


CONTRACTS = (
    DemoContract(symbol="BTC-PERP", weight=30, price=116_500.0, fall=0.11, tick=1, lot=4),
    DemoContract(symbol="ETH-PERP", weight=22, price=4_120.0, fall=0.16, tick=2, lot=3),
    DemoContract(symbol="SOL-PERP", weight=13, price=208.0, fall=0.22, tick=3, lot=2),
    DemoContract(symbol="XRP-PERP", weight=9, price=2.71, fall=0.40, tick=4, lot=0),
    DemoContract(symbol="LINK-PERP", weight=8, price=20.8, fall=0.42, tick=3, lot=1),
    DemoContract(symbol="AVAX-PERP", weight=7, price=26.9, fall=0.50, tick=3, lot=1),
    DemoContract(symbol="DOGE-PERP", weight=6, price=0.237, fall=0.45, tick=5, lot=0),
    DemoContract(symbol="APT-PERP", weight=5, price=4.95, fall=0.55, tick=4, lot=1),
)

PHASES = (
    Phase(starts=0, ends=SECONDS_BEFORE_LOSSES, share=0.09, worse=0.0, depth=0.0),
    Phase(starts=SECONDS_BEFORE_LOSSES, ends=150, share=0.18, worse=0.35, depth=0.010),
    Phase(starts=150, ends=240, share=0.65, worse=0.60, depth=0.022),
    Phase(starts=240, ends=300, share=0.05, worse=0.50, depth=0.014),
    Phase(starts=300, ends=SECONDS - 15, share=0.03, worse=0.25, depth=0.006),
)


def cascade(*, takeovers: int, positions: int, seed: int = SEED) -> Cascade:
    """`takeovers` ≥ 2 positions taken over and closed, and the profits of `positions` positions, those included.

    Raises ValueError where so few positions have no room for the few with most of the profit.
    """
    if takeovers < 2 or positions < takeovers + POSITIONS_BESIDE_TAKEOVERS:
        raise ValueError(
            f"{takeovers} takeovers and {positions} positions: at least 2 takeovers,"
            f" and {POSITIONS_BESIDE_TAKEOVERS} positions more than takeovers"
        )
    random = Random(seed)
    drawn = [_moment(random) for _ in range(takeovers - 1)]
    sizes = [_size(random) for _ in drawn]
    planned = [(second, phase, size, None) for (second, phase), size in zip(drawn, sizes, strict=True)]
    largest = (_LARGEST_SECOND, _phase_at(_LARGEST_SECOND), sum(sizes) * _LARGEST_SHARE, _LARGEST_WORSE)
    rows = tuple(
        _takeover(random, number, *plan) for number, plan in enumerate(sorted([*planned, largest], key=_by_second), 1)
    )
    return Cascade(takeovers=rows, positions=_positions(random, positions, rows))


def _by_second(plan: tuple[float, Phase, float, float | None]) -> float:
    return plan[0]


def _phase_at(second: float) -> Phase:
    return next(phase for phase in PHASES if phase.starts <= second < phase.ends)


def _moment(random: Random) -> tuple[float, Phase]:
    phase = random.choices(PHASES, [phase.share for phase in PHASES])[0]
    return round(random.uniform(phase.starts, phase.ends - 0.001), 3), phase


def _size(random: Random) -> float:
    """Notional in USDT."""
    drawn = random.lognormvariate(math.log(_SIZE_MEDIAN), _SIZE_SIGMA)
    return min(max(drawn, _SIZE_LEAST), _SIZE_MOST)


def _fallen(second: float) -> float:
    """How far the market has gone down by then: 0 at first, 1 at the trough, and two fifths of it made good."""
    if second < SECONDS_BEFORE_LOSSES:
        return 0.15 * second / SECONDS_BEFORE_LOSSES
    if second < 230:
        return 0.15 + 0.85 * (1 - math.cos(math.pi * (second - SECONDS_BEFORE_LOSSES) / 166)) / 2
    return 1 - 0.4 * min(1.0, (second - 230) / 300)


def _takeover(
    random: Random, number: int, second: float, phase: Phase, size: float, worse: float | None
) -> DemoTakeover:
    """One takeover. `worse`: how far beyond the bankruptcy price it closes, where that is not left to chance."""
    contract = random.choices(CONTRACTS, [contract.weight for contract in CONTRACTS])[0]
    is_long = worse is not None or random.random() < _LONG_SHARE
    sign = 1 if is_long else -1
    mark = contract.price * (1 - contract.fall * _fallen(second)) * random.uniform(0.997, 1.003)
    bankruptcy_price = _to(mark * (1 - sign * random.uniform(0.003, 0.015)), contract.tick)
    quantity = max(_to(size / float(bankruptcy_price), contract.lot), _step(contract.lot))

    entry = float(bankruptcy_price) / (1 - sign / random.choice(_LEVERAGES))
    entry_price = max(_to(entry, contract.tick), _step(contract.tick))
    # Result as a share of the bankruptcy price: better by a part of the distance to the mark, or worse.
    if worse is not None:
        better = -worse
    elif random.random() < phase.worse:
        better = -min(random.expovariate(1 / phase.depth), 0.15)
    else:
        better = abs(mark / float(bankruptcy_price) - 1) * random.uniform(0.25, 0.95)
    return DemoTakeover(
        number=number,
        second=second,
        contract=contract.symbol,
        trader=f"trader-{random.randrange(1, 100_000):05d}",
        side="long" if is_long else "short",
        quantity=quantity,
        entry_price=entry_price,
        bankruptcy_price=bankruptcy_price,
        margin=quantity * abs(entry_price - bankruptcy_price),
        fills=_fills(random, contract, second, quantity, float(bankruptcy_price) * (1 + sign * better)),
    )


def _fills(
    random: Random, contract: DemoContract, second: float, quantity: Decimal, price: float
) -> tuple[DemoFill, ...]:
    """What closes it within seconds: one fill, or a few, at prices around `price`."""
    lots = int(quantity.scaleb(contract.lot))
    pieces = min(random.choice((1, 1, 1, 2, 3, 4)), lots)
    cuts = sorted(random.sample(range(1, lots), pieces - 1)) if pieces > 1 else []
    fills = []
    for first, last in zip([0, *cuts], [*cuts, lots], strict=True):
        second = round(second + random.uniform(0.2, 2.5), 3)
        part = Decimal(last - first).scaleb(-contract.lot)
        at = _to(price * random.uniform(0.9997, 1.0003), contract.tick)
        fee = round(part * at * Decimal(str(_COST_RATE)), 2)
        fills.append(DemoFill(second=second, price=at, quantity=part, fee=fee))
    return tuple(fills)


def _positions(random: Random, count: int, taken_over: tuple[DemoTakeover, ...]) -> tuple[DemoPosition, ...]:
    """The liquidated with what they lost, a few accounts with most of the profit, and everyone else."""
    lost = [
        DemoPosition(
            position=f"L{row.number:05d}", trader=row.trader, contract=row.contract, profit=round(-row.margin, 2)
        )
        for row in taken_over
    ]
    rest = count - len(lost)
    profitable = round(rest * _PROFITABLE_SHARE)
    total = _PROFIT_PER_POSITION * count
    drawn = [_of_the_crowd(random) for _ in range(profitable - len(_TOP_SHARES))]
    left = total * (1 - sum(_TOP_SHARES)) / sum(drawn)
    few = [total * share * random.uniform(0.99, 1.01) for share in _TOP_SHARES]
    profits = few + [value * left for value in drawn]
    even = round((rest - profitable) * _EVEN_SHARE)
    losses = [-random.lognormvariate(math.log(90), 2.2) for _ in range(rest - profitable - even)]
    amounts = [*profits, *losses, *[0.0] * even]
    random.shuffle(amounts)
    others = [
        DemoPosition(
            position=f"P{number:05d}",
            trader=f"trader-{random.randrange(1, 100_000):05d}",
            contract=random.choices(CONTRACTS, [contract.weight for contract in CONTRACTS])[0].symbol,
            profit=_to(amount, 2),
        )
        for number, amount in enumerate(amounts, 1)
    ]
    return (*lost, *others)


def _of_the_crowd(random: Random) -> float:
    """A profit in units of the median one. Beyond three deviations stand the few, not the crowd."""
    while (drawn := random.gauss(0, 1)) > 3:
        pass
    return math.exp(_PROFIT_SIGMA * drawn)


def _to(value: float, decimals: int) -> Decimal:
    return Decimal(f"{value:.{decimals}f}")


def _step(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)
