"""Facts about remedies: an offer that may avoid a return, made before its authorization, and what came of it."""

from __future__ import annotations

from uuid import UUID

from domain.fact import Fact
from domain.policy.document import Remedy
from domain.rma.parts import LineDecision
from domain.rma.state import RmaState


class RemedyOffered(Fact):
    """Policy would let the units come back, and offers something else first; the decision waits for the answer."""

    TOPIC = "rma.Rma.RemedyOffered.v1"
    lines: tuple[LineDecision, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.offered(self.lines, self.timestamp)


class RemedyAccepted(Fact):
    """The customer takes what was offered."""

    TOPIC = "rma.Rma.RemedyAccepted.v1"
    line: int
    remedy: Remedy

    def apply(self, aggregate: RmaState) -> None:
        aggregate.took_remedy(self.line, self.remedy)


class RemedyDeclined(Fact):
    """The customer wants to return: the decision is carried out as if nothing had been offered."""

    TOPIC = "rma.Rma.RemedyDeclined.v1"
    line: int

    def apply(self, aggregate: RmaState) -> None:
        aggregate.lines[self.line].offer = None


class RemedyLapsed(Fact):
    """Nobody answered in time: the decision is carried out as if nothing had been offered."""

    TOPIC = "rma.Rma.RemedyLapsed.v1"
    line: int
    deadline_id: UUID

    def apply(self, aggregate: RmaState) -> None:
        aggregate.lines[self.line].offer = None
