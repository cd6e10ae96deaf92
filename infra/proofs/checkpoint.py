"""Checkpoints: what the log was at a moment, in the C2SP form ``tlog-checkpoint`` that standard tools read.

Lines: the origin, the tree's size, its root in base64; then extensions, which such tools pass over: ``number <n>``,
``outcomes <size> <hash>`` (the chain over all answers, in hex) and ``time <RFC 3339>``.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Self

from domain.values import dataclass
from infra.proofs.merkle import HASH_BYTES
from infra.proofs.signed_note import NoteUnreadableError
from infra.records import rfc3339


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log at a moment.

    Args:
        origin: Whose log it is.
        tree_size: How many events, and so leaves, it had.
        root: The tree's root, 32 bytes.
        number: Counts the checkpoints of a log, from 1 and without gaps.
        outcomes: How many answers it had.
        outcomes_hash: The last one's chain hash, 32 bytes; zeros where there is none.
        signed_at: When it was signed.
    """

    origin: str
    tree_size: int
    root: bytes
    number: int
    outcomes: int
    outcomes_hash: bytes
    signed_at: datetime

    def to_text(self) -> str:
        """Return the text that is signed."""
        return (
            f"{self.origin}\n{self.tree_size}\n{base64.b64encode(self.root).decode()}\n"
            f"number {self.number}\noutcomes {self.outcomes} {self.outcomes_hash.hex()}\n"
            f"time {rfc3339(self.signed_at)}\n"
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a note; raises ``NoteUnreadableError`` where it is no checkpoint of ours."""
        try:
            origin, size, root, number, outcomes, time = text.removesuffix("\n").split("\n")
            counted, hashed = outcomes.removeprefix("outcomes ").split(" ")
            read = cls(
                origin,
                int(size),
                base64.b64decode(root, validate=True),
                int(number.removeprefix("number ")),
                int(counted),
                bytes.fromhex(hashed),
                datetime.fromisoformat(time.removeprefix("time ")),
            )
        except (ValueError, binascii.Error) as unfit:
            raise NoteUnreadableError(f"the note is no checkpoint of this system: {unfit}") from unfit
        if read.to_text() != text or len(read.root) != HASH_BYTES or len(read.outcomes_hash) != HASH_BYTES:
            raise NoteUnreadableError("the note is no checkpoint of this system: it is not written as one")
        return read
