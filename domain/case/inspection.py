"""What the bench finds: grade, cause and liability, and what becomes of the goods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.case import Case, resolution
from domain.case.evidence import new_to
from domain.errors import UnknownInspectionError
from domain.rma.parts import Answer, Evidence, InspectionCheck, RmaRun
from domain.rma.run_state import RunState
from domain.vocabularies import MERCHANT_SIDE, Cause, Disposition, Grade, LiableParty


@dataclass(frozen=True, slots=True)
class Findings:
    """One inspection of units of one line; it may supersede an earlier one."""

    inspection_id: str
    line: int
    quantity: int
    grade: Grade
    cause: Cause
    liable_party: LiableParty
    content_hash: str
    checklist: dict[str, Answer] | None = None
    note: str | None = None
    evidence: tuple[Evidence, ...] = ()
    supersedes: str | None = None


def hold(case: Case, number: int, quantity: int, reason: str) -> None:
    """Keep units at the dock from being inspected."""
    runs = case.rma.pick(number, quantity, lambda state: state.awaits_inspection)
    case.rma.trigger_event(case.rma.Held, runs=runs, reason=reason, timestamp=case.at)


def release(case: Case, number: int, quantity: int, reason: str) -> None:
    """Let held units be inspected."""
    runs = case.rma.pick(number, quantity, lambda state: state.is_on_hold)
    case.rma.trigger_event(case.rma.Released, runs=runs, reason=reason, timestamp=case.at)


def inspect(case: Case, findings: Findings) -> None:
    """Record findings and what policy makes of them: disposition always, resolution and money where accepted.

    Raises:
        UnknownInspectionError: It supersedes one that was never recorded.
        QuantityExceededError: Fewer units wait for it.
    """
    rma = case.rma
    if rma.is_repeat("inspection_id", findings.inspection_id, findings.content_hash):
        return
    evidence = new_to(case, findings.evidence)
    if findings.supersedes and ("inspection_id", findings.supersedes) not in rma.recorded:
        raise UnknownInspectionError(
            f"the return has no inspection {findings.supersedes}", inspection_id=findings.supersedes
        )
    runs = rma.pick(findings.line, findings.quantity, lambda state: _waits(state, findings.supersedes))
    checks = _checks(case, findings)
    rma.trigger_event(
        rma.Inspected,
        inspection_id=findings.inspection_id,
        supersedes=findings.supersedes,
        line=findings.line,
        runs=runs,
        grade=findings.grade,
        cause=findings.cause,
        liable_party=findings.liable_party,
        accepted=findings.grade != "X" and any(check.held for check in checks),
        checks=checks,
        checklist=findings.checklist,
        note=findings.note,
        evidence=evidence,
        content_hash=findings.content_hash,
        timestamp=case.at,
    )
    _dispose_by_grade(case, findings, runs)
    resolution.follow_policy(case, findings.line)
    resolution.give_fees_back(case, findings.line)


def _waits(state: RunState, supersedes: str | None) -> bool:
    if supersedes is None:
        return state.awaits_inspection
    return state.is_here and state.is_inspected and state.inspection_id == supersedes


def _checks(case: Case, findings: Findings) -> tuple[InspectionCheck, ...]:
    """Return the grounds on which goods are accepted; any one of them will do, but never for grade X."""
    terms = case.rma.lines[findings.line].terms
    grades = tuple(terms.accept_grades) if terms else ()
    merchant_side = tuple(sorted(MERCHANT_SIDE))
    return (
        InspectionCheck("grade", grades, findings.grade, findings.grade in grades),
        InspectionCheck("liable_party", merchant_side, findings.liable_party, findings.liable_party in MERCHANT_SIDE),
    )


def _dispose_by_grade(case: Case, findings: Findings, runs: Sequence[RmaRun]) -> None:
    terms = case.rma.lines[findings.line].terms
    if terms is None:
        return
    case.rma.trigger_event(
        case.rma.DispositionDecided,
        runs=tuple(runs),
        disposition=terms.dispositions[findings.grade],
        inspection_id=findings.inspection_id,
        by="policy",
        timestamp=case.at,
    )


def dispose(case: Case, number: int, quantity: int, disposition: Disposition, inspection_id: str | None) -> None:
    """Let a person decide what becomes of goods that are here.

    Raises:
        QuantityExceededError: Fewer units are here.
    """
    runs = case.rma.pick(
        number,
        quantity,
        lambda state: state.is_here and (inspection_id is None or state.inspection_id == inspection_id),
    )
    case.rma.trigger_event(
        case.rma.DispositionDecided,
        runs=runs,
        disposition=disposition,
        inspection_id=inspection_id,
        by="person",
        timestamp=case.at,
    )
