"""Facts about what becomes of a return: resolution, money, deadlines, and its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.fact import Fact
from domain.order.parts import TenderShare
from domain.rma.parts import (
    Deadline,
    DeadlineEnd,
    RefundPart,
    RmaRun,
)
from domain.rma.state import RmaState
from domain.vocabularies import (
    OPEN_SETTLEMENTS,
    Resolution,
    Settlement,
)


class ResolutionDecided(Fact):
    """What the customer gets."""

    TOPIC = "rma.Rma.ResolutionDecided.v1"
    runs: tuple[RmaRun, ...]
    resolution: Resolution
    amount_minor: int | None
    inspection_id: str | None
    reason: str | None
    by: Literal["policy", "person"]
    when_due: bool = False
    """Its money waits until policy's moment has come."""
    keep: bool = False
    """The goods stay with the customer."""
    tenders: tuple[TenderShare, ...] = ()
    """The tenders that a person named; none: those of the order, in their order."""
    return_shipping_minor: int | None = None
    """The return shipping that a person named."""
    agent_id: str | None = None
    """The person."""
    approved_by: str | None = None
    """The second person who let it."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(
            self.runs,
            lambda state: state._replace(
                resolution=self.resolution,
                settlement="due" if self.when_due else "none",
                goods_sent=False,
                goods_begun=False,
                deducted=self.amount_minor is not None,
                agent_id=self.agent_id,
                appeal="none",
            ),
        )
        for run, state in aggregate.states_of(self.runs):
            if state.went_against_customer:
                aggregate.lines[run.line].went_against_at = self.timestamp


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
        aggregate.change(runs, lambda state: state._replace(settlement=self.settlement))


class SettlementMoved(Fact):
    """The gateways' answers moved a refund on, or back; without ``refund_id``, nothing was left to pay."""

    TOPIC = "rma.Rma.SettlementMoved.v1"
    refund_id: UUID | None
    settlement: Settlement
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        if self.settlement in OPEN_SETTLEMENTS:
            for run, state in aggregate.states_of(self.runs):
                if not state.awaits_money:
                    aggregate.lines[run.line].refund_due_at = self.timestamp
        aggregate.change(self.runs, lambda state: state._replace(settlement=self.settlement))


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
