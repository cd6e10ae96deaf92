"""The parcels that a return's units travel in: what each label says, and what was seen of the parcel on its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from datetime import datetime

from domain.rma.parts import RmaRun
from domain.values import dataclass
from domain.vocabularies import ParcelStatus, ScanStatus


@dataclass(frozen=True, slots=True)
class Parcel:
    """A label, and how far the parcel that bears its number has come.

    ``runs`` are the units that it is for; none named: it stands for all that are in no other parcel.
    """

    label_id: str
    carrier: str
    tracking_number: str
    runs: tuple[RmaRun, ...]
    status: ParcelStatus = "issued"
    last_scan_at: datetime | None = None
    has_moved: bool = False

    def handed_over(self) -> Parcel:
        """Return the parcel once it left the customer; what a carrier saw of it before stays."""
        status: ParcelStatus = "handed_over" if self.last_scan_at is None else self.status
        return replace(self, status=status, has_moved=True)

    def scanned(self, status: ScanStatus, at: datetime, *, has_moved: bool) -> Parcel:
        """Return the parcel as a scan saw it; its status is that of the newest scan."""
        has_moved = self.has_moved or has_moved
        if self.last_scan_at is not None and at < self.last_scan_at:
            return replace(self, has_moved=has_moved)
        return replace(self, status=status, last_scan_at=at, has_moved=has_moved)


@dataclass(slots=True)
class Parcels:
    """The parcels of a return by their labels, and the numbers that came up without one."""

    by_label: dict[str, Parcel] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    """Numbers that were handed over or scanned, and that nobody had issued."""
    told_too_late: set[datetime] = field(default_factory=set)
    """When hand-overs were that moved nothing any more by the time they were told."""
    last_scans: dict[str | None, datetime] = field(default_factory=dict)
    """When units were last seen, by their parcel's number; None: those that stand in no label."""

    # what facts assign

    def issue(self, parcel: Parcel) -> None:
        """Take in a label."""
        self.by_label[parcel.label_id] = parcel
        self.unknown.discard(parcel.tracking_number)

    def hand_over(self, number: str | None) -> None:
        """Note that a parcel left the customer; without a number, all that had not."""
        if number is not None and not self.knows(number):
            self.unknown.add(number)
        for label_id, parcel in self.by_label.items():
            if parcel.tracking_number == number or (number is None and not parcel.has_moved):
                self.by_label[label_id] = parcel.handed_over()

    def scan(self, number: str, status: ScanStatus, at: datetime, *, has_moved: bool) -> None:
        """Note what a carrier saw of a parcel."""
        if not self.knows(number):
            self.unknown.add(number)
            return
        key = self._key(number)
        self.last_scans[key] = max(at, self.last_scans.get(key, at))
        for label_id, parcel in self.by_label.items():
            if parcel.tracking_number == number:
                self.by_label[label_id] = parcel.scanned(status, at, has_moved=has_moved)

    # what rules ask

    def knows(self, number: str) -> bool:
        """Tell whether a number stands for units: where no label was issued, any does."""
        return not self.by_label or any(parcel.tracking_number == number for parcel in self.by_label.values())

    def units_of(self, number: str) -> tuple[RmaRun, ...]:
        """Return the units that labels with this number name; none where it stands for all in no other parcel."""
        return tuple(
            run for parcel in self.by_label.values() if parcel.tracking_number == number for run in parcel.runs
        )

    def packed(self, *, moved_only: bool = False) -> Iterator[RmaRun]:
        """Yield the units that labels name; ``moved_only``: of parcels that have moved."""
        for parcel in self.by_label.values():
            if parcel.has_moved or not moved_only:
                yield from parcel.runs

    def saw_later(self, number: str, at: datetime) -> bool:
        """Tell whether a later scan of the same units is known than one ``at`` an instant."""
        last = self.last_scans.get(self._key(number))
        return last is not None and at < last

    def _key(self, number: str) -> str | None:
        """Return by what scans of the same units are told from others: labels that name no units share theirs."""
        return number if self.units_of(number) else None
