"""The Merkle tree over what a settlement's participants bear. Source: RFC 9162, section 2.1; the leaves: RFC 8785.

This is the readable reference of `allocation_tree.sql`.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256

from ledger.money import plain


def allocation_leaf(
    *,
    fund: str,
    cycle: int,
    run: int,
    rank: int,
    position: str,
    trader: str,
    profit: Decimal,
    amount: Decimal,
    nonce: bytes,
) -> str:
    """The text that a leaf is the hash of. `cycle` is the cycle's number; `nonce` keeps neighbours from guessing it."""
    leaf = {
        "amount": plain(amount),
        "cycle": cycle,
        "fund": fund,
        "nonce": nonce.hex(),
        "position": position,
        "profit": plain(profit),
        "rank": rank,
        "run": run,
        "trader": trader,
    }
    return json.dumps(leaf, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Of the hashes of leaves, at least one."""
    assert leaves, "a tree has a leaf"
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(merkle_root(leaves[:split]), merkle_root(leaves[split:]))


def merkle_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from the leaf of this place, counted from 0, to the root, bottom up."""
    assert 0 <= index < len(leaves), "the leaf is in the tree"
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*merkle_path(leaves[:split], index), merkle_root(leaves[split:])]
    return [*merkle_path(leaves[split:], index - split), merkle_root(leaves[:split])]


def root_from_path(leaf: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf's hash and its path lead to; None where the path is not of that length."""
    if not 0 <= index < size:
        return None
    last, reached = size - 1, leaf
    for sibling in path:
        if not last:
            return None
        if index % 2 or index == last:
            reached = node_hash(sibling, reached)
            # A node without a sibling goes up as it is.
            while index and not index % 2:
                index, last = index // 2, last // 2
        else:
            reached = node_hash(reached, sibling)
        index, last = index // 2, last // 2
    return None if last else reached


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
