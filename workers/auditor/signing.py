"""Which keys sign the next checkpoint, and what is signed."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import UnusableInputError
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.signed_note import Note, SignatureError, SigningKey, signed_note
from infra.proofs.store import SignedCheckpoint


class KeyReplacedError(UnusableInputError):
    """The key file holds another key than the one that signed before, and not that one below it."""

    code = "audit_key_replaced"

    def __init__(self, why: SignatureError) -> None:
        super().__init__(
            f"the signing key is not the one that signed before ({why}): put the old key on a line below the new one, "
            "so that both sign once"
        )


def signers(keys: Sequence[SigningKey], newest: SignedCheckpoint | None) -> list[SigningKey]:
    """Return the keys that sign what comes next: the first, and with it the one that it replaces, once.

    Raises:
        KeyReplacedError: None of the keys signed the newest checkpoint.
    """
    if newest is None:
        return [keys[0]]
    try:
        before = Note.parse(newest.note).signers(key.verifier for key in keys)
    except SignatureError as unknown:
        raise KeyReplacedError(unknown) from unknown
    if keys[0].verifier in before:
        return [keys[0]]
    return [keys[0], *(key for key in keys if key.verifier in before)]


def sign(checkpoint: Checkpoint, keys: Sequence[SigningKey]) -> SignedCheckpoint:
    """Return a checkpoint with its note."""
    return SignedCheckpoint(
        number=checkpoint.number,
        tree_size=checkpoint.tree_size,
        root=checkpoint.root.hex(),
        note=signed_note(checkpoint.to_text(), keys),
        signed_at=checkpoint.signed_at,
    )
