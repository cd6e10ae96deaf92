"""What money of an agent's needs a second person, and that nobody is a second person to himself."""

from __future__ import annotations

from typing import Final

from domain.errors import RuleViolationError

AGENT: Final = "agent:"


class SecondPersonNeededError(RuleViolationError):
    """Another person than the one who acts, or who decided before, has to do this, or to approve of it."""

    code = "second_person_needed"

    def __init__(self, message: str, *, agent_id: str) -> None:
        super().__init__(message, agent_id=agent_id)


class ApprovalNeededError(RuleViolationError):
    """More money than an agent may move alone; `approved_by` names who let it."""

    code = "approval_needed"

    def __init__(self, asked: int, *, limit_minor: int) -> None:
        message = f"{asked} need approved_by, up to {limit_minor} do not (minor units)"
        super().__init__(message, asked=asked, limit_minor=limit_minor)


def check(approved_by: str | None, *, actor_id: str, amount_minor: int = 0, limit_minor: int | None = None) -> None:
    """Let a command pass whose approval is another person's, and is there where its money needs one.

    Args:
        approved_by: An agent, by id or as ``agent:id``; None: nobody approved.
        actor_id: Who sends the command.
        amount_minor: What it gives or asks by a person's own figure (minor units).
        limit_minor: Up to which amount, itself included, nobody need approve; None: any.
    Raises:
        SecondPersonNeededError: It is the same person.
        ApprovalNeededError: It is more, and nobody approved.
    """
    if approved_by is not None and approved_by.removeprefix(AGENT) == actor_id:
        raise SecondPersonNeededError("nobody approves of what he does himself", agent_id=actor_id)
    if approved_by is None and limit_minor is not None and amount_minor > limit_minor:
        raise ApprovalNeededError(amount_minor, limit_minor=limit_minor)
