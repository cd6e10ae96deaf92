"""Feedback, and the end of a return."""

from __future__ import annotations

from commands.fields import (
    OnReturn,
    Score,
    Text,
)
from commands.registry import on_return
from domain.case import Case, closing


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
    closing.give_feedback(case, command.score, command.comment)


@on_return(CloseReturn, by="agent")
def close_return(command: CloseReturn, case: Case) -> None:
    closing.close(case, command.reason)


@on_return(ReopenReturn, by="agent", while_closed=True)
def reopen_return(command: ReopenReturn, case: Case) -> None:
    closing.reopen(case, command.reason)
