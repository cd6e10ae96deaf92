"""The tree is that of RFC 9162, whatever its size, and a proof of anything else is refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.proofs.merkle import (
    EMPTY_ROOT,
    GrowingTree,
    ProofError,
    ProvableTree,
    check_consistency,
    check_inclusion,
    edge_of,
    leaf_hash,
)

# the test vectors of Certificate Transparency, which every implementation of its tree is held to
VECTORS: Final = {
    "": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "00": "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "10": "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "2021": "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "3031": "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "40414243": "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "5051525354555657": "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "606162636465666768696a6b6c6d6e6f": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
SIZES: Final = (1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 700)
SIZE_MAX: Final = 66_000
"""Enough for a third kept level."""


def entry(number: int) -> bytes:
    return sha256(f"entry {number}".encode()).digest()


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root as RFC 9162, 2.1.1, defines it."""
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return sha256(b"\x01" + defined_root(leaves[:middle]) + defined_root(leaves[middle:])).digest()


class Kept:
    """A tree's tiles, as a database keeps them after each growth."""

    def __init__(self) -> None:
        self.tree = GrowingTree()
        self.tiles: dict[tuple[int, int], bytes] = {}

    def grow_to(self, size: int) -> None:
        while self.tree.size < size:
            self.tree.append(entry(self.tree.size))
        for level, place, hashes in (*self.tree.take_full(), *self.tree.edge()):
            self.tiles[level, place] = hashes

    def read(self, level: int, place: int) -> bytes:
        return self.tiles[level, place]


@pytest.fixture(scope="module")
def kept() -> Kept:
    """A tree that was kept at many sizes, the largest last."""
    made = Kept()
    for size in (*SIZES, 65_535, 65_537, SIZE_MAX):
        made.grow_to(size)
    return made


def test_roots_are_those_of_certificate_transparency() -> None:
    """Leaves and nodes are told apart by their first byte."""
    tree = GrowingTree()
    assert tree.root() == EMPTY_ROOT == sha256(b"").digest()

    for leaf, root in VECTORS.items():
        tree.append(bytes.fromhex(leaf))
        assert tree.root().hex() == root


@pytest.mark.parametrize("size", SIZES)
def test_a_root_is_as_defined_however_it_is_come_by(kept: Kept, size: int) -> None:
    """Grown, grown on from what was kept, and read from what was kept of a larger tree."""
    defined = defined_root([leaf_hash(entry(number)) for number in range(size)])
    grown = GrowingTree()
    for number in range(size):
        grown.append(entry(number))

    assert grown.root() == defined
    assert GrowingTree(size, edge_of(size, kept.read)).root() == defined
    assert ProvableTree(size, kept.read).root() == defined


def test_a_tree_grows_on_from_what_was_kept(kept: Kept) -> None:
    """Over the border of a tile on each kept level: no tile is lost, none twice."""
    tree, tiles = GrowingTree(65_530, edge_of(65_530, kept.read)), []
    for number in range(65_530, 65_540):
        tree.append(entry(number))
        tiles += tree.take_full()

    assert [(tile.level, tile.place) for tile in tiles] == [(0, 255), (1, 0)]
    assert all(tile.hashes == kept.tiles[tile.level, tile.place] for tile in tiles)
    assert tree.root() == ProvableTree(65_540, kept.read).root()


@given(size=st.integers(1, SIZE_MAX), data=st.data())
def test_a_leaf_is_shown_to_be_in_the_tree(kept: Kept, size: int, data: st.DataObject) -> None:
    """By its own place and in this tree; no other leaf, place, size or root will do."""
    at = data.draw(st.integers(0, size - 1))
    tree = ProvableTree(size, kept.read)
    proof, root, leaf = tree.inclusion(at), tree.root(), leaf_hash(entry(at))

    check_inclusion(leaf, at, size, proof, root)
    for wrong in (
        partial(check_inclusion, leaf_hash(entry(at + 1)), at, size, proof, root),
        partial(check_inclusion, leaf, at, size, [*proof, root], root),
        partial(check_inclusion, leaf, at, size, proof, entry(0)),
        partial(check_inclusion, leaf, size, size, proof, root),
    ):
        with pytest.raises(ProofError):
            wrong()
    if proof:
        with pytest.raises(ProofError):
            check_inclusion(leaf, at, size, proof[:-1], root)


@given(sizes=st.tuples(st.integers(1, SIZE_MAX), st.integers(1, SIZE_MAX)).map(sorted))
def test_a_tree_is_shown_to_be_the_beginning_of_another(kept: Kept, sizes: list[int]) -> None:
    """By the nodes that lead to both roots; where one of the two is another, they do not."""
    first, second = sizes
    older, newer = ((size, ProvableTree(size, kept.read).root()) for size in (first, second))
    proof = ProvableTree(second, kept.read).consistency(first)

    check_consistency(older, newer, proof)
    for wrong in (
        partial(check_consistency, (first, entry(0)), newer, proof),
        partial(check_consistency, older, (second, entry(0)), proof),
        partial(check_consistency, older, newer, [*proof, entry(0)]),
    ):
        with pytest.raises(ProofError):
            wrong()


@pytest.mark.parametrize("size", [0, 9])
def test_nothing_shows_an_empty_or_a_longer_tree_to_be_the_beginning(kept: Kept, size: int) -> None:
    """There is no such proof to ask for."""
    with pytest.raises(ProofError):
        ProvableTree(8, kept.read).consistency(size)


def test_a_tile_that_was_cut_is_told() -> None:
    """No proof is made of what is not there."""
    made = Kept()
    made.grow_to(10)
    made.tiles[0, 0] = made.tiles[0, 0][:64]

    with pytest.raises(ProofError, match="holds 2 nodes where"):
        ProvableTree(10, made.read).inclusion(0)
