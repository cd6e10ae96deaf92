"""The read models that exist, by name."""

from __future__ import annotations

from typing import Final

from projections.projection import Projection
from projections.refund_ledger import RefundLedger
from projections.return_reasons import ReturnReasons
from projections.tracking import Tracking
from workers.cli.exit_codes import WrongUsageError

PROJECTIONS: Final[dict[str, Projection]] = {
    projection.name: projection for projection in (Tracking(), RefundLedger(), ReturnReasons())
}


def projection_named(name: str) -> Projection:
    """Return a read model by its name, a fresh one that remembers nothing it folded before.

    Raises:
        WrongUsageError: There is none; the message names those there are.
    """
    if name not in PROJECTIONS:
        raise WrongUsageError(f"there is no projection {name}; there are {', '.join(PROJECTIONS)}")
    return type(PROJECTIONS[name])()
