"""Facts about what the customer was told and asked: notices, reminders, evidence asked for, the survey."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.fact import Fact
from domain.rma.parts import Notice
from domain.rma.state import RmaState
from domain.vocabularies import NoticeChannel, NoticeKind, NoticeOutcome


class CustomerNotified(Fact):
    """A message to the customer was sent, or could not be."""

    TOPIC = "rma.Rma.CustomerNotified.v1"
    notice_id: str
    kind: NoticeKind
    channel: NoticeChannel
    outcome: NoticeOutcome
    reason: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.notices[self.notice_id] = Notice(self.kind, self.channel, self.outcome)


class NoticeOutcomeRecorded(Fact):
    """What became of a message later: it came back, or went out after all."""

    TOPIC = "rma.Rma.NoticeOutcomeRecorded.v1"
    notice_id: str
    outcome: NoticeOutcome
    reason: str | None

    def apply(self, aggregate: RmaState) -> None:
        known = aggregate.notices[self.notice_id]
        aggregate.notices[self.notice_id] = Notice(known.kind, known.channel, self.outcome)


class EvidenceRequested(Fact):
    """An agent asks the customer for photos, videos or documents."""

    TOPIC = "rma.Rma.EvidenceRequested.v1"
    line: int | None
    note: str

    def apply(self, aggregate: RmaState) -> None:
        """Nothing is decided by it."""


class Reminded(Fact):
    """A deadline of the customer's is near."""

    TOPIC = "rma.Rma.Reminded.v1"
    deadline_id: UUID

    def apply(self, aggregate: RmaState) -> None:
        aggregate.reminded.add((self.deadline_id, aggregate.deadlines[self.deadline_id].due_at))


class FeedbackAsked(Fact):
    """The customer is asked how it went."""

    TOPIC = "rma.Rma.FeedbackAsked.v1"
    lapses_at: datetime
    """Until when the question stands."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.feedback_asked_at = self.timestamp
