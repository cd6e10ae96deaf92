"""The tree over the log, grown anew from its events, and held against what was kept and signed of it."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import Connection

from infra.log.auditing import event_at
from infra.proofs import store
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.merkle import HASH_BYTES, TILE_HASHES, GrowingTree, ProofError, Tile, edge_of, leaf_hash
from infra.records import StoredEvent
from workers.auditor.faults import AuditFault, FaultFoundError


class SignedTree:
    """Grows with the log up to the last leaf that was signed; whatever differs is raised as ``FaultFoundError``.

    Args:
        connection: To what was kept.
        begin: The checkpoint to go on from; None: there is no leaf yet.
        signed: What was signed from there on, in its order.
        signed_to: The size of the newest tree that was signed.
    """

    def __init__(
        self, connection: Connection, begin: Checkpoint | None, signed: Iterator[Checkpoint], signed_to: int
    ) -> None:
        size = begin.tree_size if begin else 0
        self._connection = connection
        self._begin = begin
        self._signed_to = signed_to
        self._tree = GrowingTree()
        self._roots = (one for one in signed if one.tree_size > size)
        self._next_root = next(self._roots, None)

    def begin(self) -> None:
        """Take up the tree at the beginning, whose kept nodes lead to the root that was signed."""
        begin = self._begin
        if begin is None:
            return
        try:
            self._tree = GrowingTree(begin.tree_size, edge_of(begin.tree_size, store.Tiles(self._connection)))
            found = self._tree.root().hex()
        except ProofError as lacking:
            found = str(lacking)
        if found != begin.root.hex():
            where = {"tree_size": begin.tree_size}
            raise FaultFoundError(AuditFault("node_changed", where, begin.root.hex(), found, begin.tree_size))
        self._hold_last_leaf(begin)

    def _hold_last_leaf(self, begin: Checkpoint) -> None:
        """Raise where the event before the first one checked is not the leaf that was signed."""
        place, within = divmod(begin.tree_size - 1, TILE_HASHES)
        kept = store.tile_at(self._connection, 0, place) or b""
        event = event_at(self._connection, begin.tree_size)
        leaf = kept[within * HASH_BYTES : (within + 1) * HASH_BYTES]
        if event is not None and leaf_hash(event.hash) != leaf:
            where = {"position": event.position}
            raise FaultFoundError(
                AuditFault("event_changed", where, leaf.hex(), leaf_hash(event.hash).hex(), event.position)
            )

    def grow(self, event: StoredEvent) -> None:
        """Add the leaf of an event, if it is a signed one."""
        if event.position > self._signed_to:
            return
        self._tree.append(event.hash)
        for tile in self._tree.take_full():
            self._hold_tile(tile, event.position)
        while self._next_root is not None and self._next_root.tree_size == event.position:
            self._hold_root(self._next_root, event.position)
            self._next_root = next(self._roots, None)
        if event.position == self._signed_to:
            for tile in self._tree.edge():
                self._hold_tile(tile, event.position)

    def end(self) -> None:
        """Raise where more leaves are kept than were signed: a checkpoint is gone."""
        kept = store.kept_size(self._connection)
        if kept > self._signed_to:
            where, said = {"tree_size": kept}, f"the checkpoint of the tree that is kept, of {kept} leaves"
            raise FaultFoundError(AuditFault("checkpoint_missing", where, said, None, kept))

    def _hold_root(self, signed: Checkpoint, position: int) -> None:
        root = self._tree.root()
        if root != signed.root:
            where = {"tree_size": position}
            raise FaultFoundError(AuditFault("checkpoint_root", where, signed.root.hex(), root.hex(), position))

    def _hold_tile(self, tile: Tile, position: int) -> None:
        kept = store.tile_at(self._connection, tile.level, tile.place)
        if kept is None or not kept.startswith(tile.hashes):
            where = {"level": tile.level, "place": tile.place}
            found = None if kept is None else _first_difference(tile.hashes, kept)
            raise FaultFoundError(
                AuditFault("node_changed", where, _first_difference(kept or b"", tile.hashes), found, position)
            )


def _first_difference(one: bytes, other: bytes) -> str:
    """Return of two rows of hashes the first in the other that differs, by its number."""
    for at in range(0, max(len(one), len(other)), HASH_BYTES):
        if one[at : at + HASH_BYTES] != other[at : at + HASH_BYTES]:
            return f"{other[at : at + HASH_BYTES].hex() or 'nothing'} as number {at // HASH_BYTES}"
    return "the same"
