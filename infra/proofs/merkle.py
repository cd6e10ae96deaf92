"""A Merkle tree that only grows, as RFC 9162 (2.1) defines it, with its proofs.

A leaf is SHA-256(0x00 ‖ entry), a node SHA-256(0x01 ‖ left ‖ right). Of the nodes every eighth level is kept, 256
neighbours together as one *tile*: level 0 holds the leaves, level 1 the roots of 256 leaves, level 2 those of 65,536.
What lies between is hashed from one tile, so a proof over ten million leaves reads a handful of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from domain.errors import RmaError

HASH_BYTES: Final = 32
TILE_BITS: Final = 8
TILE_HASHES: Final = 1 << TILE_BITS
EMPTY_ROOT: Final = sha256(b"").digest()


class Tile(NamedTuple):
    """Up to 256 neighbouring nodes of one kept level, from the left; a shorter one is the right edge of the tree."""

    level: int
    place: int
    hashes: bytes


class ProofError(RmaError):
    """A proof does not lead to the root it was held against; the message says why."""

    code = "proof_wrong"


def leaf_hash(entry: bytes) -> bytes:
    """Return the leaf of an entry; here an entry is the 32-byte chain hash of an event."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the node over two others."""
    return sha256(b"\x01" + left + right).digest()


def _full_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root of a complete subtree of 1, 2, 4, … nodes."""
    row = list(hashes)
    while len(row) > 1:
        row = [sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row), 2)]
    return row[0]


def _peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the largest complete subtrees that a row of nodes splits into, from the left."""
    peaks, at = [], 0
    while at < len(hashes):
        width = 1 << ((len(hashes) - at).bit_length() - 1)
        peaks.append(_full_root(hashes[at : at + width]))
        at += width
    return peaks


class GrowingTree:
    """A tree that grows at its right edge; of what is complete it keeps nothing but hands out tiles.

    Args:
        size: How many leaves it has already.
        edge: The unfinished tile of each kept level, the lowest first, as ``edge_of`` reads them.
    """

    def __init__(self, size: int = 0, edge: Iterable[Sequence[bytes]] = ()) -> None:
        self.size = size
        self._rows = [list(row) for row in edge]
        self._full: list[Tile] = []

    def append(self, entry: bytes) -> None:
        """Add the leaf of an entry."""
        self.size += 1
        self._push(0, sha256(b"\x00" + entry).digest())

    def _push(self, level: int, node: bytes) -> None:
        if level == len(self._rows):
            self._rows.append([])
        row = self._rows[level]
        row.append(node)
        if len(row) == TILE_HASHES:
            place = (self.size >> (TILE_BITS * (level + 1))) - 1
            self._full.append(Tile(level, place, b"".join(row)))
            self._rows[level] = []
            self._push(level + 1, _full_root(row))

    def root(self) -> bytes:
        """Return the root over all leaves."""
        peaks = [peak for row in reversed(self._rows) for peak in _peaks(row)]
        if not peaks:
            return EMPTY_ROOT
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root

    def take_full(self) -> list[Tile]:
        """Return the tiles that became full since this was asked last."""
        full, self._full = self._full, []
        return full

    def edge(self) -> list[Tile]:
        """Return the unfinished tiles at the right edge."""
        return [
            Tile(level, self.size >> (TILE_BITS * (level + 1)), b"".join(row))
            for level, row in enumerate(self._rows)
            if row
        ]


TileReader = Callable[[int, int], bytes]
"""Returns the hashes of a tile by its level and its place there."""


def edge_of(size: int, read: TileReader) -> list[list[bytes]]:
    """Return the unfinished tiles of a tree of so many leaves, the lowest level first."""
    edge: list[list[bytes]] = []
    while count := size >> (TILE_BITS * len(edge)):
        level = len(edge)
        kept = count % TILE_HASHES
        edge.append(_nodes(read(level, count // TILE_HASHES), kept) if kept else [])
    return edge


def _nodes(hashes: bytes, count: int) -> list[bytes]:
    if len(hashes) < count * HASH_BYTES:
        raise ProofError(f"a tile of the tree holds {len(hashes) // HASH_BYTES} nodes where {count} are needed")
    return [hashes[at : at + HASH_BYTES] for at in range(0, count * HASH_BYTES, HASH_BYTES)]


class ProvableTree:
    """A tree of a size, whose kept nodes are read where a proof needs them."""

    def __init__(self, size: int, read: TileReader) -> None:
        self.size = size
        self._read = read

    def root(self) -> bytes:
        """Return the root over all leaves."""
        return self._range_root(0, self.size) if self.size else EMPTY_ROOT

    def inclusion(self, leaf_index: int) -> list[bytes]:
        """Return the nodes that lead from a leaf to the root (RFC 9162, 2.1.3.1), the lowest first.

        Raises:
            ProofError: There is no such leaf.
        """
        if not 0 <= leaf_index < self.size:
            raise ProofError(f"a tree of {self.size} leaves has no leaf {leaf_index}")
        return self._path(leaf_index, 0, self.size)

    def consistency(self, older_size: int) -> list[bytes]:
        """Return the nodes that show a smaller tree to be this one's beginning (RFC 9162, 2.1.4.1).

        Raises:
            ProofError: The other is empty, or larger.
        """
        if not 0 < older_size <= self.size:
            raise ProofError(f"nothing shows a tree of {older_size} leaves to be the beginning of one of {self.size}")
        return self._subproof(older_size, 0, self.size, is_root_known=True)

    def _path(self, leaf: int, begin: int, end: int) -> list[bytes]:
        if end - begin == 1:
            return []
        middle = begin + _split(end - begin)
        if leaf < middle:
            return [*self._path(leaf, begin, middle), self._range_root(middle, end)]
        return [*self._path(leaf, middle, end), self._range_root(begin, middle)]

    def _subproof(self, older: int, begin: int, end: int, *, is_root_known: bool) -> list[bytes]:
        if older == end:
            return [] if is_root_known else [self._range_root(begin, end)]
        middle = begin + _split(end - begin)
        if older <= middle:
            return [
                *self._subproof(older, begin, middle, is_root_known=is_root_known),
                self._range_root(middle, end),
            ]
        return [*self._subproof(older, middle, end, is_root_known=False), self._range_root(begin, middle)]

    def _range_root(self, begin: int, end: int) -> bytes:
        """Return the root over the leaves from ``begin``, at which a subtree begins, up to ``end``."""
        width = end - begin
        if width & (width - 1) == 0:
            return self._node(width.bit_length() - 1, begin)
        middle = begin + _split(width)
        return node_hash(self._range_root(begin, middle), self._range_root(middle, end))

    def _node(self, height: int, begin: int) -> bytes:
        """Return the node at a height over the leaves from ``begin`` on."""
        level, above = divmod(height, TILE_BITS)
        first = begin >> (TILE_BITS * level)
        tile, within = divmod(first, TILE_HASHES)
        return _full_root(_nodes(self._read(level, tile), within + (1 << above))[within:])


def _split(width: int) -> int:
    """Return the largest power of two below a width of two or more."""
    return 1 << ((width - 1).bit_length() - 1)


def check_inclusion(leaf: bytes, leaf_index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Hold a leaf against a root (RFC 9162, 2.1.3.2); raises ``ProofError``."""
    if not 0 <= leaf_index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {leaf_index}")
    place, last, found = leaf_index, size - 1, leaf
    for node in proof:
        if last == 0:
            raise ProofError("the proof has more nodes than the tree is high")
        if place & 1 or place == last:
            found = node_hash(node, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, node)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the proof has too few nodes for a tree of this size")
    if found != root:
        raise ProofError("the nodes do not lead to the root")


def check_consistency(older: tuple[int, bytes], newer: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Hold the root of a smaller tree against that of a larger one (RFC 9162, 2.1.4.2); raises ``ProofError``.

    Args:
        older: Size and root of the smaller tree.
        newer: Size and root of the larger one.
        proof: As ``ProvableTree.consistency`` returns it.
    """
    (first, first_root), (second, second_root) = older, newer
    if not 0 < first <= second:
        raise ProofError(f"a tree of {first} leaves is no beginning of one of {second}")
    if first == second:
        if proof or first_root != second_root:
            raise ProofError("two trees of one size have two roots")
        return
    nodes = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not nodes:
        raise ProofError("the proof has too few nodes for trees of these sizes")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_found = new_found = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise ProofError("the proof has more nodes than the tree is high")
        if place & 1 or place == last:
            old_found, new_found = node_hash(node, old_found), node_hash(node, new_found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new_found = node_hash(new_found, node)
        place, last = place >> 1, last >> 1
    if last or old_found != first_root or new_found != second_root:
        raise ProofError("the nodes do not lead to both roots")
