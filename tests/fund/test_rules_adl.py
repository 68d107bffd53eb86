"""Who is deleveraged first, by how much, and what a trader sees of it."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fund.rulebook import AdlQueue
from fund.rules import ContractKind, OpenPosition, PositionSide, Queued, adl_fills, adl_queue, rank_lights
from ledger.errors import Refused
from ledger.money import total

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def position(
    name: str,
    side: PositionSide,
    quantity: str,
    entry: str,
    mark: str,
    *,
    margin: str | None = None,
    wallet: str | None = None,
    contract: str = "X-PERP",
    kind: ContractKind = ContractKind.LINEAR,
) -> OpenPosition:
    return OpenPosition(
        position=name,
        trader=f"trader of {name}",
        contract=contract,
        kind=kind,
        multiplier=Decimal(1),
        side=side,
        quantity=Decimal(quantity),
        entry_price=Decimal(entry),
        mark_price=Decimal(mark),
        margin=None if margin is None else Decimal(margin),
        wallet=None if wallet is None else Decimal(wallet),
    )


def ranked(
    positions: list[OpenPosition], queue: AdlQueue, *, taken_over: PositionSide = LONG, seed: str | None = None
) -> list[str]:
    queued = adl_queue(positions, queue=queue, contract="X-PERP", taken_over=taken_over, seed=seed)
    assert [row.rank for row in queued] == list(range(1, len(queued) + 1))
    return [row.position for row in queued]


def scores(positions: list[OpenPosition], queue: AdlQueue, *, taken_over: PositionSide = LONG) -> dict[str, Fraction]:
    queued = adl_queue(positions, queue=queue, contract="X-PERP", taken_over=taken_over)
    return {row.position: row.score for row in queued if row.score is not None}


BOOK = [
    position("q1", SHORT, "4", "130", "100"),
    position("q2", SHORT, "10", "110", "100"),
    position("q3", LONG, "5", "90", "100"),
    position("q4", SHORT, "5", "95", "100"),
    position("q5", SHORT, "5", "900", "100", contract="Y-PERP"),
]


def test_a_long_is_closed_against_the_shorts_with_the_largest_profit() -> None:
    assert ranked(BOOK, AdlQueue.PROFIT_AMOUNT) == ["q1", "q2"]
    assert ranked(BOOK, AdlQueue.PROFIT_AMOUNT, taken_over=SHORT) == ["q3"]
    assert scores(BOOK, AdlQueue.PROFIT_AMOUNT) == {"q1": 120, "q2": 100}


def test_equal_scores_stand_in_the_order_of_their_references() -> None:
    tied = [position(name, SHORT, "1", "110", "100") for name in ("b", "a", "B", "é")]
    assert ranked(tied, AdlQueue.PROFIT_AMOUNT) == ["B", "a", "b", "é"]


def test_the_first_in_the_queue_is_closed_whole_and_the_one_at_the_cut_in_part() -> None:
    queued = adl_queue(BOOK, queue=AdlQueue.PROFIT_AMOUNT, contract="X-PERP", taken_over=LONG)
    cut = adl_fills(queued, quantity=Decimal(6), queue=AdlQueue.PROFIT_AMOUNT)
    assert {fill.trader: fill.quantity for fill in cut.fills} == {"trader of q1": 4, "trader of q2": 2}
    assert cut.left == 0


def test_what_no_counterparty_is_there_for_is_left_open() -> None:
    queued = adl_queue(BOOK, queue=AdlQueue.PROFIT_AMOUNT, contract="X-PERP", taken_over=LONG)
    cut = adl_fills(queued, quantity=Decimal(20), queue=AdlQueue.PROFIT_AMOUNT)
    assert total(fill.quantity for fill in cut.fills) == 14
    assert cut.left == 6
    assert adl_fills((), quantity=Decimal(20), queue=AdlQueue.PRO_RATA, lot_step=Decimal(1)).left == 20


def test_bitmex_worked_example_closes_account_two_then_half_of_five() -> None:
    """BitMEX, auto-deleveraging examples: a short of 20 against six longs ranked by effective leveraged PnL."""
    ranking = {"1": (10, 3), "2": (10, 6), "3": (20, 1), "4": (30, 4), "5": (20, 5), "6": (10, 2)}
    queued = [
        Queued(
            rank=rank,
            position=account,
            trader=account,
            quantity=Decimal(ranking[account][0]),
            entry_price=Decimal(1),
            mark_price=Decimal(2),
            margin=None,
            wallet=None,
            profit=Fraction(1),
            score=Fraction(ranking[account][1]),
        )
        for rank, account in enumerate(sorted(ranking, key=lambda account: -ranking[account][1]), start=1)
    ]
    cut = adl_fills(queued, quantity=Decimal(20), queue=AdlQueue.PNL_RATE_X_LEVERAGE)
    assert {fill.position: fill.quantity for fill in cut.fills} == {"2": 10, "5": 10}


def test_profit_rate_is_multiplied_by_leverage_and_a_loss_divided_by_it() -> None:
    """BitMEX, priority ranking: the equity is mark value − bankrupt value, here margin + profit."""
    shorts = [
        # Rate 0.2, mark value 800, equity 100 + 200: 0.2 · 800/300.
        position("gain", SHORT, "10", "100", "80", margin="100"),
        # Rate 0.2, the same with twice the equity.
        position("safe", SHORT, "10", "100", "80", margin="400"),
        # Rate −0.25, mark value 1000, equity 300 − 200: −0.25 / 10.
        position("loss", SHORT, "10", "80", "100", margin="300"),
        # No equity: to be liquidated itself.
        position("bankrupt", SHORT, "10", "80", "100", margin="200"),
    ]
    assert scores(shorts, AdlQueue.PNL_RATE_X_LEVERAGE) == {
        "gain": Fraction(8, 15),
        "safe": Fraction(4, 15),
        "loss": Fraction(-1, 40),
    }
    assert ranked(shorts, AdlQueue.PNL_RATE_X_LEVERAGE) == ["gain", "safe", "loss"]


def test_an_inverse_positions_profit_rate_is_in_the_margin_currency() -> None:
    long = position("x", LONG, "60000", "500", "600", margin="20", kind=ContractKind.INVERSE)
    # Bought at 120 coins, worth 100 now: a profit of 20, equity 40.
    assert scores([long], AdlQueue.PNL_RATE_X_LEVERAGE, taken_over=SHORT) == {
        "x": Fraction(20, 120) * Fraction(100, 40)
    }


def test_binances_score_is_profit_over_wallet_times_margin_ratio() -> None:
    """Binance, LeveragePnL: wallet 4.27, profit 40.2; the ratio is maintenance margin / (wallet + profit)."""
    rows = [
        position("gain", SHORT, "10", "100", "95.98", margin="6", wallet="4.27"),
        position("small wallet", SHORT, "10", "100", "95", margin="5", wallet="0.5"),
        position("loss", SHORT, "10", "100", "101", margin="6", wallet="100"),
        position("ruined", SHORT, "10", "100", "120", margin="6", wallet="100"),
    ]
    found = scores(rows, AdlQueue.PROFIT_X_MARGIN_RATIO)
    assert found["gain"] == Fraction("40.2") / Fraction("4.27") * 6 / Fraction("44.47")
    assert found["small wallet"] == 50 * Fraction(5) / Fraction("50.5")
    assert found["loss"] == found["ruined"] == 0


def test_hyperliquids_index_is_mark_over_entry_times_leverage_of_users_in_profit() -> None:
    rows = [
        position("far", LONG, "1", "50", "100", wallet="50"),
        position("levered", LONG, "10", "90", "100", wallet="100"),
        position("loss", LONG, "1", "110", "100", wallet="50"),
    ]
    assert scores(rows, AdlQueue.MARK_ENTRY_X_LEVERAGE, taken_over=SHORT) == {
        "far": 2 * Fraction(100, 100),
        "levered": Fraction(100, 90) * Fraction(1000, 200),
    }
    shorts = [
        position("s1", SHORT, "1", "200", "100", wallet="0"),
        position("s2", SHORT, "1", "125", "100", wallet="75"),
    ]
    assert ranked(shorts, AdlQueue.MARK_ENTRY_X_LEVERAGE) == ["s1", "s2"]


@pytest.mark.parametrize(
    ("queue", "missing"),
    [
        (AdlQueue.PNL_RATE_X_LEVERAGE, "margin"),
        (AdlQueue.PROFIT_X_MARGIN_RATIO, "wallet"),
        (AdlQueue.MARK_ENTRY_X_LEVERAGE, "wallet"),
    ],
)
def test_a_position_without_the_queues_input_is_refused_by_name(queue: AdlQueue, missing: str) -> None:
    with pytest.raises(Refused) as refusal:
        ranked(BOOK, queue)
    assert refusal.value.code == "adl_input_missing"
    assert "q1" in refusal.value.detail
    assert missing in refusal.value.detail


def test_a_drawn_order_can_be_drawn_again_from_its_seed() -> None:
    rows = [position(f"p{place}", SHORT, "1", "90", "100") for place in range(20)]
    drawn = ranked(rows, AdlQueue.SEEDED_RANDOM, seed="block 7")
    assert sorted(drawn) == sorted(row.position for row in rows)
    assert ranked(rows[::-1], AdlQueue.SEEDED_RANDOM, seed="block 7") == drawn
    assert ranked(rows, AdlQueue.SEEDED_RANDOM, seed="block 8") != drawn


def test_the_exchanges_own_list_is_kept_after_it_was_verified() -> None:
    def listed(*names: str) -> list[str]:
        queued = adl_queue(BOOK, queue=AdlQueue.EXTERNAL, contract="X-PERP", taken_over=LONG, listed=names)
        return [row.position for row in queued]

    assert listed("q4", "q1") == ["q4", "q1"]
    for names, code in ((("q3",), "adl_position_unknown"), (("q1", "q1"), "adl_position_repeated")):
        with pytest.raises(Refused) as refusal:
            listed(*names)
        assert refusal.value.code == code


def test_pro_rata_closes_everyone_in_profit_in_whole_lots() -> None:
    rows = [
        position("a", SHORT, "5", "110", "100"),
        position("b", SHORT, "3", "110", "100"),
        position("c", SHORT, "2", "110", "100"),
        position("loss", SHORT, "9", "90", "100"),
    ]
    queued = adl_queue(rows, queue=AdlQueue.PRO_RATA, contract="X-PERP", taken_over=LONG)
    cut = adl_fills(queued, quantity=Decimal(5), queue=AdlQueue.PRO_RATA, lot_step=Decimal(1))
    assert {fill.position: fill.quantity for fill in cut.fills} == {"a": 3, "b": 1, "c": 1}
    fine = adl_fills(queued, quantity=Decimal(5), queue=AdlQueue.PRO_RATA, lot_step=Decimal("0.1"))
    assert {fill.position: fill.quantity for fill in fine.fills} == {
        "a": Decimal("2.5"),
        "b": Decimal("1.5"),
        "c": Decimal(1),
    }


QUANTITIES = st.integers(1, 10**6).map(lambda lots: Decimal(lots) / 100)


@given(
    st.lists(QUANTITIES, max_size=12),
    QUANTITIES,
    st.sampled_from([AdlQueue.PROFIT_AMOUNT, AdlQueue.PRO_RATA]),
    st.randoms(),
)
def test_any_cut_closes_all_that_can_be_and_no_position_beyond_its_size(
    sizes: list[Decimal], quantity: Decimal, queue: AdlQueue, shuffled: random.Random
) -> None:
    rows = [position(f"p{place}", SHORT, str(size), "110", "100") for place, size in enumerate(sizes)]
    queued = adl_queue(rows, queue=queue, contract="X-PERP", taken_over=LONG)
    cut = adl_fills(queued, quantity=quantity, queue=queue, lot_step=Decimal("0.01"))
    assert total(fill.quantity for fill in cut.fills) == min(quantity, total(sizes))
    assert total((cut.left, *(fill.quantity for fill in cut.fills))) == quantity
    by_position = {row.position: row.quantity for row in queued}
    assert all(0 < fill.quantity <= by_position[fill.position] for fill in cut.fills)
    shuffled.shuffle(rows)
    again = adl_queue(rows, queue=queue, contract="X-PERP", taken_over=LONG)
    assert adl_fills(again, quantity=quantity, queue=queue, lot_step=Decimal("0.01")) == cut


@pytest.mark.parametrize(
    ("queue_length", "lights"),
    [(1, [5]), (5, [5, 4, 3, 2, 1]), (10, [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]), (3, [5, 4, 2])],
)
def test_the_first_fifth_of_the_queue_sees_five_lights(queue_length: int, lights: list[int]) -> None:
    assert [rank_lights(rank, queue_length=queue_length) for rank in range(1, queue_length + 1)] == lights
