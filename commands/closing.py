"""Feedback, and the end of a return."""

from __future__ import annotations

from commands.fields import (
    OnReturn,
    Score,
    Text,
)
from commands.registry import on_return
from domain.case import Case
from domain.errors import LinesOpenError, WrongStateError


class GiveFeedback(OnReturn):
    """Say how it went; once per return."""

    score: Score
    comment: Text | None = None


class CloseReturn(OnReturn):
    """Close a return on which nothing is open."""

    reason: Text


class ReopenReturn(OnReturn):
    """Take a closed return up again."""

    reason: Text


@on_return(GiveFeedback, by="customer agent", while_closed=True)
def give_feedback(command: GiveFeedback, case: Case) -> None:
    if case.rma.score is not None:
        raise WrongStateError("feedback is given once per return")
    if case.rma.authorized_at is None:
        raise WrongStateError("feedback can be given once the return is authorized", status=case.rma.status)
    case.rma.trigger_event(case.rma.FeedbackGiven, score=command.score, comment=command.comment, timestamp=case.at)


@on_return(CloseReturn, by="agent")
def close_return(command: CloseReturn, case: Case) -> None:
    if case.rma.status not in {"resolved", "denied", "expired", "withdrawn"}:
        raise LinesOpenError(f"the return is still {case.rma.status}", status=case.rma.status)
    case.rma.trigger_event(case.rma.Closed, reason=command.reason, timestamp=case.at)


@on_return(ReopenReturn, by="agent", while_closed=True)
def reopen_return(command: ReopenReturn, case: Case) -> None:
    if case.rma.closed_at is None:
        raise WrongStateError("only a closed return can be reopened", status=case.rma.status)
    case.rma.trigger_event(case.rma.Reopened, reason=command.reason, timestamp=case.at)
