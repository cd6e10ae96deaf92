"""What people decide on a request: approval, denial, override, appeal, and the answer to a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from commands.evidence import EvidenceItems, evidence_of
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
from domain.case import Case, remedies, review
from domain.case.review import Choice


class AnswerRemedy(OnReturn):
    """Take or turn down what was offered instead of the return."""

    line: LineNumber
    accepted: bool


@on_return(AnswerRemedy, by="customer agent")
def answer_remedy(command: AnswerRemedy, case: Case) -> None:
    remedies.answer(case, command.line, accepted=command.accepted)


class DecisionOnUnits(Body):
    """A person's decision on units of a line; ``code`` says why not."""

    line: LineNumber
    quantity: Quantity
    decision: Literal["approve", "deny"]
    code: Identifier | None = None


LineDecisions = Annotated[tuple[DecisionOnUnits, ...], Field(min_length=1, max_length=LINES_MAX)]


class DecideRequest(OnReturn):
    """Answer what policy left to a person."""

    lines: LineDecisions
    note: Text | None = None


class OverrideDecision(OnReturn):
    """Decide against what had been decided."""

    lines: LineDecisions
    approved_by: Text
    reason: Text
    note: Text | None = None


class AppealDenial(OnReturn):
    """Disagree with a denial."""

    line: LineNumber
    grounds: Text
    evidence: EvidenceItems = ()


@on_return(DecideRequest, by="agent")
def decide_request(command: DecideRequest, case: Case) -> None:
    review.decide(case, _choices(command.lines), command.note)


@on_return(OverrideDecision, by="agent", own_money_minor=lambda _: 0)
def override_decision(command: OverrideDecision, case: Case) -> None:
    review.override(
        case, _choices(command.lines), approved_by=command.approved_by, reason=command.reason, note=command.note
    )


def _choices(lines: Sequence[DecisionOnUnits]) -> list[Choice]:
    return [Choice(line.line, line.quantity, line.decision == "approve", line.code) for line in lines]


@on_return(AppealDenial, by="customer agent")
def appeal_denial(command: AppealDenial, case: Case) -> None:
    review.appeal(case, command.line, command.grounds, evidence_of(command.evidence))
