"""Labels with numbers of our own: for a shop that collects its returns itself, or agreed on numbers with a carrier."""

from __future__ import annotations

import hashlib
from typing import Final

from domain.identity import CROCKFORD, check_symbol
from infra.labels.port import LabelRequest, MadeLabel

PREFIX: Final = "RL"
SYMBOLS: Final = 14


class OwnLabels:
    """Derives each number from the label's id, with a check symbol: the same parcel has the same, and no book is kept.

    Args:
        carrier: What the carrier is called on labels.
    """

    def __init__(self, carrier: str) -> None:
        self._carrier = carrier

    def make(self, request: LabelRequest) -> MadeLabel:
        """Return the label of a parcel."""
        value = int.from_bytes(hashlib.sha256(request.label_id.bytes).digest()[:16])
        symbols = "".join(CROCKFORD[value >> 5 * place & 31] for place in range(SYMBOLS))
        return MadeLabel(self._carrier, f"{PREFIX}{symbols}{check_symbol(symbols)}")

    def close(self) -> None:
        """There is nothing to give back."""
