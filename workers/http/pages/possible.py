"""What a customer may answer on his return's page: offers that wait for it, and decisions that may be appealed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from commands.streams import find_return
from domain.policy.document import Remedy
from domain.rma import Rma
from workers.http.door import Door


@dataclass(frozen=True, slots=True)
class Possible:
    """Lines by their numbers: with the remedy that is offered, and those whose time to appeal runs."""

    offers: dict[int, Remedy]
    appeals: list[int]


def possible(door: Door, rma_id: UUID) -> Possible:
    """Return what a return's customer may answer now."""
    with door.logs.streams() as streams:
        rma = find_return(streams, rma_id)
    return Possible({}, []) if rma is None else of_return(rma)


def of_return(rma: Rma) -> Possible:
    """Return what may be answered on a return as it stands."""
    offers = {
        number: line.offer.decision.remedy
        for number, line in rma.lines.items()
        if line.offer is not None and line.offer.decision.remedy is not None and rma.awaits_answer(number)
    }
    running = (deadline for deadline in rma.deadlines.values() if deadline.kind == "appeal" and deadline.is_open)
    return Possible(offers, sorted({deadline.line for deadline in running if deadline.line is not None}))
