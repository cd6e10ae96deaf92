"""Facts about the goods of a return: on their way, at the dock, on the bench, and out again."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from domain.fact import Fact
from domain.rma.parts import (
    Evidence,
    InspectionCheck,
    LineSerials,
    RmaRun,
)
from domain.rma.state import RmaState
from domain.vocabularies import (
    Cause,
    DiscrepancyKind,
    Disposition,
    Grade,
    LiableParty,
    Logistics,
    ScanStatus,
)

MISSING: Final[dict[DiscrepancyKind, Logistics]] = {"short": "short", "wrong_item": "wrong_item"}
"""Where the announced units then are; other discrepancies are about something else."""


class LabelIssued(Fact):
    TOPIC = "rma.Rma.LabelIssued.v1"
    label_id: str
    carrier: str
    tracking_number: str
    ship_to: str
    content_hash: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.recorded["label_id", self.label_id] = self.content_hash
        aggregate.carrier, aggregate.tracking_number = self.carrier, self.tracking_number


class HandedOver(Fact):
    """The goods left the customer."""

    TOPIC = "rma.Rma.HandedOver.v1"
    runs: tuple[RmaRun, ...]
    tracking_number: str | None
    drop_off: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.first_scan_at = aggregate.first_scan_at or self.timestamp
        aggregate.tracking_number = self.tracking_number or aggregate.tracking_number
        aggregate.change(self.runs, lambda state: replace(state, logistics="in_transit"))


class Scanned(Fact):
    """The carrier saw the parcel; ``runs`` are the units that it moved on, and where to."""

    TOPIC = "rma.Rma.Scanned.v1"
    scan_id: str
    tracking_number: str
    status: ScanStatus
    place: str | None
    first: bool
    logistics: Logistics | None
    runs: tuple[RmaRun, ...]
    content_hash: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.recorded["scan_id", self.scan_id] = self.content_hash
        aggregate.tracking_number = aggregate.tracking_number or self.tracking_number
        if self.first:
            aggregate.first_scan_at = aggregate.first_scan_at or self.timestamp
        aggregate.last_scan_at = max(self.timestamp, aggregate.last_scan_at or self.timestamp)
        if self.logistics:
            logistics = self.logistics
            aggregate.change(self.runs, lambda state: replace(state, logistics=logistics))


class Received(Fact):
    """Units arrived at the dock, whether or not anyone had authorized them."""

    TOPIC = "rma.Rma.Received.v1"
    receipt_id: str
    site: str
    runs: tuple[RmaRun, ...]
    complete: bool
    content_hash: str
    serials: tuple[LineSerials, ...] = ()
    """Those that fit and those that do not; each of the latter is a discrepancy, too."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.recorded["receipt_id", self.receipt_id] = self.content_hash
        aggregate.first_scan_at = aggregate.first_scan_at or self.timestamp
        aggregate.change(self.runs, lambda state: replace(state, logistics="received"))
        for run in self.runs:
            aggregate.lines[run.line].received_at = self.timestamp


class DiscrepancyFound(Fact):
    """What arrived is not what was announced; ``runs`` are the announced units concerned."""

    TOPIC = "rma.Rma.DiscrepancyFound.v1"
    receipt_id: str
    kind: DiscrepancyKind
    line: int | None
    sku: str | None
    quantity: int
    serial: str | None
    note: str | None
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        if (missing := MISSING.get(self.kind)) is not None:
            aggregate.change(self.runs, lambda state: replace(state, logistics=missing))


class Held(Fact):
    TOPIC = "rma.Rma.Held.v1"
    runs: tuple[RmaRun, ...]
    reason: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, inspection="held"))


class Released(Fact):
    TOPIC = "rma.Rma.Released.v1"
    runs: tuple[RmaRun, ...]
    reason: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, inspection="awaiting"))


class Inspected(Fact):
    """The bench graded units, found a cause and named who is liable; it may take an earlier inspection's place."""

    TOPIC = "rma.Rma.Inspected.v1"
    inspection_id: str
    supersedes: str | None
    line: int
    runs: tuple[RmaRun, ...]
    grade: Grade
    cause: Cause
    liable_party: LiableParty
    accepted: bool
    checks: tuple[InspectionCheck, ...]
    checklist: dict[str, str | int | float | bool] | None
    note: str | None
    evidence: tuple[Evidence, ...]
    content_hash: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.recorded["inspection_id", self.inspection_id] = self.content_hash
        aggregate.keep_evidence(self.evidence)
        aggregate.change(
            self.runs,
            lambda state: replace(
                state,
                inspection="inspected",
                inspection_id=self.inspection_id,
                grade=self.grade,
                cause=self.cause,
                liable_party=self.liable_party,
                accepted=self.accepted,
            ),
        )


class DispositionDecided(Fact):
    """What becomes of the goods."""

    TOPIC = "rma.Rma.DispositionDecided.v1"
    runs: tuple[RmaRun, ...]
    disposition: Disposition
    inspection_id: str | None
    by: Literal["policy", "person"]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, disposition=self.disposition))


class KeptByCustomer(Fact):
    """The customer need not send the goods back."""

    TOPIC = "rma.Rma.KeptByCustomer.v1"
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, logistics="kept", disposition="not_returned"))


class ReplacementShipped(Fact):
    TOPIC = "rma.Rma.ReplacementShipped.v1"
    runs: tuple[RmaRun, ...]
    tracking_number: str | None
    note: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, goods_sent=True))


class Repaired(Fact):
    """Repaired, and on its way back to the customer."""

    TOPIC = "rma.Rma.Repaired.v1"
    runs: tuple[RmaRun, ...]
    tracking_number: str | None
    note: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, goods_sent=True))


class SentBack(Fact):
    """Refused goods are on their way back to the customer."""

    TOPIC = "rma.Rma.SentBack.v1"
    runs: tuple[RmaRun, ...]
    tracking_number: str | None
    note: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: replace(state, goods_sent=True))
