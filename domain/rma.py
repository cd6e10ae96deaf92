"""A return merchandise authorization: one case over lines and quantities of one order.

The facts, and what they make of the case. Rules are checked where facts are decided (authorization, logistics,
inspection, resolution), before a fact is triggered; a fact's ``apply`` only assigns, so history never stops loading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from domain.aggregate import Fact, FirstFact
from domain.identity import rma_number, rma_stream
from domain.order_facts import PolicyPin
from domain.rma_facts import (
    Deadline,
    DeadlineEnd,
    Evidence,
    InspectionCheck,
    LineDecision,
    PersonDecision,
    RefundPart,
    RequestedLine,
    RmaRun,
)
from domain.rma_state import RmaState
from domain.units import UnitRun
from domain.vocabularies import (
    Cause,
    DiscrepancyKind,
    Disposition,
    Grade,
    LiableParty,
    Logistics,
    Reason,
    Resolution,
    ScanStatus,
    Settlement,
    Wish,
)


class Rma(RmaState, BaseAggregate[str]):
    """One return, from request to close."""

    TOPIC = "rma.Rma"

    class Event(Fact): ...

    class Requested(Event, FirstFact):
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

    class Authorized(Event):
        """Policy lets the units come back, on these terms."""

        TOPIC = "rma.Rma.Authorized.v1"
        lines: tuple[LineDecision, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.decided(self.lines, "authorized", self.timestamp)

    class Denied(Event):
        """Policy does not let the units come back; the decision says why and what would change it."""

        TOPIC = "rma.Rma.Denied.v1"
        lines: tuple[LineDecision, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.decided(self.lines, "denied", self.timestamp)

    class ReviewAsked(Event):
        """Policy leaves the decision to a person."""

        TOPIC = "rma.Rma.ReviewAsked.v1"
        lines: tuple[LineDecision, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.decided(self.lines, "needs_review", None)

    class ReviewDecided(Event):
        """A person answered what policy had left open."""

        TOPIC = "rma.Rma.ReviewDecided.v1"
        lines: tuple[PersonDecision, ...]
        note: str | None

        def apply(self, aggregate: Rma) -> None:
            aggregate.decided_by_person(self.lines, self.timestamp)

    class DecisionOverridden(Event):
        """A person decided against what had been decided; an audited fact of its own."""

        TOPIC = "rma.Rma.DecisionOverridden.v1"
        lines: tuple[PersonDecision, ...]
        approved_by: str
        reason: str
        note: str | None

        def apply(self, aggregate: Rma) -> None:
            aggregate.decided_by_person(self.lines, self.timestamp)

    class DenialAppealed(Event):
        """The customer disagrees with a denial; a person has to look again."""

        TOPIC = "rma.Rma.DenialAppealed.v1"
        line: int
        runs: tuple[UnitRun, ...]
        grounds: str
        evidence: tuple[Evidence, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.take_up(self.line, self.runs, "needs_review")
            aggregate.keep_evidence(self.evidence)

    class RequestCorrected(Event):
        """The request was put right before anything was sent; policy decides anew."""

        TOPIC = "rma.Rma.RequestCorrected.v1"
        line: int
        reason: Reason
        wish: Wish
        comment: str | None
        quantity: int
        dropped: tuple[UnitRun, ...]

        def apply(self, aggregate: Rma) -> None:
            line = aggregate.lines[self.line]
            line.asked = replace(
                line.asked, reason=self.reason, wish=self.wish, comment=self.comment, quantity=self.quantity
            )
            line.states.change(self.dropped, lambda state: replace(state, authorization="withdrawn"))

    class EvidenceAdded(Event):
        TOPIC = "rma.Rma.EvidenceAdded.v1"
        evidence: tuple[Evidence, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.keep_evidence(self.evidence)

    class Withdrawn(Event):
        """The customer keeps the goods after all."""

        TOPIC = "rma.Rma.Withdrawn.v1"
        runs: tuple[RmaRun, ...]
        reason: str | None

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, authorization="withdrawn")

    class Expired(Event):
        """Nothing was sent in time."""

        TOPIC = "rma.Rma.Expired.v1"
        deadline_id: UUID
        runs: tuple[RmaRun, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, authorization="expired")

    class LabelIssued(Event):
        TOPIC = "rma.Rma.LabelIssued.v1"
        label_id: str
        carrier: str
        tracking_number: str
        ship_to: str
        content_hash: str

        def apply(self, aggregate: Rma) -> None:
            aggregate.recorded["label_id", self.label_id] = self.content_hash
            aggregate.carrier, aggregate.tracking_number = self.carrier, self.tracking_number

    class HandedOver(Event):
        """The goods left the customer."""

        TOPIC = "rma.Rma.HandedOver.v1"
        runs: tuple[RmaRun, ...]
        tracking_number: str | None
        drop_off: str | None

        def apply(self, aggregate: Rma) -> None:
            aggregate.first_scan_at = aggregate.first_scan_at or self.timestamp
            aggregate.tracking_number = self.tracking_number or aggregate.tracking_number
            aggregate.change(self.runs, logistics="in_transit")

    class Scanned(Event):
        """The carrier saw the parcel; ``runs`` are the units that it moved on, and where to."""

        TOPIC = "rma.Rma.Scanned.v1"
        scan_id: str
        tracking_number: str
        status: ScanStatus
        place: str | None
        first: bool
        logistics: Logistics | None
        runs: tuple[RmaRun, ...]
        content_hash: str

        def apply(self, aggregate: Rma) -> None:
            aggregate.recorded["scan_id", self.scan_id] = self.content_hash
            aggregate.tracking_number = aggregate.tracking_number or self.tracking_number
            if self.first:
                aggregate.first_scan_at = aggregate.first_scan_at or self.timestamp
            aggregate.last_scan_at = max(self.timestamp, aggregate.last_scan_at or self.timestamp)
            if self.logistics:
                aggregate.change(self.runs, logistics=self.logistics)

    class Received(Event):
        """Units arrived at the dock, whether or not anyone had authorized them."""

        TOPIC = "rma.Rma.Received.v1"
        receipt_id: str
        site: str
        runs: tuple[RmaRun, ...]
        complete: bool
        content_hash: str

        def apply(self, aggregate: Rma) -> None:
            aggregate.recorded["receipt_id", self.receipt_id] = self.content_hash
            aggregate.first_scan_at = aggregate.first_scan_at or self.timestamp
            aggregate.change(self.runs, logistics="received")

    class DiscrepancyFound(Event):
        """What arrived is not what was announced; ``runs`` are the announced units concerned."""

        TOPIC = "rma.Rma.DiscrepancyFound.v1"
        receipt_id: str
        kind: DiscrepancyKind
        line: int | None
        sku: str | None
        quantity: int
        serial: str | None
        note: str | None
        runs: tuple[RmaRun, ...]

        def apply(self, aggregate: Rma) -> None:
            if self.kind in {"short", "wrong_item"}:
                aggregate.change(self.runs, logistics="short" if self.kind == "short" else "wrong_item")

    class Held(Event):
        TOPIC = "rma.Rma.Held.v1"
        runs: tuple[RmaRun, ...]
        reason: str

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, inspection="held")

    class Released(Event):
        TOPIC = "rma.Rma.Released.v1"
        runs: tuple[RmaRun, ...]
        reason: str

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, inspection="awaiting")

    class Inspected(Event):
        """The bench graded units, found a cause and named who is liable; it may take an earlier inspection's place."""

        TOPIC = "rma.Rma.Inspected.v1"
        inspection_id: str
        supersedes: str | None
        line: int
        runs: tuple[RmaRun, ...]
        grade: Grade
        cause: Cause
        liable_party: LiableParty
        accepted: bool
        checks: tuple[InspectionCheck, ...]
        checklist: dict[str, str | int | float | bool] | None
        note: str | None
        evidence: tuple[Evidence, ...]
        content_hash: str

        def apply(self, aggregate: Rma) -> None:
            aggregate.recorded["inspection_id", self.inspection_id] = self.content_hash
            aggregate.keep_evidence(self.evidence)
            aggregate.change(
                self.runs,
                inspection="inspected",
                inspection_id=self.inspection_id,
                grade=self.grade,
                cause=self.cause,
                liable_party=self.liable_party,
                accepted=self.accepted,
            )

    class DispositionDecided(Event):
        """What becomes of the goods."""

        TOPIC = "rma.Rma.DispositionDecided.v1"
        runs: tuple[RmaRun, ...]
        disposition: Disposition
        inspection_id: str | None
        by: Literal["policy", "person"]

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, disposition=self.disposition)

    class KeptByCustomer(Event):
        """The customer need not send the goods back."""

        TOPIC = "rma.Rma.KeptByCustomer.v1"
        runs: tuple[RmaRun, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, logistics="kept", disposition="not_returned")

    class ResolutionDecided(Event):
        """What the customer gets."""

        TOPIC = "rma.Rma.ResolutionDecided.v1"
        runs: tuple[RmaRun, ...]
        resolution: Resolution
        amount_minor: int | None
        inspection_id: str | None
        reason: str | None
        by: Literal["policy", "person"]

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, resolution=self.resolution, settlement="none", delivered_on=False)

    class RefundStarted(Event):
        """Money for these units is on its way; the order's ledger holds the refund."""

        TOPIC = "rma.Rma.RefundStarted.v1"
        refund_id: UUID
        amount_minor: int
        settlement: Settlement
        parts: tuple[RefundPart, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.refund_minor += self.amount_minor
            aggregate.refund_count += 1
            for part in self.parts:
                aggregate.lines[part.line].refunded.append(part)
            runs = [RmaRun(part.line, part.first, part.count) for part in self.parts]
            aggregate.change(runs, settlement=self.settlement)

    class SettlementMoved(Event):
        """The gateways' answers moved a refund on, or back."""

        TOPIC = "rma.Rma.SettlementMoved.v1"
        refund_id: UUID
        settlement: Settlement
        runs: tuple[RmaRun, ...]

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, settlement=self.settlement)

    class ReplacementShipped(Event):
        TOPIC = "rma.Rma.ReplacementShipped.v1"
        runs: tuple[RmaRun, ...]
        tracking_number: str | None
        note: str | None

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, delivered_on=True)

    class Repaired(Event):
        """Repaired, and on its way back to the customer."""

        TOPIC = "rma.Rma.Repaired.v1"
        runs: tuple[RmaRun, ...]
        tracking_number: str | None
        note: str | None

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, delivered_on=True)

    class SentBack(Event):
        """Refused goods are on their way back to the customer."""

        TOPIC = "rma.Rma.SentBack.v1"
        runs: tuple[RmaRun, ...]
        tracking_number: str | None
        note: str | None

        def apply(self, aggregate: Rma) -> None:
            aggregate.change(self.runs, delivered_on=True)

    class FeedbackGiven(Event):
        TOPIC = "rma.Rma.FeedbackGiven.v1"
        score: int
        comment: str | None

        def apply(self, aggregate: Rma) -> None:
            aggregate.score = self.score

    class Closed(Event):
        TOPIC = "rma.Rma.Closed.v1"
        reason: str

        def apply(self, aggregate: Rma) -> None:
            aggregate.closed_at = self.timestamp

    class Reopened(Event):
        TOPIC = "rma.Rma.Reopened.v1"
        reason: str

        def apply(self, aggregate: Rma) -> None:
            aggregate.closed_at = None

    class DeadlinesMoved(Event):
        """What happened opened deadlines, or ended them, or left nothing to do (``resolved``)."""

        TOPIC = "rma.Rma.DeadlinesMoved.v1"
        opened: tuple[Deadline, ...]
        ended: tuple[DeadlineEnd, ...]
        resolved: bool

        def apply(self, aggregate: Rma) -> None:
            aggregate.resolved_at = (aggregate.resolved_at or self.timestamp) if self.resolved else None
            for deadline in self.opened:
                aggregate.deadlines[deadline.deadline_id] = deadline
            for end in self.ended:
                old = aggregate.deadlines[end.deadline_id]
                aggregate.deadlines[end.deadline_id] = replace(old, status=end.status)

    class DeadlinePassed(Event):
        """Its instant came before what it waited for."""

        TOPIC = "rma.Rma.DeadlinePassed.v1"
        deadline_id: UUID

        def apply(self, aggregate: Rma) -> None:
            old = aggregate.deadlines[self.deadline_id]
            aggregate.deadlines[self.deadline_id] = replace(old, status="passed")

    class DeadlineExtended(Event):
        TOPIC = "rma.Rma.DeadlineExtended.v1"
        deadline_id: UUID
        due_at: datetime
        reason: str

        def apply(self, aggregate: Rma) -> None:
            old = aggregate.deadlines[self.deadline_id]
            aggregate.deadlines[self.deadline_id] = replace(old, due_at=self.due_at)

    def __init__(  # noqa: PLR0917 - the library passes the fields of Requested, by name
        self,
        rma_id: UUID,
        rma_number: str,
        order_id: str,
        customer_id: str,
        case_id: str | None,
        gift: bool,
        recipient_id: str | None,
        currency: str,
        channel: str,
        country: str,
        ordered_at: datetime,
        policy: PolicyPin,
        lines: tuple[RequestedLine, ...],
        evidence: tuple[Evidence, ...],
        content_hash: str,
    ) -> None:
        super().__init__(lines, evidence)
        self.rma_id = rma_id
        self.rma_number = rma_number
        self.order_id = order_id
        self.customer_id = customer_id
        self.case_id = case_id
        self.gift = gift
        self.recipient_id = recipient_id
        self.currency = currency
        self.channel = channel
        self.country = country
        self.ordered_at = ordered_at
        self.policy = policy
        self.content_hash = content_hash

    @classmethod
    def request(cls, rma_id: UUID, lines: Sequence[RequestedLine], *, at: datetime, **facts: object) -> Self:
        """Begin a return's stream; ``facts`` are the other fields of ``Requested``."""
        return cls._create(
            cls.Requested,
            id=rma_stream(rma_id),
            rma_id=rma_id,
            rma_number=rma_number(rma_id),
            lines=tuple(lines),
            timestamp=at,
            **facts,
        )
