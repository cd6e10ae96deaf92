"""The read models that exist, by name."""

from __future__ import annotations

from typing import Final

from domain.errors import UnusableInputError
from projections.projection import Projection
from projections.refund_ledger.fold import RefundLedger
from projections.return_reasons.fold import ReturnReasons
from projections.tracking.fold import Tracking

PROJECTIONS: Final[dict[str, Projection]] = {
    projection.name: projection for projection in (Tracking(), RefundLedger(), ReturnReasons())
}


class UnknownReadModelError(UnusableInputError):
    """There is no read model of this name."""

    code = "unknown_read_model"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no projection {name}; there are {', '.join(PROJECTIONS)}")
        self.name = name


def projection_named(name: str) -> Projection:
    """Return a read model by its name, a fresh one that remembers nothing it folded before.

    Raises:
        UnknownReadModelError: There is none; the message names those there are.
    """
    if name not in PROJECTIONS:
        raise UnknownReadModelError(name)
    return type(PROJECTIONS[name])()
