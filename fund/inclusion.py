"""Proofs that an allocation is in the tree whose root is published with its cycle. Source: RFC 9162, section 2.1.

The rows never leave the database: `fund/sql/allocation_tree.sql` grows the tree once, after the settlement, and reads
the path of a row out of it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from secrets import token_bytes

from django.db import connection
from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, When

from fund.models import Allocation, AllocationTree, Cycle
from fund.rules import allocation_leaf, leaf_hash, root_from_path

# As many bytes as the hash has: nobody tries them out.
_SALT_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """`leaf`: the text that was hashed; `hashes`: its siblings on the way up, in hex, like `root`."""

    leaf_index: int
    tree_size: int
    leaf: str
    hashes: tuple[str, ...]
    root: str


def root_of(cycle: Cycle) -> str | None:
    """Root of the settlement that stands, in hex; None before it, and where nobody takes part.

    The tree is grown where it has not been yet. That is not the settlement's to do: hashing takes half of its time.
    """
    if cycle.status != Cycle.Status.SETTLED or not cycle.participants:
        return None
    return _known(cycle) or _grow(cycle.pk, cycle.run)


def rooted(cycle: Cycle, *, grown: bool) -> Cycle:
    """The cycle with its `allocations_root`, as `with_roots` has it; `grown`: also where there was no tree yet."""
    cycle.allocations_root = root_of(cycle) if grown else _known(cycle)  # type: ignore[attr-defined]
    return cycle


def with_roots(cycles: QuerySet[Cycle]) -> QuerySet[Cycle]:
    """With `allocations_root`: of the settlement that stands, None where its tree has not been grown yet."""
    trees = AllocationTree.objects.filter(cycle=OuterRef("pk"), run=OuterRef("run"))
    standing = Case(When(status=Cycle.Status.SETTLED, then=Subquery(trees.values("root"))))
    return cycles.annotate(allocations_root=standing)


def ungrown() -> QuerySet[Cycle]:
    """Settled cycles with participants whose tree has not been grown yet."""
    settled = Cycle.objects.filter(status=Cycle.Status.SETTLED, participants__gt=0)
    return settled.exclude(Exists(AllocationTree.objects.filter(cycle=OuterRef("pk"), run=OuterRef("run"))))


def proofs(cycle: Cycle, rows: Collection[Allocation]) -> dict[int, Proof]:
    """By rank, of allocations of the settlement that stands."""
    root = root_of(cycle)
    if root is None or not rows:
        return {}
    assert cycle.participants is not None, "a settled cycle has its figures"
    by_rank = {row.rank: row for row in rows}
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM fund_allocation_paths_v1(%s, %s, %s)", [cycle.pk, cycle.run, list(by_rank)])
        return {
            rank: _proof(cycle, by_rank[rank], bytes(nonce), list(map(bytes, path)), cycle.participants, root)
            for rank, nonce, path in cursor
        }


def _known(cycle: Cycle) -> str | None:
    return AllocationTree.objects.filter(cycle=cycle, run=cycle.run).values_list("root", flat=True).first()


def _grow(cycle_id: int, run: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT fund_grow_allocation_tree_v1(%s, %s, %s)", [cycle_id, run, token_bytes(_SALT_BYTES)])
        row = cursor.fetchone()
    assert row is not None
    root: str = row[0]
    return root


def _proof(cycle: Cycle, row: Allocation, nonce: bytes, path: list[bytes], size: int, root: str) -> Proof:
    leaf = allocation_leaf(
        fund=cycle.fund.code,
        cycle=cycle.number,
        run=row.run,
        rank=row.rank,
        position=row.position,
        trader=row.trader,
        profit=row.profit,
        amount=row.amount,
        nonce=nonce,
    )
    reached = root_from_path(leaf_hash(leaf.encode()), index=row.rank - 1, size=size, path=path)
    assert reached == bytes.fromhex(root), f"rank {row.rank} of {cycle}, run {row.run}, is not in the tree {root}"
    hashes = tuple(each.hex() for each in path)
    return Proof(leaf_index=row.rank - 1, tree_size=size, leaf=leaf, hashes=hashes, root=root)
