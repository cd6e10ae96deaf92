"""Units that expired although they had been sent in time: the news of it came late, and they are taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.case import Case, claims, closing
from domain.order.parts import LineRun
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState


def revive(case: Case, units: Sequence[tuple[RmaRun, RunState]]) -> bool:
    """Authorize again those of the units that expired though they were sent by the deadline, and are still to be had.

    What another return has asked for meanwhile stays there. What the deadline claimed for them is claimed no longer; a
    return that was closed since is open again. Returns whether any had been sent in time, to be had or not.
    """
    sent = [run for run, state in units if state.has_expired and state.is_with_customer and _in_time(case, run.line)]
    runs = [part for run in sent for part in _to_be_had(case, run)]
    if runs:
        case.rma.trigger_event(case.rma.Revived, runs=tuple(runs), timestamp=case.at)
        case.order.take_free_units(case.rma.rma_id, case.order_runs(runs), case.at)
        claims.give_up(case, runs, "sent_in_time")
        if case.rma.closed_at is not None:
            closing.reopen(case, "sent_in_time")
    return bool(sent)


def _in_time(case: Case, line: int) -> bool:
    due_at = _last_passed(case, line)
    return due_at is not None and case.at <= due_at


def _last_passed(case: Case, line: int) -> datetime | None:
    """Return when a line's goods were due at last, of the deadlines that passed."""
    passed = (d for d in case.rma.deadlines.values() if d.kind == "ship_back" and d.line == line and d.is_passed)
    return max((deadline.due_at for deadline in passed), default=None)


def _to_be_had(case: Case, run: RmaRun) -> list[RmaRun]:
    """Return those of a run's units that this return holds, or that nobody does."""
    line_id = case.rma.lines[run.line].asked.line_id
    states = case.order.states_within([LineRun(line_id, run.first, run.count)])
    return [RmaRun(run.line, part.first, part.count) for part, state in states if state.is_open_to(case.rma.rma_id)]
