"""What people decide on a request: approval, denial, override, appeal, and the answer to a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from commands.evidence import EvidenceItems, evidence_for
from commands.fields import (
    LINES_MAX,
    Body,
    Identifier,
    LineNumber,
    OnReturn,
    Quantity,
    Text,
)
from commands.registry import on_return
from domain.case import Case, authorization, remedies
from domain.case.authorization import Choice
from domain.rma.parts import of_order


class AnswerRemedy(OnReturn):
    """Take or turn down what was offered instead of the return."""

    line: LineNumber
    accepted: bool


@on_return(AnswerRemedy, by="customer agent")
def answer_remedy(command: AnswerRemedy, case: Case) -> None:
    remedies.answer(case, command.line, accepted=command.accepted)


class DecidedLine(Body):
    """A person's decision on units of a line; ``code`` says why not."""

    line: LineNumber
    quantity: Quantity
    decision: Literal["approve", "deny"]
    code: Identifier | None = None


DecidedLines = Annotated[tuple[DecidedLine, ...], Field(min_length=1, max_length=LINES_MAX)]


class DecideRequest(Body):
    """Answer what policy left to a person."""

    rma_id: UUID
    order_id: Identifier
    lines: DecidedLines
    note: Text | None = None


class OverrideDecision(Body):
    """Decide against what had been decided."""

    rma_id: UUID
    order_id: Identifier
    lines: DecidedLines
    approved_by: Text
    reason: Text
    note: Text | None = None


class AppealDenial(Body):
    """Disagree with a denial."""

    rma_id: UUID
    order_id: Identifier
    line: LineNumber
    grounds: Text
    evidence: EvidenceItems = ()


@on_return(DecideRequest, by="agent")
def decide_request(command: DecideRequest, case: Case) -> None:
    decisions = authorization.decide_all(case, _choices(command.lines), authorization.decide_by_person)
    case.rma.trigger_event(case.rma.ReviewDecided, lines=tuple(decisions), note=command.note, timestamp=case.at)
    authorization.apply_person(case, decisions)


@on_return(OverrideDecision, by="agent")
def override_decision(command: OverrideDecision, case: Case) -> None:
    decisions = authorization.decide_all(case, _choices(command.lines), authorization.override)
    case.rma.trigger_event(
        case.rma.DecisionOverridden,
        lines=tuple(decisions),
        approved_by=command.approved_by,
        reason=command.reason,
        note=command.note,
        timestamp=case.at,
    )
    authorization.apply_person(case, decisions)


def _choices(lines: Sequence[DecidedLine]) -> list[Choice]:
    return [Choice(line.line, line.quantity, line.decision == "approve", line.code) for line in lines]


@on_return(AppealDenial, by="customer agent")
def appeal_denial(command: AppealDenial, case: Case) -> None:
    runs = authorization.appeal(case, command.line)
    line_id = case.rma.lines[command.line].asked.line_id
    case.rma.trigger_event(
        case.rma.DenialAppealed,
        line=command.line,
        runs=runs,
        grounds=command.grounds,
        evidence=evidence_for(case, command.evidence),
        timestamp=case.at,
    )
    case.order.take_free_units(case.rma.rma_id, of_order(line_id, runs), case.at)
