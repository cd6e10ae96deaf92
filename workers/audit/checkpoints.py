"""Every checkpoint ever signed: numbered without gaps, signed by one key after the other, in view and topic alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from infra.proofs.checkpoint import Checkpoint
from infra.proofs.signed_note import Note, NoteUnreadableError, SignatureError, VerifierKey
from infra.proofs.store import SignedCheckpoint
from workers.auditor.faults import AuditFault, FaultFoundError, What
from workers.auditor.published import PublishedNote


@dataclass
class CheckpointSeries:
    """Checks checkpoints one after the other.

    Args:
        keys: Those that may have signed.
        trusted: Of them those that whoever checks holds; one of them signed the newest checkpoint.
    """

    keys: Sequence[VerifierKey]
    trusted: Sequence[VerifierKey]
    seen: int = 0
    _signers: list[VerifierKey] = field(default_factory=list)

    def follow(self, row: SignedCheckpoint) -> None:
        """Check the row that follows the one before; raises ``FaultFoundError``."""
        if row.number != self.seen + 1:
            raise FaultFoundError(
                _at("checkpoint_missing", row.tree_size, f"number {self.seen + 1}", f"number {row.number}")
            )
        try:
            note = Note.parse(row.note)
            signers = note.signers(self.keys)
            said = Checkpoint.parse(note.text)
        except (NoteUnreadableError, SignatureError) as wrong:
            raise FaultFoundError(_at("checkpoint_signature", row.tree_size, "a good signature", str(wrong))) from wrong
        if self._signers and not set(signers) & set(self._signers):
            names = ", ".join(key.key_id.hex() for key in self._signers)
            raise FaultFoundError(
                _at("checkpoint_signature", row.tree_size, f"a signature of key {names} too", "another key's alone")
            )
        told = (said.number, said.tree_size, said.root.hex(), said.signed_at)
        if told != (row.number, row.tree_size, row.root, row.signed_at):
            kept = f"number {row.number}, size {row.tree_size}, root {row.root}, {row.signed_at}"
            raise FaultFoundError(_at("checkpoint_signature", said.tree_size, "the row as its note was signed", kept))
        self._signers, self.seen = [key for key in signers if key != self._replaced(signers)], row.number

    def _replaced(self, signers: Sequence[VerifierKey]) -> VerifierKey | None:
        """Return the key that signs for the last time: the one that both signed before and has a successor now."""
        old = [key for key in signers if key in self._signers]
        return old[0] if self._signers and len(signers) > len(old) else None

    def end(self, newest: SignedCheckpoint | None) -> None:
        """Raise where the newest checkpoint is signed by none of the keys that are held."""
        if newest is not None and not set(self._signers) & set(self.trusted):
            held = ", ".join(str(key) for key in self.trusted)
            raise FaultFoundError(_at("checkpoint_signature", newest.tree_size, f"a signature of {held}", "another's"))


def check_all(
    rows: Iterable[SignedCheckpoint], notes: Iterator[PublishedNote] | None, series: CheckpointSeries, published: int
) -> None:
    """Check every checkpoint; raises ``FaultFoundError`` with the first that is not as it was.

    Args:
        rows: As the database has them, by number.
        notes: As the topic has them, read before the rows; None: it is not looked at.
        series: Knows the keys.
        published: Up to this number the topic must hold them.
    """
    newest, told = None, _Told(notes) if notes is not None else None
    for row in rows:
        if told is not None and (note := told.missing_before(row.number)) is not None:
            raise FaultFoundError(_at("checkpoint_missing", note.tree_size, f"number {note.number}", None))
        series.follow(row)
        if told is not None:
            told.hold(row, is_published=row.number <= published)
        newest = row
    if told is not None and (note := told.missing_before(None)) is not None:
        raise FaultFoundError(_at("checkpoint_missing", note.tree_size, f"number {note.number}", None))
    series.end(newest)


class _Told:
    """The topic's notes, read beside the rows."""

    def __init__(self, notes: Iterator[PublishedNote]) -> None:
        self._notes = notes
        self._next = self._read()
        self._last: tuple[int, str] = (0, "")

    def missing_before(self, number: int | None) -> Checkpoint | None:
        """Return the note that comes before a number, or None: there is no row for it. Repeats are passed over."""
        while self._next is not None:
            checkpoint, note = self._next
            if (checkpoint.number, note) == self._last:
                self._next = self._read()
                continue
            if checkpoint.number <= self._last[0]:
                raise FaultFoundError(
                    _at(
                        "checkpoint_signature", checkpoint.tree_size, "one note to a number", "another one on the topic"
                    )
                )
            return checkpoint if number is None or checkpoint.number < number else None
        return None

    def hold(self, row: SignedCheckpoint, *, is_published: bool) -> None:
        """Hold a row against its note on the topic."""
        if self._next is None or self._next[0].number != row.number:
            if is_published:
                raise FaultFoundError(
                    _at("checkpoint_missing", row.tree_size, f"number {row.number} on the topic", None)
                )
            return
        if self._next[1] != row.note:
            raise FaultFoundError(
                _at("checkpoint_signature", row.tree_size, "one note in the view and on the topic", "two that differ")
            )
        self._last = (row.number, row.note)
        self._next = self._read()

    def _read(self) -> tuple[Checkpoint, str] | None:
        record = next(self._notes, None)
        if record is None:
            return None
        try:
            return Checkpoint.parse(Note.parse(record.note).text), record.note
        except NoteUnreadableError as unreadable:
            where = {"partition": 0, "offset": record.offset}
            raise FaultFoundError(
                AuditFault("checkpoint_signature", where, "a note", str(unreadable), 0)
            ) from unreadable


def _at(what: What, tree_size: int, expected: str | None, found: str | None) -> AuditFault:
    return AuditFault(what, {"tree_size": tree_size}, expected, found, tree_size)
