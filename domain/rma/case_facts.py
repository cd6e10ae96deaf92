"""Facts about the case of a return: request, decisions, resolution, money, deadlines, and its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.fact import Fact, FirstFact
from domain.order.parts import PolicyPin
from domain.rma.parts import (
    Deadline,
    DeadlineEnd,
    Evidence,
    LineDecision,
    PersonDecision,
    RefundPart,
    RequestedLine,
    RmaRun,
)
from domain.rma.state import RmaState
from domain.units import UnitRun
from domain.vocabularies import (
    OPEN_SETTLEMENTS,
    Reason,
    Resolution,
    Settlement,
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

    def apply(self, aggregate: RmaState) -> None:
        aggregate.decided_by_person(self.lines, self.timestamp)


class DecisionOverridden(Fact):
    """A person decided against what had been decided; an audited fact of its own."""

    TOPIC = "rma.Rma.DecisionOverridden.v1"
    lines: tuple[PersonDecision, ...]
    approved_by: str
    reason: str
    note: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.decided_by_person(self.lines, self.timestamp)


class DenialAppealed(Fact):
    """The customer disagrees with a denial; a person has to look again."""

    TOPIC = "rma.Rma.DenialAppealed.v1"
    line: int
    runs: tuple[UnitRun, ...]
    grounds: str
    evidence: tuple[Evidence, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.take_up(self.line, self.runs, "needs_review")
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

    def apply(self, aggregate: RmaState) -> None:
        line = aggregate.lines[self.line]
        line.asked = replace(
            line.asked, reason=self.reason, wish=self.wish, comment=self.comment, quantity=self.quantity
        )
        line.states.change(self.dropped, lambda state: replace(state, authorization="withdrawn"))


class EvidenceAdded(Fact):
    TOPIC = "rma.Rma.EvidenceAdded.v1"
    evidence: tuple[Evidence, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.keep_evidence(self.evidence)


class Withdrawn(Fact):
    """The customer keeps the goods after all."""

    TOPIC = "rma.Rma.Withdrawn.v1"
    runs: tuple[RmaRun, ...]
    reason: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, authorization="withdrawn"))


class Expired(Fact):
    """Nothing was sent in time."""

    TOPIC = "rma.Rma.Expired.v1"
    deadline_id: UUID
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, authorization="expired"))


class ResolutionDecided(Fact):
    """What the customer gets."""

    TOPIC = "rma.Rma.ResolutionDecided.v1"
    runs: tuple[RmaRun, ...]
    resolution: Resolution
    amount_minor: int | None
    inspection_id: str | None
    reason: str | None
    by: Literal["policy", "person"]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(
            self.runs, lambda state: replace(state, resolution=self.resolution, settlement="none", goods_sent=False)
        )


class RefundStarted(Fact):
    """Money for these units is on its way; the order's ledger holds the refund."""

    TOPIC = "rma.Rma.RefundStarted.v1"
    refund_id: UUID
    amount_minor: int
    settlement: Settlement
    parts: tuple[RefundPart, ...]
    currency: str | None = None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.refund_minor += self.amount_minor
        aggregate.refund_count += 1
        for part in self.parts:
            aggregate.lines[part.line].refunded.append(part)
            if self.settlement in OPEN_SETTLEMENTS:
                aggregate.lines[part.line].refund_due_at = self.timestamp
        runs = [RmaRun(part.line, part.first, part.count) for part in self.parts]
        aggregate.change(runs, lambda state: replace(state, settlement=self.settlement))


class SettlementMoved(Fact):
    """The gateways' answers moved a refund on, or back."""

    TOPIC = "rma.Rma.SettlementMoved.v1"
    refund_id: UUID
    settlement: Settlement
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        if self.settlement in OPEN_SETTLEMENTS:
            for run, state in aggregate.states_of(self.runs):
                if not state.awaits_money:
                    aggregate.lines[run.line].refund_due_at = self.timestamp
        aggregate.change(self.runs, lambda state: replace(state, settlement=self.settlement))


class FeedbackGiven(Fact):
    TOPIC = "rma.Rma.FeedbackGiven.v1"
    score: int
    comment: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.score = self.score


class Closed(Fact):
    TOPIC = "rma.Rma.Closed.v1"
    reason: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.closed_at = self.timestamp


class Reopened(Fact):
    TOPIC = "rma.Rma.Reopened.v1"
    reason: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.closed_at = None


class DeadlinesMoved(Fact):
    """What happened opened deadlines, or ended them, or left nothing to do (``resolved``)."""

    TOPIC = "rma.Rma.DeadlinesMoved.v1"
    opened: tuple[Deadline, ...]
    ended: tuple[DeadlineEnd, ...]
    resolved: bool

    def apply(self, aggregate: RmaState) -> None:
        aggregate.resolved_at = (aggregate.resolved_at or self.timestamp) if self.resolved else None
        for deadline in self.opened:
            aggregate.deadlines[deadline.deadline_id] = deadline
        for end in self.ended:
            old = aggregate.deadlines[end.deadline_id]
            aggregate.deadlines[end.deadline_id] = replace(old, status=end.status)


class DeadlinePassed(Fact):
    """Its instant came before what it waited for."""

    TOPIC = "rma.Rma.DeadlinePassed.v1"
    deadline_id: UUID

    def apply(self, aggregate: RmaState) -> None:
        old = aggregate.deadlines[self.deadline_id]
        aggregate.deadlines[self.deadline_id] = replace(old, status="passed")


class DeadlineExtended(Fact):
    TOPIC = "rma.Rma.DeadlineExtended.v1"
    deadline_id: UUID
    due_at: datetime
    reason: str

    def apply(self, aggregate: RmaState) -> None:
        old = aggregate.deadlines[self.deadline_id]
        aggregate.deadlines[self.deadline_id] = replace(old, due_at=self.due_at)
