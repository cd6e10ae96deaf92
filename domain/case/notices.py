"""What the customer is told and asked, each thing once; sending is the workers' business, the fact is kept here."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.case import Case
from domain.errors import (
    IdentifierReusedError,
    RuleViolationError,
    UnknownDeadlineError,
    UnknownLineError,
    WrongStateError,
)
from domain.rma import Rma
from domain.rma.parts import Notice
from domain.rma.status import stage
from domain.vocabularies import DeadlineKind, NoticeOutcome, ReturnStatus

OF_THE_CUSTOMER: Final[frozenset[DeadlineKind]] = frozenset({"ship_back", "remedy", "appeal"})
"""Deadlines by which the customer has to do something: of these he is reminded."""

NOT_SENT: Final[frozenset[NoticeOutcome]] = frozenset({"failed", "skipped"})
SURVEY_STANDS: Final = timedelta(days=30)
OVER: Final[frozenset[ReturnStatus]] = frozenset({"resolved", "closed"})


class UnknownNoticeError(RuleViolationError):
    """The return has no message under this id."""

    code = "unknown_notice"

    def __init__(self, notice_id: str) -> None:
        super().__init__(f"no message {notice_id} was recorded", notice_id=notice_id)


def notified(case: Case, notice_id: str, notice: Notice, reason: str | None) -> None:
    """Record that a message was sent or could not be; the same one again is no second, but may say another outcome.

    What went out stays sent where a sender that was killed before it noted so tries once more, and fails.

    Raises:
        IdentifierReusedError: A message of another kind or channel came under this id.
    """
    known = case.rma.notices.get(notice_id)
    if known is not None:
        if (known.kind, known.channel) != (notice.kind, notice.channel):
            raise IdentifierReusedError("notice_id", notice_id)
        if known.outcome == "sent" and notice.outcome in NOT_SENT:
            return
        outcome(case, notice_id, notice.outcome, reason)
        return
    case.rma.trigger_event(
        case.rma.CustomerNotified,
        notice_id=notice_id,
        kind=notice.kind,
        channel=notice.channel,
        outcome=notice.outcome,
        reason=reason,
        timestamp=case.at,
    )


def outcome(case: Case, notice_id: str, outcome: NoticeOutcome, reason: str | None) -> None:
    """Record what became of a message later; raises ``UnknownNoticeError`` for one that was never recorded."""
    known = case.rma.notices.get(notice_id)
    if known is None:
        raise UnknownNoticeError(notice_id)
    if known.outcome != outcome:
        case.rma.trigger_event(
            case.rma.NoticeOutcomeRecorded, notice_id=notice_id, outcome=outcome, reason=reason, timestamp=case.at
        )


def ask_for_evidence(case: Case, line: int | None, note: str) -> None:
    """Ask the customer for photos, videos or documents of a line, or of the whole return.

    Raises:
        UnknownLineError: The return has no such line.
    """
    if line is not None and line not in case.rma.lines:
        raise UnknownLineError(f"the return has no line {line}", line=line)
    case.rma.trigger_event(case.rma.EvidenceRequested, line=line, note=note, timestamp=case.at)


def remind(case: Case, deadline_id: UUID) -> None:
    """Remind the customer of a deadline of his, once for each instant that it has.

    Raises:
        UnknownDeadlineError: The return has no such deadline.
        WrongStateError: It is over, or somebody else's.
    """
    deadline = case.rma.deadlines.get(deadline_id)
    if deadline is None:
        raise UnknownDeadlineError(f"the return has no deadline {deadline_id}")
    if (deadline_id, deadline.due_at) in case.rma.reminded:
        return
    if not deadline.is_open or deadline.kind not in OF_THE_CUSTOMER:
        raise WrongStateError(f"nobody has to be reminded of the deadline {deadline.kind}", deadline_id=deadline_id)
    case.rma.trigger_event(case.rma.Reminded, deadline_id=deadline_id, timestamp=case.at)


def ask_for_feedback(case: Case) -> None:
    """Ask the customer how it went: once, when a return came to its end with goods or money.

    Raises:
        WrongStateError: It is not over, or ended denied, withdrawn or expired.
    """
    rma = case.rma
    if rma.feedback_asked_at is not None or rma.score is not None:
        return
    if not may_be_asked(rma):
        raise WrongStateError("feedback is asked for once a return is resolved", status=rma.status)
    rma.trigger_event(rma.FeedbackAsked, lapses_at=case.at + SURVEY_STANDS, timestamp=case.at)


def may_be_asked(rma: Rma) -> bool:
    """Tell whether a return is over and came to its end with goods or money: only then is feedback asked for."""
    return rma.status in OVER and any(stage(state) == "resolved" for _, state in rma.units())
