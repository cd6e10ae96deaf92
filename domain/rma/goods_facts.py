"""Facts about the goods of a return: at the dock, on the bench, and out again."""

from __future__ import annotations

from typing import Final, Literal

from domain.fact import Fact
from domain.rma.parts import (
    Evidence,
    InspectionCheck,
    LineSerials,
    ReadSerial,
    RmaRun,
)
from domain.rma.receipts import KnownReceipt
from domain.rma.state import RmaState
from domain.vocabularies import (
    Cause,
    DiscrepancyKind,
    Disposition,
    Grade,
    LiableParty,
    Logistics,
)

MISSING: Final[dict[DiscrepancyKind, Logistics]] = {"short": "short", "wrong_item": "wrong_item"}
"""Where the announced units then are; other discrepancies are about something else."""


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
    read: tuple[ReadSerial, ...] = ()
    """Which units they were read off, of those that the return was waiting for."""
    supersedes: str | None = None
    """The receipt whose place it takes."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.recorded["receipt_id", self.receipt_id] = self.content_hash
        aggregate.first_scan_at = aggregate.first_scan_at or self.timestamp
        receipt = aggregate.receipts[self.receipt_id] = KnownReceipt(self.site)
        receipt.note(aggregate.states_of(self.runs), "received")
        aggregate.change(self.runs, lambda state: state._replace(logistics="received", site=self.site))
        aggregate.read_serials(self.read)
        for run in self.runs:
            aggregate.lines[run.line].received_at = self.timestamp


class ReceiptSuperseded(Fact):
    """A receipt was typed wrong: its units stand as before it, and what it called a discrepancy is none."""

    TOPIC = "rma.Rma.ReceiptSuperseded.v1"
    receipt_id: str
    superseded_by: str
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.take_back(self.receipt_id, self.runs, self.superseded_by)


class GoodsTransferred(Fact):
    """Goods went to another site of the merchant's."""

    TOPIC = "rma.Rma.GoodsTransferred.v1"
    transfer_id: str | None
    runs: tuple[RmaRun, ...]
    to_site: str
    content_hash: str

    def apply(self, aggregate: RmaState) -> None:
        if self.transfer_id is not None:
            aggregate.recorded["transfer_id", self.transfer_id] = self.content_hash
        aggregate.change(self.runs, lambda state: state._replace(site=self.to_site))


class DiscrepancyFound(Fact):
    """What arrived, or is on its way, is not what was announced; ``runs`` are the announced units concerned."""

    TOPIC = "rma.Rma.DiscrepancyFound.v1"
    receipt_id: str | None
    kind: DiscrepancyKind
    line: int | None
    sku: str | None
    quantity: int
    serial: str | None
    note: str | None
    runs: tuple[RmaRun, ...]
    tracking_number: str | None = None

    def apply(self, aggregate: RmaState) -> None:
        if (missing := MISSING.get(self.kind)) is None:
            return
        found = self.sku if self.kind == "wrong_item" else None
        receipt = aggregate.receipts.get(self.receipt_id or "")
        site = receipt.site if receipt and found else None
        if receipt:
            receipt.note(aggregate.states_of(self.runs), missing)
        aggregate.change(
            self.runs,
            lambda state: state._replace(logistics=missing, found_sku=found, site=site, inspection="awaiting"),
        )


class Held(Fact):
    TOPIC = "rma.Rma.Held.v1"
    runs: tuple[RmaRun, ...]
    reason: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(inspection="held"))


class Released(Fact):
    TOPIC = "rma.Rma.Released.v1"
    runs: tuple[RmaRun, ...]
    reason: str

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(inspection="awaiting"))


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
    checklist: dict[str, str | int | float | bool] | str | None
    """What was looked at; recorded sealed, as one text."""
    note: str | None
    evidence: tuple[Evidence, ...]
    content_hash: str
    sku: str | None = None
    """The article that was found in place of the one announced."""
    read: tuple[ReadSerial, ...] = ()
    """The serial number that the bench read."""
    agent_id: str | None = None
    """The agent who inspected; None: the warehouse did."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.recorded["inspection_id", self.inspection_id] = self.content_hash
        aggregate.keep_evidence(self.evidence)
        aggregate.change(
            self.runs,
            lambda state: state._replace(
                inspection="inspected",
                inspection_id=self.inspection_id,
                grade=self.grade,
                cause=self.cause,
                liable_party=self.liable_party,
                accepted=self.accepted,
                disposed_by=None,
                agent_id=self.agent_id,
                appeal="none" if state.appeal == "answered" else state.appeal,
            ),
        )
        if not self.accepted:
            aggregate.lines[self.line].went_against_at = self.timestamp
        aggregate.read_serials(self.read)


class DispositionDecided(Fact):
    """What becomes of the goods."""

    TOPIC = "rma.Rma.DispositionDecided.v1"
    runs: tuple[RmaRun, ...]
    disposition: Disposition
    inspection_id: str | None
    by: Literal["policy", "person"]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(disposition=self.disposition, disposed_by=self.by))


class StockInstructed(Fact):
    """The merchant's stock is told what to do with goods, and told again when that changes."""

    TOPIC = "rma.Rma.StockInstructed.v1"
    line: int
    runs: tuple[RmaRun, ...]
    sku: str
    quantity: int
    site: str | None
    disposition: Disposition
    serials: tuple[str, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(instructed=self.disposition))


class KeptByCustomer(Fact):
    """The customer need not send the goods back."""

    TOPIC = "rma.Rma.KeptByCustomer.v1"
    runs: tuple[RmaRun, ...]

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(logistics="kept", disposition="not_returned"))


class ReplacementShipped(Fact):
    """New articles left; ``runs`` are the units through with it, ``begun`` those that still wait for another."""

    TOPIC = "rma.Rma.ReplacementShipped.v1"
    runs: tuple[RmaRun, ...]
    tracking_number: str | None
    note: str | None
    line: int | None = None
    sku: str | None = None
    """The article, where it was named."""
    quantity: int | None = None
    """How many of it, or else of the line's units."""
    serials: tuple[str, ...] = ()
    begun: tuple[RmaRun, ...] = ()
    sent: int | None = None
    """How many of a named article have left for the line by now."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(goods_sent=True, goods_begun=False))
        aggregate.change(self.begun, lambda state: state._replace(goods_begun=True))
        if self.line is not None and self.sku is not None and self.sent is not None:
            aggregate.lines[self.line].articles_sent[self.sku] = self.sent


class ReplacementLost(Fact):
    """The new article got lost: the units wait for it again, or for something else."""

    TOPIC = "rma.Rma.ReplacementLost.v1"
    runs: tuple[RmaRun, ...]
    reason: str
    loss_id: str | None
    content_hash: str

    def apply(self, aggregate: RmaState) -> None:
        if self.loss_id is not None:
            aggregate.recorded["loss_id", self.loss_id] = self.content_hash
        aggregate.change(self.runs, lambda state: state._replace(goods_sent=False, goods_begun=False))
        for run in self.runs:
            aggregate.lines[run.line].articles_sent.clear()


class Repaired(Fact):
    """Repaired, and on its way back to the customer."""

    TOPIC = "rma.Rma.Repaired.v1"
    runs: tuple[RmaRun, ...]
    tracking_number: str | None
    note: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(goods_sent=True))


class SentBack(Fact):
    """Refused goods are on their way back to the customer."""

    TOPIC = "rma.Rma.SentBack.v1"
    runs: tuple[RmaRun, ...]
    tracking_number: str | None
    note: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.change(self.runs, lambda state: state._replace(goods_sent=True))
