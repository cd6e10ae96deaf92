"""One sealed text: AES-256-GCM under a key of its own that follows from the person's key and the text's place.

``sealed:v1:<key id>:<base64url>``, without padding; the bytes: a random nonce (12), the ciphertext, the tag (16).
The place, a JSON array ``["v1", stream, version, path]``, is the associated data: a sealed text that is put anywhere
else does not open. The text's own key is HKDF-Expand (RFC 5869, SHA-256) of the person's key over the place, so that
one text can be shown to somebody with a key that opens no other.
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NamedTuple
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from domain.values import dataclass

PREFIX: Final = "sealed:v1:"
LOOKS_SEALED: Final = re.compile(r"sealed:v1:[0-9a-f-]{36}:[A-Za-z0-9_-]+")
"""What a sealed text looks like; what looks like it may have been typed."""
KEY_BYTES: Final = 32
SHA256: Final = hashes.SHA256()
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16


class UnopenedError(Exception):
    """A text is not what its place and key sealed: it was changed, or never sealed."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one person: ``key_id`` is a UUID as text, ``person`` a stream's name (``customer/C-1``)."""

    key_id: str
    person: str
    secret: bytes
    """32 bytes."""


class Place(NamedTuple):
    """Where a text was first stored."""

    stream: str
    version: int
    path: str

    def data(self) -> bytes:
        """Return the place as associated data."""
        return orjson.dumps(["v1", self.stream, self.version, self.path])


def text_key(key: DataKey, place: Place) -> bytes:
    """Return the key of one text: it opens no other."""
    return _text_key(key, place.data())


def _text_key(key: DataKey, place: bytes) -> bytes:
    return HKDFExpand(SHA256, KEY_BYTES, place).derive(key.secret)


def seal(plain: bytes, key: DataKey, place: Place) -> str:
    """Return a text, sealed at its place."""
    nonce, data = os.urandom(NONCE_BYTES), place.data()
    sealed = nonce + AESGCM(_text_key(key, data)).encrypt(nonce, plain, data)
    return f"{PREFIX}{key.key_id}:{urlsafe_b64encode(sealed).decode().rstrip('=')}"


def key_of(sealed: str) -> str:
    """Return the id of the key that a text is sealed under; raises ``UnopenedError``."""
    try:
        return str(UUID(sealed.removeprefix(PREFIX).partition(":")[0]))
    except ValueError as bad:
        raise UnopenedError("names no key") from bad


def open_with(sealed: str, own_key: bytes, place: Place) -> bytes:
    """Return what was sealed, by the text's own key; raises ``UnopenedError``."""
    encoded = sealed.rpartition(":")[2].encode()
    try:
        raw = urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
        return AESGCM(own_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.data())
    except (ValueError, InvalidTag) as bad:
        raise UnopenedError("is not what was sealed here") from bad


def unseal(sealed: str, key: DataKey, place: Place) -> bytes:
    """Return what was sealed; raises ``UnopenedError``."""
    return open_with(sealed, text_key(key, place), place)
