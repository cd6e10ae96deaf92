"""What a run did and what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from workers.trials.chaos.schedule import PlannedFault


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there was to break, and how often it was said again."""

    records_sent: int
    commands: int
    """Different ones, those of the system's own workers among them."""
    events: int
    events_repeated: int
    answers_repeated: int
    dead_letters: int
    payouts: int


@dataclass(frozen=True, slots=True)
class Report:
    """A run; ``differences`` holds, by check, what did not hold, the first of it first."""

    seed: int
    faults: Mapping[str, int]
    schedule: Sequence[PlannedFault]
    seconds: float
    conditions: Mapping[str, object]
    counts: Counts
    differences: Mapping[str, Sequence[str]]
    folder: str
    """Where logs and data are; they are kept where something did not hold."""

    @property
    def holds(self) -> bool:
        return not any(self.differences.values())

    @property
    def first_difference(self) -> str | None:
        """The first thing that did not hold, with the check that found it."""
        return next((f"{check}: {found[0]}" for check, found in self.differences.items() if found), None)

    def as_data(self) -> dict[str, object]:
        return {
            "seed": self.seed,
            "holds": self.holds,
            "faults": dict(self.faults),
            "schedule": [asdict(fault) for fault in self.schedule],
            "seconds": round(self.seconds, 1),
            "conditions": dict(self.conditions),
            "counts": asdict(self.counts),
            "differences": {check: list(found) for check, found in self.differences.items()},
            "folder": self.folder,
        }
