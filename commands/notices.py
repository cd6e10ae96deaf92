"""What the customer is told and asked: notices, reminders, evidence asked for, the survey."""

from __future__ import annotations

from uuid import UUID

from commands.fields import Identifier, LineNumber, OnReturn, Text
from commands.registry import on_return
from domain.case import Case, notices
from domain.rma.parts import Notice
from domain.vocabularies import NoticeChannel, NoticeKind, NoticeOutcome


class RequestEvidence(OnReturn):
    """Ask the customer for photos, videos or documents of a line, or of the whole return."""

    line: LineNumber | None = None
    note: Text


class RecordNotice(OnReturn):
    """Record that a message to the customer was sent, or could not be."""

    notice_id: Identifier
    kind: NoticeKind
    channel: NoticeChannel
    outcome: NoticeOutcome
    reason: Text | None = None


class RecordNoticeOutcome(OnReturn):
    """Record what became of a message later: it came back, or went out after all."""

    notice_id: Identifier
    outcome: NoticeOutcome
    reason: Text | None = None


class Remind(OnReturn):
    """Remind the customer of a deadline that is near; once for each instant that it has."""

    deadline_id: UUID


class AskFeedback(OnReturn):
    """Ask the customer how it went; once, and never of a return that was denied, withdrawn or expired."""


@on_return(RequestEvidence, by="agent")
def request_evidence(command: RequestEvidence, case: Case) -> None:
    notices.ask_for_evidence(case, command.line, command.note)


@on_return(RecordNotice, by="system", while_closed=True)
def record_notice(command: RecordNotice, case: Case) -> None:
    notice = Notice(command.kind, command.channel, command.outcome)
    notices.notified(case, command.notice_id, notice, command.reason)


@on_return(RecordNoticeOutcome, by="system", while_closed=True)
def record_notice_outcome(command: RecordNoticeOutcome, case: Case) -> None:
    notices.outcome(case, command.notice_id, command.outcome, command.reason)


@on_return(Remind, by="clock", while_closed=True)
def remind(command: Remind, case: Case) -> None:
    notices.remind(case, command.deadline_id)


@on_return(AskFeedback, by="clock", while_closed=True)
def ask_feedback(_: AskFeedback, case: Case) -> None:
    notices.ask_for_feedback(case)
