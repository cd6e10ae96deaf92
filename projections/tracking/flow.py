"""When the units of a return took each step, and who decided: what cycle times and the automatic share are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.fact import Fact
from domain.rma import Rma
from domain.rma.run_state import RunState
from domain.units import UnitRun, UnitStates, without

CLOCK: Final = "clock:"
ON_THE_WAY: Final = frozenset({"in_transit", "delivered"})

Steps = Mapping[str, object]
"""The instants of a unit's steps and who took them, by column of the view; None: not taken, or undone since."""

NO_STEPS: Final[Steps] = {
    "decided_at": None,
    "authorized_at": None,
    "handed_over_at": None,
    "received_at": None,
    "inspected_at": None,
    "resolved_at": None,
    "paid_at": None,
    "decided_by": None,
    "resolved_by": None,
    "overridden": False,
}


def _paid(fact: Any) -> Steps:
    return {"paid_at": fact.timestamp if fact.settlement == "settled" else None}


def _taking(steps: Steps) -> Callable[[Steps], Steps]:
    return lambda known: {**known, **steps}


def _decided(fact: Fact, by: str, *, authorized: bool) -> Steps:
    return {"decided_at": fact.timestamp, "decided_by": by, "authorized_at": fact.timestamp if authorized else None}


_TAKEN: Final[dict[type[Fact], Callable[[Any], Steps]]] = {
    Rma.HandedOver: lambda fact: {"handed_over_at": fact.timestamp},
    Rma.Received: lambda fact: {"received_at": fact.timestamp},
    Rma.ReceiptSuperseded: lambda _: {"received_at": None},
    Rma.Inspected: lambda fact: {"inspected_at": fact.timestamp},
    Rma.ResolutionDecided: lambda fact: {"resolved_at": fact.timestamp, "resolved_by": fact.by, "paid_at": None},
    Rma.RefundStarted: _paid,
    Rma.SettlementMoved: _paid,
}
"""The steps that facts about runs of units say were taken."""

_DECIDED: Final[dict[type[Fact], Callable[[Any, Any], Steps]]] = {
    Rma.Authorized: lambda fact, _: _decided(fact, "policy", authorized=True),
    Rma.Denied: lambda fact, _: _decided(fact, "policy", authorized=False),
    Rma.RemedyOffered: lambda fact, _: _decided(fact, "policy", authorized=False),
    Rma.ReviewAsked: lambda _, __: {"decided_at": None, "decided_by": None, "authorized_at": None},
    Rma.ReviewDecided: lambda fact, line: _decided(fact, "person", authorized=line.approved),
    Rma.DecisionOverridden: lambda fact, line: (
        {**_decided(fact, "person", authorized=line.approved), "overridden": True}
    ),
    Rma.DenialAppealed: lambda _, __: {"decided_at": None, "decided_by": None},
}
"""The steps that decisions on lines say were taken, each line for itself."""


@dataclass(slots=True)
class Flow:
    """The steps of each unit of a return, by line."""

    lines: dict[int, UnitStates[Steps]] = field(default_factory=dict)
    closed_by: str | None = None

    def follow(self, fact: Fact, actor: str) -> None:
        """Take over what a fact of the return says of steps."""
        kind, is_clock = type(fact), actor.startswith(CLOCK)
        if kind in _TAKEN:
            self._take(fact, _TAKEN[kind](fact))
        elif kind in _DECIDED:
            self._decide(fact, _DECIDED[kind], is_clock=is_clock)
        match fact:
            case Rma.Requested():
                self.lines = {asked.line: UnitStates([(run, NO_STEPS) for run in asked.runs]) for asked in fact.lines}
            case Rma.Scanned() if fact.logistics in ON_THE_WAY:
                self._seen_on_the_way(fact)
            case Rma.Closed():
                self.closed_by = "deadline" if is_clock else "person"
            case Rma.Reopened():
                self.closed_by = None
            case _:
                pass

    def _take(self, fact: Any, steps: Steps) -> None:
        for run in fact.parts if isinstance(fact, Rma.RefundStarted) else fact.runs:
            self.lines[run.line].change([run.run], _taking(steps))

    def _decide(self, fact: Any, told: Callable[[Any, Any], Steps], *, is_clock: bool) -> None:
        for line in [fact] if isinstance(fact, Rma.DenialAppealed) else fact.lines:
            if getattr(line, "stage", "request") != "request":
                continue  # it is about an inspection; what was decided on the request stands
            steps = told(fact, line)
            if is_clock:
                steps = {**steps, "decided_by": "deadline"}  # policy had decided, and an offer has lapsed
            units = self.lines[line.line]
            if new := without(line.runs, [run for run, _ in units]):
                units.put(new, NO_STEPS)  # they take the place of others that the line gave up
            units.change(line.runs, _taking(steps))

    def _seen_on_the_way(self, fact: Any) -> None:
        for run in fact.runs:
            self.lines[run.line].change(
                [run.run], lambda known: {**known, "handed_over_at": known["handed_over_at"] or fact.timestamp}
            )


def flow_rows(rma: Rma, flow: Flow) -> Iterator[dict[str, object]]:
    """Yield the rows of view ``return_flow``: neighbouring units that took the same steps are one row."""
    for number, line in rma.lines.items():
        head = {
            "rma_id": rma.rma_id,
            "line": number,
            "order_id": rma.order_id,
            "line_id": line.asked.line_id,
            "sku": line.asked.sku,
            "requested_at": rma.created_on,
            "closed_at": rma.closed_at,
            "closed_by": flow.closed_by,
        }
        for run, steps in _alike(line.states, flow.lines[number]):
            yield {**head, "first_unit": run.first, "quantity": run.count, **steps}


def _alike(states: UnitStates[RunState], flow: UnitStates[Steps]) -> Iterator[tuple[UnitRun, Steps]]:
    pending: tuple[UnitRun, Steps] | None = None
    for run, state in states:
        for part, taken in flow.within([run]):
            steps = {**taken, "authorization_state": state.authorization}
            if pending and pending[0].end == part.first and pending[1] == steps:
                pending = (UnitRun(pending[0].first, pending[0].count + part.count), steps)
                continue
            if pending:
                yield pending
            pending = (part, steps)
    if pending:
        yield pending
