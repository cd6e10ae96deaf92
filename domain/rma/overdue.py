"""Since when a return is late: somebody should have sent, inspected or paid by then, and has not."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from domain.rma.parts import Deadline
from domain.rma.run_state import RunState
from domain.rma.state import RmaState
from domain.vocabularies import DeadlineKind

OF_WORK: Final = frozenset({"ship_back", "inspect", "refund"})
"""The kinds by which somebody has something to do; the others end a right, or a return where nothing happens."""


def overdue_from(rma: RmaState) -> datetime | None:
    """Return the earliest instant from which a return is late, None where nothing is awaited that could be.

    It may lie ahead. A deadline that has passed counts for as long as what it was for is still to come.
    """
    if rma.closed_at is not None:
        return None
    latest: dict[tuple[DeadlineKind, int | None], Deadline] = {}
    for deadline in rma.deadlines.values():
        latest[deadline.kind, deadline.line] = deadline  # a later one of a kind takes the place of the one before
    return min((one.due_at for one in latest.values() if one.kind in OF_WORK and _is_awaited(rma, one)), default=None)


def _is_awaited(rma: RmaState, deadline: Deadline) -> bool:
    if deadline.is_open:
        return True
    if not deadline.is_passed or deadline.line is None:
        return False
    return any(_needs(state, deadline.kind) for _, state in rma.lines[deadline.line].states)


def _needs(state: RunState, kind: DeadlineKind) -> bool:
    match kind:
        case "inspect":
            return state.awaits_bench
        case "refund":
            return state.awaits_money
        case _:
            return False  # what was not sent in time has expired
