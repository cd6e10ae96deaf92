"""How what arrived, or is said to be on its way, differs from what was announced."""

from __future__ import annotations

from collections.abc import Sequence

from domain.case import Case
from domain.rma.parts import RmaRun
from domain.vocabularies import DiscrepancyKind


def note(
    case: Case,
    kind: DiscrepancyKind,
    *,
    quantity: int,
    receipt_id: str | None = None,
    line: int | None = None,
    sku: str | None = None,
    serial: str | None = None,
    tracking_number: str | None = None,
    said: str | None = None,
    runs: Sequence[RmaRun] = (),
) -> None:
    """Record a difference; ``runs`` are the announced units concerned, ``said`` what the warehouse says of it."""
    case.rma.trigger_event(
        case.rma.DiscrepancyFound,
        receipt_id=receipt_id,
        kind=kind,
        line=line,
        sku=sku or (case.rma.lines[line].asked.sku if line else None),
        quantity=quantity,
        serial=serial,
        note=said,
        runs=tuple(runs),
        tracking_number=tracking_number,
        timestamp=case.at,
    )
