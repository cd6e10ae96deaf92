"""What a return remembers of its receipts, so that one that was typed wrong can be taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.values import dataclass
from domain.vocabularies import Logistics


@dataclass(frozen=True, slots=True)
class Moved:
    """Units that a receipt speaks of: how they stood before it, and where the goods were after it."""

    run: RmaRun
    before: RunState
    became: Logistics


@dataclass(slots=True)
class KnownReceipt:
    """A receipt, and what it said of units."""

    site: str
    moved: list[Moved] = field(default_factory=list)
    superseded_by: str | None = None

    def note(self, states: Iterable[tuple[RmaRun, RunState]], became: Logistics) -> None:
        """Remember how units stood that the receipt moves."""
        self.moved += [Moved(run, state, became) for run, state in states]


def taken_back(state: RunState, before: RunState) -> RunState:
    """Return a unit's state once its receipt is taken back: where the goods were is known again, and nothing else."""
    return state._replace(
        logistics=before.logistics,
        inspection=before.inspection,
        site=before.site,
        found_sku=before.found_sku,
        wrong_serial=before.wrong_serial,
    )
