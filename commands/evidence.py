"""Photos, videos and documents that somebody puts forward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from commands.fields import (
    EVIDENCE_MAX,
    Body,
    Identifier,
    LineNumber,
    OnReturn,
    Sha256,
    Text,
)
from commands.registry import on_return
from domain.case import Case, evidence
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


class AddEvidence(OnReturn):
    """Put evidence forward."""

    evidence: SomeEvidence


def evidence_of(given: Sequence[EvidenceItem]) -> tuple[Evidence, ...]:
    """Return evidence as the domain has it."""
    return tuple(Evidence(item.evidence_id, item.kind, item.uri, item.sha256, item.line) for item in given)


@on_return(AddEvidence, by="customer agent", while_closed=True)
def add_evidence(command: AddEvidence, case: Case) -> None:
    evidence.add(case, evidence_of(command.evidence))
