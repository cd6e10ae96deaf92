"""What checking the log can find, and where: the first word of each is fixed, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from domain.errors import RmaError

What = Literal[
    "event_changed",
    "event_missing",
    "event_extra",
    "chain_broken",
    "stream_gap",
    "topic_differs",
    "topic_missing",
    "outcome_changed",
    "outcome_missing",
    "checkpoint_missing",
    "checkpoint_signature",
    "checkpoint_root",
    "node_changed",
]


@dataclass(frozen=True)
class AuditFault:
    """Something is not as it was.

    Args:
        what: Which kind of difference.
        where: ``position``; or ``partition`` and ``offset``, ``tree_size``, ``source`` and ``id``, ``seq``, or
            ``level`` and ``place`` of a tile.
        expected: What should be there.
        found: What is there; None: nothing.
        position: The log's position that the fault stands at or behind: faults are told in this order.
    """

    what: What
    where: Mapping[str, int | str]
    expected: str | None
    found: str | None
    position: int

    def as_dict(self) -> dict[str, object]:
        """Return the fault as it is told to programs."""
        return {"what": self.what, "where": dict(self.where), "expected": self.expected, "found": self.found}

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.where.items())
        return f"{self.what} at {where}: expected {self.expected or 'nothing'}, found {self.found or 'nothing'}"


class FaultFoundError(RmaError):
    """The log, its topic or its proofs are not as they were."""

    code = "audit_fault"

    def __init__(self, fault: AuditFault) -> None:
        super().__init__(str(fault))
        self.fault = fault
