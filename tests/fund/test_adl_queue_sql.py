"""The queue that the database ranks is the one that the rule ranks, on any positions."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from math import gcd

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fund import adl
from fund.models import OpenPosition
from fund.rulebook import AdlQueue
from fund.rules import AdlCut, ContractKind, PositionSide, Queued, adl_fills, adl_queue
from fund.rules import OpenPosition as Row
from ledger.errors import Refused
from ledger.money import EXACT, round_half_even

pytestmark = pytest.mark.django_db

FUND = 1
CONTRACT = "X-PERP"
SEED = "of the fourteenth"
IN_TURN = [queue for queue in AdlQueue if queue not in (AdlQueue.EXTERNAL, AdlQueue.PRO_RATA)]
# Of so many ids the database looks at one before it begins.
SAMPLED = 256
NAMES = "aAbBcdefghéz"
SMALLEST = Decimal("1e-18")


def numbers(*texts: str) -> st.SearchStrategy[Decimal]:
    return st.sampled_from([Decimal(text) for text in texts])


# Where estimates tie, cancel out or reach the ends of what a number can be.
prices = numbers("1e-18", "0.1", "1", "1.000000000000000001", "3", "7", "99.99", "100", "100.01", "1e30", "9e37")
quantities = numbers("1e-18", "0.5", "1", "2", "3", "1e30")
amounts = numbers("-100", "-3", "-1", "-1e-18", "0", "1e-18", "0.5", "1", "2", "3", "97", "1e30")
multipliers = numbers("1", "0.001", "100")
everywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def books(draw: st.DrawFn) -> tuple[adl.Book, list[Row]]:
    """A book of up to 12 positions, some alike, some all but bankrupt, and some that stand on the other side."""
    book = adl.Book(
        fund_id=FUND,
        contract=CONTRACT,
        kind=draw(st.sampled_from(ContractKind)),
        multiplier=draw(multipliers),
        side=draw(st.sampled_from(PositionSide)),
    )
    mark = draw(prices)
    rows = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=12)):
        row = book.row(
            name,
            f"trader of {name}",
            draw(quantities),
            draw(prices),
            draw(st.one_of(st.just(mark), prices)),
            draw(amounts),
            draw(amounts),
        )
        if abs(row.profit) < 10**30 and draw(st.booleans()):
            # Its equity is what rounding the profit leaves, and a unit more or less.
            almost = EXACT.add(round_half_even(-row.profit, 18), draw(st.integers(-1, 1)) * SMALLEST)
            row = replace(row, margin=almost, wallet=almost)
        if draw(st.integers(0, 9)) == 0:
            row = replace(row, side=book.side.opposite)
        rows.append(row)
    return book, rows


@st.composite
def nearly_tied(draw: st.DrawFn) -> tuple[adl.Book, list[Row]]:
    """Two profits of an inverse contract that differ by the least that quotients of such numbers can."""
    mark = draw(st.integers(1, 10**12))
    entries = draw(st.lists(st.integers(mark + 1, 10**15), min_size=2, max_size=2, unique=True))
    first, second = ((entry - mark) * other for entry, other in zip(entries, reversed(entries), strict=True))
    # first · sizes[0] − second · sizes[1] is their greatest common divisor.
    divisor = gcd(first, second)
    size = pow(first // divisor, -1, second // divisor) or 1
    sizes = [size, (first * size - divisor) // second or 1]
    book = adl.Book(
        fund_id=FUND, contract=CONTRACT, kind=ContractKind.INVERSE, multiplier=Decimal(1), side=PositionSide.SHORT
    )
    numbered = zip(draw(st.permutations("ab")), sizes, entries, strict=True)
    return book, [
        book.row(name, f"trader of {name}", Decimal(size), Decimal(entry), Decimal(mark), None, None)
        for name, size, entry in numbered
    ]


@everywhere
@given(nearly_tied(), st.sampled_from([(1, None), (None,)]))
def test_scores_that_differ_by_the_least_they_can_are_told_apart(
    book_of_rows: tuple[adl.Book, list[Row]], examined: tuple[int | None, ...]
) -> None:
    book, rows = book_of_rows
    hold(rows)
    queued, _ = by_the_rule(book, rows, AdlQueue.PROFIT_AMOUNT, SMALLEST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adl, "_EXAMINED", examined)
        patch.setattr(adl, "SHOWN", 1)
        head = adl.queue(book, policy=AdlQueue.PROFIT_AMOUNT, seed=None, quantity=SMALLEST)
    assert head.queued == queued[:1]
    standings = adl.standings(book, policy=AdlQueue.PROFIT_AMOUNT, seed=None, positions=["a", "b"])
    assert {each.position: each.rank for each in standings} == {row.position: row.rank for row in queued}


@everywhere
@given(
    books(),
    st.sampled_from(IN_TURN),
    quantities,
    st.sampled_from([(1, 128, None), (None,)]),
    st.integers(1, 4),
    st.sampled_from([1, SAMPLED // 2, SAMPLED]),
)
def test_the_head_is_ranked_and_cut_as_the_rule_does(
    book_of_rows: tuple[adl.Book, list[Row]],
    policy: AdlQueue,
    quantity: Decimal,
    examined: tuple[int | None, ...],
    shown: int,
    apart: int,
) -> None:
    book, rows = book_of_rows
    hold(rows, apart=apart)
    queued, cut = by_the_rule(book, rows, policy, quantity)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adl, "_EXAMINED", examined)
        patch.setattr(adl, "SHOWN", shown)
        head = adl.queue(book, policy=policy, seed=SEED, quantity=quantity)
    assert head.queued == queued[: max(shown, len(cut.fills))]
    assert (head.length, head.cut) == (len(queued), cut)


@everywhere
@given(
    books(), st.sampled_from([Decimal(1), Decimal("0.5"), Decimal(7), Decimal("2.000000000000000001"), Decimal("1e31")])
)
def test_pro_rata_closes_as_the_rule_does(book_of_rows: tuple[adl.Book, list[Row]], quantity: Decimal) -> None:
    book, rows = book_of_rows
    hold(rows)
    queued, cut = by_the_rule(book, rows, AdlQueue.PRO_RATA, quantity)
    head = adl.queue(book, policy=AdlQueue.PRO_RATA, seed=None, quantity=quantity)
    assert (head.queued, head.length, head.cut) == (queued, len(queued), cut)


@everywhere
@given(books(), st.sampled_from(IN_TURN), st.sets(st.sampled_from(NAMES), min_size=1))
def test_every_position_stands_where_the_rule_ranks_it(
    book_of_rows: tuple[adl.Book, list[Row]], policy: AdlQueue, asked: set[str]
) -> None:
    book, rows = book_of_rows
    hold(rows)
    queued, _ = by_the_rule(book, rows, policy, Decimal(1))
    ranks = {row.position: row.rank for row in queued}
    expected = [
        adl.Standing(position=row.position, rank=ranks.get(row.position), length=len(queued))
        for row in sorted(rows, key=lambda row: row.position)
        if row.side is book.side and row.position in asked
    ]
    assert adl.standings(book, policy=policy, seed=SEED, positions=sorted(asked)) == expected


def hold(rows: Sequence[Row], *, apart: int = 1) -> None:
    """These are the fund's open positions, and no others; their ids are multiples of `apart`."""
    OpenPosition.objects.all().delete()
    OpenPosition.objects.bulk_create(
        OpenPosition(
            id=number * apart,
            fund_id=FUND,
            position=row.position,
            trader=row.trader,
            contract=row.contract,
            side=row.side.value,
            quantity=row.quantity,
            entry_price=row.entry_price,
            mark_price=row.mark_price,
            margin=row.margin,
            wallet=row.wallet,
        )
        for number, row in enumerate(rows, start=1)
    )


def by_the_rule(
    book: adl.Book, rows: Sequence[Row], policy: AdlQueue, quantity: Decimal
) -> tuple[tuple[Queued, ...], AdlCut]:
    queued = adl_queue(rows, queue=policy, contract=CONTRACT, taken_over=book.side.opposite, seed=SEED)
    finest = min(value.normalize(EXACT).as_tuple().exponent for value in [quantity, *(row.quantity for row in queued)])
    lot_step = EXACT.scaleb(Decimal(1), min(int(finest), 0))
    return queued, adl_fills(queued, quantity=quantity, queue=policy, lot_step=lot_step)


@pytest.mark.parametrize("policy", [policy for policy in IN_TURN if policy is not AdlQueue.SEEDED_RANDOM])
def test_ties_go_by_code_point(policy: AdlQueue) -> None:
    book, (row, *_) = simple_book()
    hold([replace(row, position=name, trader=f"trader of {name}") for name in ("b", "a", "B", "é", "C")])
    head = adl.queue(book, policy=policy, seed=None, quantity=Decimal(3))
    assert [each.position for each in head.queued] == ["B", "C", "a", "b", "é"]
    standings = adl.standings(book, policy=policy, seed=None, positions=["é", "b", "a", "C", "B"])
    assert [(each.position, each.rank) for each in standings] == [("B", 1), ("C", 2), ("a", 3), ("b", 4), ("é", 5)]


def test_an_empty_book_has_an_empty_queue() -> None:
    book = adl.Book(
        fund_id=FUND, contract=CONTRACT, kind=ContractKind.LINEAR, multiplier=Decimal(1), side=PositionSide.LONG
    )
    for policy in AdlQueue:
        head = adl.queue(book, policy=policy, seed=SEED, quantity=Decimal(3))
        assert head == adl.Head(queued=(), length=0, cut=AdlCut(fills=(), left=Decimal(3)))


@pytest.mark.parametrize(
    ("policy", "lacking", "named"),
    [
        (AdlQueue.PNL_RATE_X_LEVERAGE, "margin", "margin"),
        (AdlQueue.PROFIT_X_MARGIN_RATIO, "margin", "margin and wallet"),
        (AdlQueue.PROFIT_X_MARGIN_RATIO, "wallet", "margin and wallet"),
        (AdlQueue.MARK_ENTRY_X_LEVERAGE, "wallet", "wallet"),
    ],
)
def test_a_position_without_what_its_score_needs_is_named(policy: AdlQueue, lacking: str, named: str) -> None:
    book, rows = simple_book()
    hold([replace(rows[0], margin=None) if lacking == "margin" else replace(rows[0], wallet=None), *rows[1:]])
    with pytest.raises(Refused) as refused:
        adl.queue(book, policy=policy, seed=None, quantity=Decimal(1))
    assert refused.value.code == "adl_input_missing"
    assert refused.value.detail == f"position p1: the queue ranks by {named}, and it has none"
    assert [each.rank for each in adl.standings(book, policy=policy, seed=None, positions=["p2"])] == [None]


def test_an_external_queue_is_the_venues_list() -> None:
    book, rows = simple_book()
    hold(rows)
    head = adl.queue(book, policy=AdlQueue.EXTERNAL, seed=None, quantity=Decimal("1.5"), listed=["p3", "p1"])
    assert [row.position for row in head.queued] == ["p3", "p1"]
    assert [fill.quantity for fill in head.cut.fills] == [Decimal(1), Decimal("0.5")]
    with pytest.raises(Refused) as refused:
        adl.queue(book, policy=AdlQueue.EXTERNAL, seed=None, quantity=Decimal(1), listed=["p9"])
    assert refused.value.code == "adl_position_unknown"


def test_no_rank_is_known_before_an_order_that_is_drawn_or_given_later() -> None:
    book, rows = simple_book()
    hold(rows)
    for policy in (AdlQueue.SEEDED_RANDOM, AdlQueue.PRO_RATA, AdlQueue.EXTERNAL):
        assert adl.standings(book, policy=policy, seed=None, positions=["p1"]) == []


@pytest.mark.parametrize("digest", [b"\0" * 32, b"\xff" * 32, bytes(range(120, 152)), b"\x7f\x00\x01\x80" * 8])
def test_a_draw_is_the_digests_first_32_bits_whatever_reads_them(digest: bytes) -> None:
    """Before PostgreSQL 18 they go by their text."""
    by_text = "-(('x' || encode(substr(%(digest)s::bytea, 1, 4), 'hex'))::bit(32)::bigint::float8)"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT fund_adl_draw_v1(%(digest)s::bytea), {by_text}", {"digest": digest})
        assert cursor.fetchone() == (-float(int.from_bytes(digest[:4])),) * 2


def simple_book() -> tuple[adl.Book, list[Row]]:
    """Three longs of size 1 in profit, p1 the first of the queue by profit."""
    book = adl.Book(
        fund_id=FUND, contract=CONTRACT, kind=ContractKind.LINEAR, multiplier=Decimal(1), side=PositionSide.LONG
    )
    one, mark = Decimal(1), Decimal(100)
    return book, [
        book.row(f"p{place}", f"trader of p{place}", one, Decimal(60 + 10 * place), mark, one, one)
        for place in (1, 2, 3)
    ]
