"""Deadlines: passed by the clock, extended by a person."""

from __future__ import annotations

from uuid import UUID

from commands.fields import (
    Instant,
    OnReturn,
    Text,
)
from commands.registry import on_return
from domain.case import Case, deadlines


class PassDeadline(OnReturn):
    """Let a deadline's instant come."""

    deadline_id: UUID


class ExtendDeadline(OnReturn):
    """Give more time."""

    deadline_id: UUID
    due_at: Instant
    reason: Text


@on_return(PassDeadline, by="clock", while_closed=True)
def pass_deadline(command: PassDeadline, case: Case) -> None:
    deadlines.pass_by(case, command.deadline_id)


@on_return(ExtendDeadline, by="agent")
def extend_deadline(command: ExtendDeadline, case: Case) -> None:
    deadlines.extend(case, command.deadline_id, command.due_at, command.reason)
