"""`rma audit check`: a proof, or a checkpoint, held against a key; nothing else is asked."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from domain.errors import UnusableInputError
from infra.envelope.hash_chain import chained_hash
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.key_file import read_keys
from infra.proofs.merkle import ProofError, check_consistency, check_inclusion, leaf_hash
from infra.proofs.signed_note import Note, VerifierKey
from infra.settings import Settings
from workers.audit.opened_proofs import check_shown

ATTRIBUTE: Final = "ce_"
PREV_HASH: Final = "ce_prevhash"


class ProofUnreadableError(UnusableInputError):
    """A file is neither a proof nor a checkpoint."""

    code = "proof_unreadable"


class KeyNeededError(UnusableInputError):
    """Nobody said which key has to have signed."""

    code = "audit_key_needed"

    def __init__(self) -> None:
        super().__init__(
            "name the key that has to have signed: --key FILE|TEXT, as you were told it (rma audit key); a key "
            "that comes with a proof proves nothing"
        )


@dataclass(frozen=True)
class Checked:
    """What a file shows, in one sentence, and the checkpoint that it was held against."""

    says: str
    checkpoint: Checkpoint


def keys_given(given: str | None, settings: Settings) -> list[VerifierKey]:
    """Return the keys to trust: those of a file or text, else those of the machine that signs.

    Raises:
        KeyNeededError: None was named, and this machine has none.
        NoteUnreadableError: What was named is no key.
    """
    if given is not None:
        file = Path(given)
        text = file.read_text() if file.is_file() else given
        return [VerifierKey.parse(line) for line in text.split()]
    if settings.audit_key_file is None or not settings.audit_key_file.is_file():
        raise KeyNeededError
    return [key.verifier for key in read_keys(settings)]


def check(text: str, keys: Sequence[VerifierKey], beside: Sequence[str] = ()) -> Checked:
    """Hold the content of a file against keys.

    Args:
        text: A proof, a checkpoint, or a receipt as it comes with a letter.
        keys: One of them has to have signed.
        beside: Other files; the proof of the event that a receipt tells of is looked for among them.
    Raises:
        ProofUnreadableError, NoteUnreadableError: It is neither a proof nor a checkpoint.
        SignatureError: None of the keys signed it, or it was changed since.
        ProofError: What it shows is not so.
    """
    if not text.lstrip().startswith("{"):
        signed = _signed(text, keys)
        return Checked(f"checkpoint {signed.number} of {signed.origin}: {signed.tree_size} events", signed)
    try:
        proof = json.loads(text)
        if "inclusion" in proof:
            return _inclusion(proof, keys)
        if "event" in proof:
            return _inclusion(_proven(proof, beside), keys)
        return _consistency(proof, keys)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError, binascii.Error, ValueError) as unfit:
        raise ProofUnreadableError(f"this is no proof: {unfit!r}") from unfit


def _proven(receipt: Mapping[str, Any], beside: Sequence[str]) -> Mapping[str, Any]:
    """Return a receipt with the proof of its event; raises ``ProofError`` where no file beside it holds that."""
    for text in beside:
        proof = json.loads(text) if text.lstrip().startswith("{") else {}
        if "inclusion" in proof and (proof["event"], proof["prevhash"]) == (receipt["event"], receipt["prevhash"]):
            return {**proof, "opened": receipt["opened"]}
    record = receipt["event"]["headers"]["ce_id"]
    raise ProofError(f"a receipt proves nothing alone: check it together with what `rma audit prove {record}` prints")


def _signed(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    parsed = Note.parse(note)
    parsed.signers(keys)
    return Checkpoint.parse(parsed.text)


def _inclusion(proof: Mapping[str, Any], keys: Sequence[VerifierKey]) -> Checked:
    signed = _signed(proof["checkpoint"], keys)
    headers: dict[str, str] = proof["event"]["headers"]
    if headers[PREV_HASH] != proof["prevhash"]:
        raise ProofError("the hash before the event stands there twice, and differs")
    if (int(headers["ce_position"]), signed.tree_size) != (proof["leaf_index"] + 1, proof["tree_size"]):
        raise ProofError("position, leaf and tree size do not belong together")
    attributes = sorted(
        (name.removeprefix(ATTRIBUTE), value)
        for name, value in headers.items()
        if name.startswith(ATTRIBUTE) and name != PREV_HASH
    )
    body = base64.b64decode(proof["event"]["body"], validate=True)
    hashed = chained_hash(bytes.fromhex(proof["prevhash"]), attributes, proof["event"]["key"], body)
    nodes = [bytes.fromhex(node) for node in proof["inclusion"]]
    check_inclusion(leaf_hash(hashed), proof["leaf_index"], signed.tree_size, nodes, signed.root)
    texts = check_shown(proof.get("opened", {}), headers, body)
    said = (
        f"{headers['ce_type']} of {headers['ce_subject']} at {headers['ce_time']}, recorded {headers['ce_recordedat']}"
    )
    told = f"{said}, is event {headers['ce_position']} of the {signed.tree_size} of {signed.origin}"
    return Checked("; ".join([told, *texts]), signed)


def _consistency(proof: Mapping[str, Any], keys: Sequence[VerifierKey]) -> Checked:
    older, newer = _signed(proof["older"], keys), _signed(proof["checkpoint"], keys)
    if (older.tree_size, newer.tree_size, older.origin) != (proof["from"], proof["to"], newer.origin):
        raise ProofError("the sizes, or the origins, are not those of the two checkpoints")
    nodes = [bytes.fromhex(node) for node in proof["proof"]]
    check_consistency((older.tree_size, older.root), (newer.tree_size, newer.root), nodes)
    first, all_of_it = f"{older.tree_size} events of checkpoint {older.number}", f"{newer.tree_size} of {newer.number}"
    return Checked(f"the {first} are the first of the {all_of_it}", newer)
