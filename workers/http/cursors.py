"""Where a page ended, as a text that only this system can have written, for the question that it was written for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

import orjson

from projections.tracking.listing import CursorInvalidError

MAC_BYTES: Final = 16


def signed(place: str, secret: bytes, *question: object) -> str:
    """Return the cursor for a place, which holds for this question alone."""
    said = place.encode()
    return base64.urlsafe_b64encode(_mac(said, secret, question) + said).decode().rstrip("=")


def place_in(cursor: str, secret: bytes, *question: object) -> str:
    """Return the place that a cursor of this question stands for; raises ``CursorInvalidError``."""
    try:
        given = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        mac, said = given[:MAC_BYTES], given[MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(said, secret, question)):
            raise CursorInvalidError(cursor)
        return said.decode()
    except (binascii.Error, UnicodeError) as error:
        raise CursorInvalidError(cursor) from error


def _mac(said: bytes, secret: bytes, question: tuple[object, ...]) -> bytes:
    asked = orjson.dumps(question, option=orjson.OPT_SORT_KEYS)
    return hmac.new(secret, asked + b"\n" + said, hashlib.sha256).digest()[:MAC_BYTES]
