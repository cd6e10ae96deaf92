"""The code by which the recipient of a gift proves himself: kept as a hash only, and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

COST: Final = 2**12
"""How dear a guess is: some ten milliseconds and 4 MiB, so that short codes are not found from what is stored."""
BLOCK: Final = 8
BYTES: Final = 32
HASH: Final = re.compile(r"[0-9a-f]{64}")
"""What is kept looks like this, unless it was erased."""


def gift_code_hash(order_id: str, code: str) -> str:
    """Return what is kept of an order's gift code, in hexadecimal; equal codes of two orders have nothing in common.

    Source: scrypt, RFC 7914.
    """
    return hashlib.scrypt(code.encode(), salt=order_id.encode(), n=COST, r=BLOCK, p=1, dklen=BYTES).hex()


def is_same_code(kept: str | None, told: str | None) -> bool:
    """Tell whether an order told again has the code that was kept, by hashes; one that was erased fits any."""
    return kept == told or (kept is not None and HASH.fullmatch(kept) is None)


def is_proved(kept: str | None, order_id: str, code: str | None) -> bool:
    """Tell whether a code is the one that was kept of an order; where none was, none is."""
    if kept is None or code is None:
        return False
    return hmac.compare_digest(kept, gift_code_hash(order_id, code))
