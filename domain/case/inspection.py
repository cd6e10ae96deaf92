"""What the bench finds: grade, cause and liability, and what becomes of the goods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.case import Case, bench, claims, discrepancies, disposition, resolution
from domain.case.arrivals import note_serials
from domain.case.bench import Findings, found_as
from domain.case.evidence import new_to
from domain.errors import UnknownInspectionError
from domain.rma.parts import Evidence, InspectionCheck
from domain.vocabularies import MERCHANT_SIDE, Disposition, Grade


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

    Units with a wrong serial number are recorded apart, for their money waits for a person. What a deadline had claimed
    because accepted goods did not come is claimed no longer.

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
    on_bench = bench.choose(case, findings)
    for benched in on_bench:
        _record(case, findings, benched, evidence)
        evidence = ()
    resolution.follow_policy(case, findings.line)
    resolution.give_rest(case, findings.line)
    resolution.give_fees_back(case, findings.line)
    inspected = rma.states_of([run for benched in on_bench for run in benched.runs])
    claims.give_up(case, [run for run, state in inspected if state.accepted], "accepted")


def _record(case: Case, findings: Findings, benched: bench.Benched, evidence: tuple[Evidence, ...]) -> None:
    checks = _checks(case, findings)
    case.rma.trigger_event(
        case.rma.Inspected,
        inspection_id=findings.inspection_id,
        supersedes=findings.supersedes,
        line=findings.line,
        runs=benched.runs,
        grade=findings.grade,
        cause=findings.cause,
        liable_party=findings.liable_party,
        accepted=benched.is_what_was_sold and findings.grade != "X" and any(check.held for check in checks),
        checks=(*checks, *benched.mismatches),
        checklist=findings.checklist,
        note=findings.note,
        evidence=evidence,
        content_hash=findings.content_hash,
        sku=benched.sku,
        read=benched.read,
        agent_id=case.agent_id,
        timestamp=case.at,
    )
    note_serials(case, benched.read)
    for one in benched.news:
        discrepancies.note(case, "wrong_serial", quantity=1, line=one.line, serial=one.serial)


def _checks(case: Case, findings: Findings) -> tuple[InspectionCheck, ...]:
    """Return the grounds on which goods are accepted; any one of them will do, but never for grade X."""
    terms = case.rma.lines[findings.line].terms
    grades = tuple(terms.accept_grades) if terms else ()
    merchant_side = tuple(sorted(MERCHANT_SIDE))
    return (
        InspectionCheck("grade", grades, findings.grade, findings.grade in grades),
        InspectionCheck("liable_party", merchant_side, findings.liable_party, findings.liable_party in MERCHANT_SIDE),
        *_checks_of_share(terms.grade_share_bps if terms else {}, findings.grade),
    )


def _checks_of_share(shares_bps: Mapping[Grade, int], grade: Grade) -> Iterator[InspectionCheck]:
    """Yield whether goods are of a grade that is worth a share, where any is."""
    worth = {other: f"{other} {share_bps}" for other, share_bps in sorted(shares_bps.items())}
    if worth:
        yield InspectionCheck("grade_share_bps", tuple(worth.values()), worth.get(grade, grade), grade in worth)


def dispose(
    case: Case, number: int, quantity: int, decided: Disposition, *, inspection_id: str | None, sku: str | None
) -> None:
    """Let a person decide what becomes of goods that are here, as the article they turned out to be.

    Raises:
        QuantityExceededError: Fewer units are here.
    """
    found = found_as(case, number, sku)
    runs = case.rma.pick(
        number,
        quantity,
        lambda state: state.is_here_as(found) and (inspection_id is None or state.inspection_id == inspection_id),
    )
    disposition.decide(case, runs, decided, inspection_id=inspection_id, by_person=True)
