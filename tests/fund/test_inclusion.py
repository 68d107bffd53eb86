"""The tree in SQL is the tree in Python, for every size, and each settlement has one of its own."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from operator import attrgetter

import pytest
from django.db import connection, transaction

from fund import cycles, inclusion
from fund.explanations import Explanation, explain
from fund.models import Allocation, AllocationTree, Cycle
from fund.rules import allocation_leaf, leaf_hash, merkle_path, merkle_root
from tests.fund.builders import open_cycle, open_fund
from tests.fund.settling import ILLUSTRATION, reverse, settle, settled

pytestmark = pytest.mark.django_db
# Names that JSON escapes, and names that it does not.
NAMES = ('p"{}', "p\\{}", "p\n{}", "p\x01{}", "p\x7f{}", "é{}", "𝄞 {}", "</{}>")


@contextmanager
def allocations(cycle: Cycle, size: int) -> Iterator[list[Allocation]]:
    """So many rows as the settlement that runs books them, gone afterwards."""
    with transaction.atomic():
        rows = [
            Allocation(
                cycle=cycle,
                run=1,
                rank=rank,
                position=NAMES[rank % len(NAMES)].format(rank),
                trader=f"t{rank % 7}",
                profit=Decimal(10**30) / 8 - rank,
                amount=Decimal(size - rank) / 8,
            )
            for rank in range(1, size + 1)
        ]
        Allocation.objects.bulk_create(rows)
        yield rows
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    "size", [*range(1, 71), 255, 256, 257, 511, 512, 513, *random.Random(9162).sample(range(514, 3000), 4)]
)
def test_tree_in_sql_is_the_tree_in_python(size: int) -> None:
    open_fund()
    cycle = open_cycle()
    cycles.end(cycle_id=cycle.pk)
    with allocations(cycle, size) as rows, connection.cursor() as cursor:
        cursor.execute("SELECT fund_grow_allocation_tree_v1(%s, 1, %s)", [cycle.pk, b"salt"])
        root = cursor.fetchone()
        asked = [row.rank for row in rows] if size < 100 else [1, 2, 256, 257, size // 2, size - 1, size]
        cursor.execute("SELECT * FROM fund_allocation_paths_v1(%s, 1, %s)", [cycle.pk, [*asked, 0, size + 1]])
        found = {rank: (bytes(nonce), list(map(bytes, hashes))) for rank, nonce, hashes in cursor}

        assert set(found) == {rank for rank in asked if rank <= size}
        cursor.execute("SELECT fund_allocation_nonce_v1(%s, g) FROM generate_series(1, %s) g", [b"salt", size])
        nonces = [bytes(row[0]) for row in cursor.fetchall()]
        leaves = [
            leaf_hash(
                allocation_leaf(
                    fund="usdt",
                    cycle=cycle.number,
                    run=1,
                    rank=row.rank,
                    position=row.position,
                    trader=row.trader,
                    profit=row.profit,
                    amount=row.amount,
                    nonce=nonce,
                ).encode()
            )
            for row, nonce in zip(rows, nonces, strict=True)
        ]
        assert root == (merkle_root(leaves).hex(),)
        assert found == {rank: (nonces[rank - 1], merkle_path(leaves, rank - 1)) for rank in found}


def published() -> str | None:
    """The root that lists show of the only cycle."""
    root: str | None = attrgetter("allocations_root")(inclusion.with_roots(Cycle.objects.all()).get())
    return root


def explained(cycle: Cycle, trader: str = "t1") -> Explanation:
    return explain(cycle_id=cycle.pk, trader=trader)


def test_tree_grows_once_and_its_nonces_are_nobody_elses() -> None:
    cycle = settled(*ILLUSTRATION)
    assert list(inclusion.ungrown()) == [cycle]
    assert published() is None

    root = inclusion.root_of(cycle)

    assert root
    assert inclusion.root_of(cycle) == root == AllocationTree.objects.get().root
    assert published() == root
    assert not inclusion.ungrown()
    proofs = [explained(cycle, f"t{number}").positions[0].proof for number in (1, 2, 3)]
    assert len({proof.leaf.split('"nonce":"')[1][:64] for proof in proofs if proof}) == 3


def test_reversed_run_keeps_its_root_and_the_next_one_proves_against_its_own() -> None:
    cycle = settled(*ILLUSTRATION)
    first = explained(cycle).positions[0].proof
    ended = reverse(cycle)
    assert inclusion.root_of(ended) is None
    assert published() is None
    again = settle(cycle)

    second = explained(again).positions[0].proof

    assert first
    assert second
    assert '"run":1' in first.leaf
    assert '"run":2' in second.leaf
    assert first.root != second.root == inclusion.root_of(again)
    assert set(AllocationTree.objects.values_list("run", "root")) == {(1, first.root), (2, second.root)}


def test_settlement_that_shares_nothing_has_no_tree() -> None:
    cycle = settled("-1", loss="1000")

    assert (inclusion.root_of(cycle), list(inclusion.ungrown())) == (None, [])
    assert explained(cycle).positions[0].proof is None
    assert not AllocationTree.objects.exists()
