"""What must hold of parcels after every command, read off the labels and scans that were recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.fact import Fact
from domain.rma import Rma
from domain.rma.parts import RmaRun

Unit = tuple[int, int]
"""A unit by its line of the return and its number."""


def check_parcels(history: Iterable[Fact]) -> None:
    """Raise ``AssertionError`` where a unit is in two parcels, or moved with one that it is not in."""
    returns: dict[str, _Labels] = {}
    for fact in history:
        labels = returns.setdefault(fact.originator_id, _Labels())
        if isinstance(fact, Rma.LabelIssued):
            labels.issue(fact.tracking_number, _units(fact.runs))
        elif isinstance(fact, Rma.HandedOver | Rma.Scanned):
            labels.check_moved(fact.tracking_number, _units(fact.runs))
            labels.note_moved(fact.tracking_number, left=isinstance(fact, Rma.HandedOver) or bool(fact.runs))


@dataclass
class _Labels:
    """The labels of a return by their numbers, each with the units it names."""

    named: dict[str, set[Unit]] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)

    def issue(self, number: str, units: set[Unit]) -> None:
        packed = set().union(*self.named.values())
        assert not packed & units, (number, packed, units)
        self.named.setdefault(number, set()).update(units)

    def check_moved(self, number: str | None, units: set[Unit]) -> None:
        """Check what moved with a number: its own units, or those in no parcel; none with one that nobody issued."""
        packed = set().union(*self.named.values())
        if number is None:
            gone = set().union(*(self.named[other] for other in self.moved))
            assert not units & gone, (units, self.named)
        elif self.named and number not in self.named:
            assert not units, (number, units, self.named)
        elif own := self.named.get(number):
            assert units <= own, (number, units, own)
        else:
            assert not units & packed, (number, units, packed)

    def note_moved(self, number: str | None, *, left: bool) -> None:
        """Note which parcels have left the customer: the one that is named, or without a number all of them."""
        if left:
            self.moved |= self.named.keys() if number is None else self.named.keys() & {number}


def _units(runs: Iterable[RmaRun]) -> set[Unit]:
    return {(run.line, number) for run in runs for number in range(run.first, run.first + run.count)}
