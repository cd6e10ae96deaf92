"""Photos, videos and documents that somebody puts forward."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from domain.case import Case
from domain.errors import IdentifierReusedError, UnknownLineError
from domain.rma.parts import Evidence

LOST: Final = frozenset({"(erased)", "(unreadable)"})
"""What stands for a text whose key is gone."""


def new_among(
    given: Sequence[Evidence], *, known: Iterable[Evidence], known_lines: Iterable[int]
) -> tuple[Evidence, ...]:
    """Return what is new among the evidence given; the same item again is no second one.

    Raises:
        UnknownLineError: An item is about a line that the return has not.
        IdentifierReusedError: Another item came under this id.
    """
    by_id = {item.evidence_id: item for item in known}
    lines, new = set(known_lines), []
    for item in given:
        if item.line is not None and item.line not in lines:
            raise UnknownLineError(f"the return has no line {item.line}", line=item.line)
        if item.evidence_id not in by_id:
            by_id[item.evidence_id] = item
            new.append(item)
        elif not _is_same(by_id[item.evidence_id], item):
            raise IdentifierReusedError("evidence_id", item.evidence_id)
    return tuple(new)


def _is_same(known: Evidence, told: Evidence) -> bool:
    """Tell whether it is the same item, as far as it is still known: its texts may be lost."""
    is_known = known.sha256 is not None or known.uri not in LOST
    return known == told if is_known else (known.kind, known.line) == (told.kind, told.line)


def new_to(case: Case, given: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return what is new to a return among the evidence given; raises what ``new_among`` does."""
    return new_among(given, known=case.rma.evidence.values(), known_lines=case.rma.lines)


def add(case: Case, given: Sequence[Evidence]) -> None:
    """Keep what is put forward; raises what ``new_among`` does."""
    if new := new_to(case, given):
        case.rma.trigger_event(case.rma.EvidenceAdded, evidence=new, timestamp=case.at)
