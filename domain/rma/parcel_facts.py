"""Facts about the parcels of a return: labels, hand-over, what carriers see."""

from __future__ import annotations

from domain.fact import Fact
from domain.rma.parcels import Parcel
from domain.rma.parts import RmaRun
from domain.rma.state import RmaState
from domain.vocabularies import Logistics, ScanStatus


class LabelIssued(Fact):
    TOPIC = "rma.Rma.LabelIssued.v1"
    label_id: str
    carrier: str
    tracking_number: str
    ship_to: str
    content_hash: str
    runs: tuple[RmaRun, ...] = ()
    """The units it is for; none: all that are in no other parcel."""

    def apply(self, aggregate: RmaState) -> None:
        aggregate.recorded["label_id", self.label_id] = self.content_hash
        aggregate.parcels.issue(Parcel(self.label_id, self.carrier, self.tracking_number, self.runs))
        aggregate.carrier, aggregate.tracking_number = self.carrier, self.tracking_number


class HandedOver(Fact):
    """Goods left the customer; a number that nobody had issued stands for none."""

    TOPIC = "rma.Rma.HandedOver.v1"
    runs: tuple[RmaRun, ...]
    tracking_number: str | None
    drop_off: str | None

    def apply(self, aggregate: RmaState) -> None:
        aggregate.parcels.hand_over(self.tracking_number)
        if self.runs:
            aggregate.first_scan_at = aggregate.first_scan_at or self.timestamp
            aggregate.tracking_number = self.tracking_number or aggregate.tracking_number
        else:
            aggregate.parcels.told_too_late.add(self.timestamp)
        aggregate.change(self.runs, lambda state: state._replace(logistics="in_transit"))


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
        aggregate.parcels.scan(self.tracking_number, self.status, self.timestamp, has_moved=bool(self.runs))
        if self.logistics:
            logistics = self.logistics
            aggregate.change(self.runs, lambda state: state._replace(logistics=logistics))
