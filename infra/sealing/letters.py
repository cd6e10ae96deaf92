"""Dead letters, sealed each under a key of its own: Kafka cannot forget one, so its key is what is forgotten.

What the record was, key, headers and body, is sealed; our own headers (where it came from, what is wrong with it) stay
as they are. The letter's key is a hash, under a key of the vault, of the record's, so that letters of one key keep
their order.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.records import Message
from infra.sealing.sealed_text import KEY_BYTES, NONCE_BYTES, UnopenedError

DEAD_HEADER_PREFIX: Final = "rma_dead_"
"""Our headers on a dead letter begin with this; without them it is the original record."""
KEY_ID: Final = f"{DEAD_HEADER_PREFIX}sealedkeyid"
PLACE: Final = tuple(f"{DEAD_HEADER_PREFIX}{name}" for name in ("topic", "partition", "offset"))
Headers = Sequence[tuple[str, bytes]]


class LetterKey(NamedTuple):
    """The key of one letter; ``place`` is that of the record (``topic/partition/offset``)."""

    key_id: UUID
    place: str
    secret: bytes


class Original(NamedTuple):
    """The record that a letter was."""

    key: bytes | None
    headers: Headers
    value: bytes


def seal_letter(letter: Message, hashed_key: bytes | None) -> tuple[Message, LetterKey]:
    """Return a letter as it is published, and the new key that it is sealed under.

    Args:
        letter: The record, with our headers.
        hashed_key: Stands for the record's key.
    """
    own = [header for header in letter.headers if header[0].startswith(DEAD_HEADER_PREFIX)]
    given = [[name, b64encode(value).decode()] for name, value in letter.headers if (name, value) not in own]
    head = {"key": None if letter.key is None else b64encode(letter.key).decode(), "headers": given}
    key = LetterKey(uuid4(), _place(own), os.urandom(KEY_BYTES))
    nonce, plain = os.urandom(NONCE_BYTES), orjson.dumps(head) + b"\n" + letter.value
    sealed = nonce + AESGCM(key.secret).encrypt(nonce, plain, key.place.encode())
    headers = [*own, (KEY_ID, str(key.key_id).encode())]
    return Message(letter.topic, hashed_key, headers, sealed), key


def key_of_letter(headers: Headers) -> UUID | None:
    """Return the id of the key that a letter is sealed under; None: it is not sealed, as those of versions before.

    Raises:
        UnopenedError: It names none.
    """
    named = dict(headers).get(KEY_ID)
    try:
        return None if named is None else UUID(named.decode())
    except ValueError as bad:
        raise UnopenedError("names no key") from bad


def open_letter(headers: Headers, value: bytes, secret: bytes) -> Original:
    """Return the record that a sealed letter was; raises ``UnopenedError`` where it was changed."""
    own = [header for header in headers if header[0].startswith(DEAD_HEADER_PREFIX)]
    try:
        plain = AESGCM(secret).decrypt(value[:NONCE_BYTES], value[NONCE_BYTES:], _place(own).encode())
    except (InvalidTag, ValueError) as bad:
        raise UnopenedError("is not the letter that was sealed") from bad
    head, _, body = plain.partition(b"\n")
    said = orjson.loads(head)
    given = [(name, b64decode(content)) for name, content in said["headers"]]
    return Original(None if said["key"] is None else b64decode(said["key"]), given, body)


def _place(own: Headers) -> str:
    named = dict(own)
    return "/".join(named.get(name, b"").decode(errors="replace") for name in PLACE)
