"""Photos, videos and documents that somebody puts forward."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands.fields import (
    EVIDENCE_MAX,
    Body,
    Identifier,
    LineNumber,
    Sha256,
    Text,
)
from commands.registry import on_return
from domain.case import Case
from domain.errors import (
    IdentifierReusedError,
    UnknownLineError,
)
from domain.rma.parts import Evidence
from domain.vocabularies import EvidenceKind


class EvidenceItem(Body):
    """A photo, video or document."""

    evidence_id: Identifier
    kind: EvidenceKind
    uri: Text
    sha256: Sha256 | None = None
    line: LineNumber | None = None


EvidenceItems = Annotated[tuple[EvidenceItem, ...], Field(max_length=EVIDENCE_MAX)]


SomeEvidence = Annotated[tuple[EvidenceItem, ...], Field(min_length=1, max_length=EVIDENCE_MAX)]


class AddEvidence(Body):
    """Put evidence forward."""

    rma_id: UUID
    order_id: Identifier
    evidence: SomeEvidence


def _new_evidence(
    known: Iterable[Evidence], given: Sequence[EvidenceItem], *, known_lines: Iterable[int]
) -> tuple[Evidence, ...]:
    """Return what is new among the evidence given; the same item again is no second one."""
    by_id = {item.evidence_id: item for item in known}
    lines, new = set(known_lines), []
    for item in given:
        evidence = Evidence(item.evidence_id, item.kind, item.uri, item.sha256, item.line)
        if item.line is not None and item.line not in lines:
            raise UnknownLineError(f"the return has no line {item.line}", line=item.line)
        if item.evidence_id not in by_id:
            by_id[item.evidence_id] = evidence
            new.append(evidence)
        elif by_id[item.evidence_id] != evidence:
            raise IdentifierReusedError("evidence_id", item.evidence_id)
    return tuple(new)


def evidence_for(case: Case, given: Sequence[EvidenceItem]) -> tuple[Evidence, ...]:
    """Return what is new to a return among the evidence given."""
    return _new_evidence(case.rma.evidence.values(), given, known_lines=case.rma.lines)


@on_return(AddEvidence, by="customer agent", while_closed=True)
def add_evidence(command: AddEvidence, case: Case) -> None:
    new = evidence_for(case, command.evidence)
    if new:
        case.rma.trigger_event(case.rma.EvidenceAdded, evidence=new, timestamp=case.at)
