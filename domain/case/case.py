"""An order, one return of it, and the moment at which something happens to both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.order import Order
from domain.order.parts import LineRun
from domain.rma import Rma
from domain.rma.parts import RmaRun
from domain.units import UnitRun, without
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """What rules that span an order and a return work on; ``at`` is business time."""

    order: Order
    rma: Rma
    at: datetime
    agent_id: str | None = None
    """The agent who acts; None: another kind of actor does."""
    approved_by: str | None = None
    """The second person who let it happen."""

    def order_runs(self, runs: Iterable[RmaRun]) -> list[LineRun]:
        """Return a return's runs of units by the order's own lines."""
        return [LineRun(self.rma.lines[run.line].asked.line_id, run.first, run.count) for run in runs]

    def open_units(self, number: int, runs: Sequence[UnitRun]) -> list[UnitRun]:
        """Return those of a line's units that it may hold: no other return has them, and no other line of this one.

        Units that a line gave up may meanwhile stand in place of others in a second line for the same article.
        """
        if not runs:
            return []
        line_id = self.rma.lines[number].asked.line_id
        states = self.order.states_within(LineRun(line_id, run.first, run.count) for run in runs)
        ours = [run.run for run, state in states if state.is_open_to(self.rma.rma_id)]
        return without(ours, self._held_by_other_lines(number, line_id))

    def _held_by_other_lines(self, number: int, line_id: str) -> list[UnitRun]:
        return [
            run
            for other, line in self.rma.lines.items()
            if other != number and line.asked.line_id == line_id
            for run, state in line.states
            if state.is_live or not state.is_with_customer
        ]
