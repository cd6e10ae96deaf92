"""An order, one return of it, and the moment at which something happens to both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.order import Order
from domain.order.parts import LineRun
from domain.rma import Rma
from domain.rma.parts import RmaRun


@dataclass(frozen=True, slots=True)
class Case:
    """What rules that span an order and a return work on; ``at`` is business time."""

    order: Order
    rma: Rma
    at: datetime

    def order_runs(self, runs: Iterable[RmaRun]) -> list[LineRun]:
        """Return a return's runs of units by the order's own lines."""
        return [LineRun(self.rma.lines[run.line].asked.line_id, run.first, run.count) for run in runs]
