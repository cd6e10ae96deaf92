"""Facts about a request: asked for, decided by policy or a person, put right, given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.fact import Fact, FirstFact
from domain.order.parts import PolicyPin
from domain.rma.parts import (
    Answer,
    Evidence,
    LineDecision,
    PersonDecision,
    RequestedLine,
    RmaRun,
)
from domain.rma.state import RmaState
from domain.units import UnitRun
from domain.vocabularies import (
    DecisionStage,
    Reason,
    Wish,
)


class Requested(FirstFact):
    """A customer, or an agent for one, asked to give units back."""

    TOPIC = "rma.Rma.Requested.v1"
    rma_id: UUID
    rma_number: str
    order_id: str
    customer_id: str
    case_id: str | None
    gift: bool
    recipient_id: str | None
    currency: str
    channel: str
    country: str
    ordered_at: datetime
    policy: PolicyPin
    lines: tuple[RequestedLine, ...]
    evidence: tuple[Evidence, ...]
    content_hash: str
    requester_id: str | None = None
    """The customer who asked, or for whom an agent did where it is not the order's."""
    gift_unproved: bool = False
    """A stranger asked for a gift and did not prove it: a person decides, whatever policy says."""
    informed_at: datetime | None = None
    """When the customer was told of the right to withdraw, where that was after the order."""
    withdrawal: bool = False
    """The request is the declaration of withdrawal that the law provides for."""
    contact: str | None = None
    """How whoever asked is reached, as JSON."""


class Authorized(Fact):
    """Policy lets the units come back, on these terms."""

    TOPIC = "rma.Rma.Authorized.v1"
    lines: tuple[LineDecision, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.decided(self.lines, "authorized", self.timestamp)


class Denied(Fact):
    """Policy does not let the units come back; the decision says why and what would change it."""

    TOPIC = "rma.Rma.Denied.v1"
    lines: tuple[LineDecision, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.decided(self.lines, "denied", self.timestamp)


class ReviewAsked(Fact):
    """Policy leaves the decision to a person."""

    TOPIC = "rma.Rma.ReviewAsked.v1"
    lines: tuple[LineDecision, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.decided(self.lines, "needs_review", None)


class ReviewDecided(Fact):
    """A person answered what policy had left open."""

    TOPIC = "rma.Rma.ReviewDecided.v1"
    lines: tuple[PersonDecision, ...]
    note: str | None
    agent_id: str | None = None
    """Who decided."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.decided_by_person(self.lines, self.timestamp, self.agent_id)


class DecisionOverridden(Fact):
    """A person decided against what had been decided; an audited fact of its own."""

    TOPIC = "rma.Rma.DecisionOverridden.v1"
    lines: tuple[PersonDecision, ...]
    approved_by: str
    reason: str
    note: str | None
    agent_id: str | None = None
    """Who decided."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.decided_by_person(self.lines, self.timestamp, self.agent_id)


class DenialAppealed(Fact):
    """The customer disagrees with a denial, or with what followed from an inspection; a person has to look again."""

    TOPIC = "rma.Rma.DenialAppealed.v1"
    line: int
    runs: tuple[UnitRun, ...]
    grounds: str
    evidence: tuple[Evidence, ...]
    stage: DecisionStage = "request"

    def apply(self, aggregate: RmaState) -> None:
        aggregate.take_up(self.line, self.runs, "needs_review", appeal=self.stage)
        aggregate.keep_evidence(self.evidence)


class RequestCorrected(Fact):
    """The request was put right before anything was sent; policy decides anew."""

    TOPIC = "rma.Rma.RequestCorrected.v1"
    line: int
    reason: Reason
    wish: Wish
    comment: str | None
    quantity: int
    dropped: tuple[UnitRun, ...]
    answers: dict[str, Answer] | None = None
    """All answers as they are now; None: as they were."""
    texts: dict[str, str] | str | None = None
    """The answers that no rule decides on, alike."""

    def apply(self, aggregate: RmaState) -> None:
        line = aggregate.lines[self.line]
        line.asked = replace(
            line.asked,
            reason=self.reason,
            wish=self.wish,
            comment=self.comment,
            quantity=self.quantity,
            answers=line.asked.answers if self.answers is None else self.answers,
            texts=line.asked.texts if self.texts is None else self.texts,
        )
        line.states.change(self.dropped, lambda state: state._replace(authorization="withdrawn"))


class EvidenceAdded(Fact):
    TOPIC = "rma.Rma.EvidenceAdded.v1"
    evidence: tuple[Evidence, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.keep_evidence(self.evidence)


class Withdrawn(Fact):
    """The customer keeps the goods after all; what was promised for them is called off."""

    TOPIC = "rma.Rma.Withdrawn.v1"
    runs: tuple[RmaRun, ...]
    reason: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(
            self.runs,
            lambda state: state._replace(authorization="withdrawn", resolution="undecided", settlement="none"),
        )


class Expired(Fact):
    """Nothing was sent in time."""

    TOPIC = "rma.Rma.Expired.v1"
    deadline_id: UUID
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(authorization="expired"))


class Revived(Fact):
    """Units had been sent in time though they expired: the news of it came late."""

    TOPIC = "rma.Rma.Revived.v1"
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(authorization="authorized"))
