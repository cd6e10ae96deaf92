"""Signed notes in the form that Go's ``golang.org/x/mod/sumdb/note`` and C2SP define, with Ed25519 keys.

A note is text that ends in a line feed, an empty line, and a line for each signature: ``— <name> <base64>``, where the
bytes are the first four of SHA-256(name ‖ line feed ‖ 0x01 ‖ public key), then the signature of the text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import RmaError, UnusableInputError
from domain.values import dataclass

ED25519: Final = b"\x01"
PRIVATE: Final = "PRIVATE+KEY+"
KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
SIGNATURE_MARK: Final = "\u2014 "


class NoteUnreadableError(UnusableInputError):
    """Text is no signed note, or no key in the form of notes."""

    code = "note_unreadable"


class SignatureError(RmaError):
    """A note bears no good signature of a key that was asked for."""

    code = "signature_wrong"


@dataclass(frozen=True)
class VerifierKey:
    """A public key by its name, as it is told to whoever checks: ``<name>+<id>+<base64>``."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key; raises ``NoteUnreadableError``."""
        name, key_id, raw = _parts(text.strip())
        key = cls(name, raw)
        if key.key_id.hex() != key_id:
            raise NoteUnreadableError(f"the key of {name} does not fit its id {key_id}: was it cut short?")
        return key

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    def signed(self, text: str, signature: bytes) -> bool:
        """Tell whether a signature of this text is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key by its name; its text, ``PRIVATE+KEY+…``, is nobody's but the signer's."""

    name: str
    seed: bytes

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a key that nobody had before."""
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key; raises ``NoteUnreadableError``, which never repeats it."""
        if not text.strip().startswith(PRIVATE):
            raise NoteUnreadableError(f"a signing key begins with {PRIVATE}")
        name, key_id, seed = _parts(text.strip().removeprefix(PRIVATE))
        key = cls(name, seed)
        if key.verifier.key_id.hex() != key_id:
            raise NoteUnreadableError(f"the signing key of {name} does not fit its id {key_id}: was it cut short?")
        return key

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(self.name, public)

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"

    def to_text(self) -> str:
        """Return the key as its file holds it."""
        key_id = self.verifier.key_id.hex()
        return f"{PRIVATE}{self.name}+{key_id}+{base64.b64encode(ED25519 + self.seed).decode()}"

    def sign(self, text: str) -> str:
        """Return the line that signs a text."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"{SIGNATURE_MARK}{self.name} {base64.b64encode(self.verifier.key_id + signature).decode()}\n"


def _parts(text: str) -> tuple[str, str, bytes]:
    """Return name, id and key of ``<name>+<id>+<base64>``; raises ``NoteUnreadableError``."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if not name or any(symbol.isspace() for symbol in name) or raw[:1] != ED25519 or len(raw) != KEY_BYTES + 1:
        raise NoteUnreadableError("this is no Ed25519 key in the form of notes: <name>+<id>+<base64>")
    return name, key_id, raw[1:]


class Signature(NamedTuple):
    """Whose signature it is, by name and id, and its bytes."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Note:
    """A note as it was read: nothing is checked yet."""

    text: str
    signatures: Sequence[Signature]

    @classmethod
    def parse(cls, note: str) -> Self:
        """Take a note apart; raises ``NoteUnreadableError``."""
        text, gap, tail = note.rpartition("\n\n")
        if not gap or not tail.endswith("\n"):
            raise NoteUnreadableError("this is no signed note: text, an empty line, signatures")
        return cls(text + "\n", [_signature(line) for line in tail[:-1].split("\n")])

    def signers(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """Return which of these keys signed it; raises ``SignatureError`` where one's signature is wrong, or none's."""
        by_id = {(key.name, key.key_id): key for key in keys}
        found = []
        for name, key_id, signature in self.signatures:
            key = by_id.get((name, key_id))
            if key is None:
                continue
            if not key.signed(self.text, signature):
                raise SignatureError(f"the signature of {name} ({key_id.hex()}) does not fit the note")
            found.append(key)
        if not found:
            known = ", ".join(f"{key.name} ({key.key_id.hex()})" for key in by_id.values())
            signed = ", ".join(f"{one.name} ({one.key_id.hex()})" for one in self.signatures)
            raise SignatureError(f"the note is signed by {signed}, and not by {known or 'a key that is known'}")
        return found


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(SIGNATURE_MARK).partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if not line.startswith(SIGNATURE_MARK) or not name or len(raw) <= KEY_ID_BYTES:
        raise NoteUnreadableError("a line under the note is no signature")
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def signed_note(text: str, keys: Iterable[SigningKey]) -> str:
    """Return a text with the signatures of these keys below it."""
    return f"{text}\n" + "".join(key.sign(text) for key in keys)
