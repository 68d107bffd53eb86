"""The tree of a settlement's allocations against the published values of RFC 6962's log, and every path in it."""

from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fund.rules import allocation_leaf, leaf_hash, merkle_path, merkle_root, node_hash, root_from_path

# The leaves that Certificate Transparency's own tests hash, and the root of the first n of them.
PUBLISHED = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(str(place).encode()) for place in range(size)]


def by_levels(nodes: list[bytes]) -> bytes:
    """The same tree grown from below: pairs, and an odd last node goes up as it is."""
    while len(nodes) > 1:
        pairs = [nodes[place : place + 2] for place in range(0, len(nodes), 2)]
        nodes = [node_hash(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return nodes[0]


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_roots_are_those_that_certificate_transparency_publishes(size: int, root: str) -> None:
    assert merkle_root([leaf_hash(bytes.fromhex(leaf)) for leaf in PUBLISHED[:size]]).hex() == root


@given(size=st.integers(1, 600), data=st.data())
def test_every_path_leads_to_the_root_and_no_other_does(size: int, data: st.DataObject) -> None:
    tree, index = leaves(size), data.draw(st.integers(0, size - 1))
    root, path = merkle_root(tree), merkle_path(tree, index)

    assert root == by_levels(tree)
    assert root_from_path(tree[index], index=index, size=size, path=path) == root
    assert root_from_path(leaf_hash(b"another"), index=index, size=size, path=path) != root
    assert root_from_path(tree[index], index=index, size=size, path=[*path, root]) is None
    assert root_from_path(tree[index], index=size, size=size, path=path) is None
    if path:
        changed = data.draw(st.integers(0, len(path) - 1))
        forged = [sha256(each).digest() if place == changed else each for place, each in enumerate(path)]
        assert root_from_path(tree[index], index=index, size=size, path=forged) != root
        assert root_from_path(tree[index], index=index, size=size, path=path[:-1]) != root


def test_leaf_is_one_line_of_canonical_json() -> None:
    leaf = allocation_leaf(
        fund="usdt",
        cycle=7,
        run=2,
        rank=3,
        position='p"\n\x1fé',
        trader="bob",
        profit=Decimal("150.00"),
        amount=Decimal("0E-8"),
        nonce=b"\xab",
    )

    assert leaf == (
        '{"amount":"0","cycle":7,"fund":"usdt","nonce":"ab","position":"p\\"\\n\\u001fé","profit":"150","rank":3,"run":2,'
        '"trader":"bob"}'
    )
