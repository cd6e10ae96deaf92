"""Checkpoints that were signed after a backup: kept again from their topic, where all that they say still holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from psycopg import Connection

from infra.log.auditing import events_after
from infra.log.queries import last_position
from infra.log.restoring import outcome_hash_at
from infra.proofs import store
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.key_file import AuditKeyMissingError, read_keys
from infra.proofs.merkle import GrowingTree
from infra.proofs.signed_note import Note, NoteUnreadableError, SignatureError, VerifierKey
from infra.proofs.store import SignedCheckpoint
from infra.settings import Settings
from workers.auditor.published import notes
from workers.auditor.worker import tree_as_signed

PAGE_EVENTS: Final = 5_000


class CheckpointsRestored(NamedTuple):
    """How many checkpoints are kept again, and how many are left on their topic alone."""

    kept: int
    left: int


def restore_checkpoints(settings: Settings, connection: Connection, bootstrap: str, topic: str) -> CheckpointsRestored:
    """Keep the checkpoints of the topic that the database lacks, up to the first that does not hold any more."""
    newest = store.newest(connection)
    signed = Checkpoint.parse(Note.parse(newest.note).text) if newest else None
    held = _Held(
        connection, tree_as_signed(connection, signed), signed.number if signed else 0, _keys(settings, connection)
    )
    kept, left = 0, 0
    for told in notes(bootstrap, topic):
        checkpoint = _checkpoint(told.note)
        if checkpoint is not None and checkpoint.number <= held.number:
            continue
        if left or checkpoint is None or not held.keep(checkpoint, told.note):
            left += 1
        else:
            kept += 1
    return CheckpointsRestored(kept, left)


@dataclass
class _Held:
    """The tree as far as a checkpoint covers it, and that checkpoint's number."""

    connection: Connection
    tree: GrowingTree
    number: int
    keys: Sequence[VerifierKey]

    def keep(self, checkpoint: Checkpoint, note: str) -> bool:
        """Keep the next checkpoint if all that it says holds; tell whether it does."""
        signer = self._signer(checkpoint, note)
        if signer is None:
            return False
        root = checkpoint.root.hex()
        row = SignedCheckpoint(checkpoint.number, checkpoint.tree_size, root, note, checkpoint.signed_at)
        with self.connection.transaction():
            store.save(self.connection, row, [*self.tree.take_full(), *self.tree.edge()], signer)
        self.number = checkpoint.number
        return True

    def _signer(self, checkpoint: Checkpoint, note: str) -> VerifierKey | None:
        """Return who signed a checkpoint, if it follows the one before and what it says holds; the tree grows to it."""
        follows = checkpoint.number == self.number + 1
        if not follows or not self.tree.size <= checkpoint.tree_size <= last_position(self.connection):
            return None
        if outcome_hash_at(self.connection, checkpoint.outcomes) != checkpoint.outcomes_hash:
            return None
        while (lacking := checkpoint.tree_size - self.tree.size) > 0:
            for event in events_after(self.connection, self.tree.size, min(PAGE_EVENTS, lacking)):
                self.tree.append(event.hash)
        try:
            return Note.parse(note).signers(self.keys)[0] if self.tree.root() == checkpoint.root else None
        except SignatureError:
            return None


def _keys(settings: Settings, connection: Connection) -> list[VerifierKey]:
    """Return the keys that may have signed: those that the database knows, and this machine's own."""
    try:
        own = [key.verifier for key in read_keys(settings)]
    except AuditKeyMissingError:
        own = []
    known = store.known_keys(connection)
    return [*known, *(key for key in own if key not in known)]


def _checkpoint(note: str) -> Checkpoint | None:
    try:
        return Checkpoint.parse(Note.parse(note).text)
    except NoteUnreadableError:
        return None
