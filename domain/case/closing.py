"""The end of a return: what the customer thought of it, closed when nothing is open, reopened."""

from __future__ import annotations

from typing import Final

from domain.case import Case
from domain.errors import LinesOpenError, WrongStateError
from domain.vocabularies import ReturnStatus

CLOSABLE: Final[frozenset[ReturnStatus]] = frozenset({"resolved", "denied", "expired", "withdrawn"})


def give_feedback(case: Case, score: int, comment: str | None) -> None:
    """Record what the customer says of the return, once, from authorization on.

    Args:
        case: The return.
        score: 1 to 5, the best.
        comment: In the customer's words.
    Raises:
        WrongStateError: It was given before, or nothing was authorized yet.
    """
    if case.rma.score is not None:
        raise WrongStateError("feedback is given once per return")
    if case.rma.authorized_at is None:
        raise WrongStateError("feedback can be given once the return is authorized", status=case.rma.status)
    case.rma.trigger_event(case.rma.FeedbackGiven, score=score, comment=comment, timestamp=case.at)


def close(case: Case, reason: str) -> None:
    """Close a return; raises ``LinesOpenError`` while anything is open."""
    if case.rma.status not in CLOSABLE:
        raise LinesOpenError(f"the return is still {case.rma.status}", status=case.rma.status)
    case.rma.trigger_event(case.rma.Closed, reason=reason, timestamp=case.at)


def reopen(case: Case, reason: str) -> None:
    """Take a closed return up again; raises ``WrongStateError`` for one that is not closed."""
    if case.rma.closed_at is None:
        raise WrongStateError("only a closed return can be reopened", status=case.rma.status)
    case.rma.trigger_event(case.rma.Reopened, reason=reason, timestamp=case.at)
