"""Parcels on their way back: labels, hand-over, scans."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from commands.fields import LINES_MAX, Body, Identifier, LineNumber, Name, OnReturn, Quantity, Text, added_later
from commands.registry import content_hash, on_return
from domain.case import Case, parcels
from domain.case.parcels import Label, Scan, UnitsOfLine
from domain.vocabularies import ScanStatus


class PackedUnits(Body):
    """So many units of a line that go into a parcel."""

    line: LineNumber
    quantity: Quantity


class IssueLabel(OnReturn):
    """Issue a label to send the goods with.

    With ``lines`` it is for these units only; without, for all that are in no other parcel.
    """

    label_id: Identifier
    carrier: Text
    tracking_number: Name
    ship_to: Text
    lines: Annotated[tuple[PackedUnits, ...], Field(max_length=LINES_MAX)] = added_later(())


class RecordHandover(OnReturn):
    """Record that a parcel left the customer; without a tracking number, all that has not left yet."""

    tracking_number: Name | None = None
    drop_off: Text | None = None


class RecordScan(OnReturn):
    """Record a carrier's scan."""

    tracking_number: Name
    scan_id: Identifier
    status: ScanStatus
    place: Text | None = None


@on_return(IssueLabel, by="agent system", while_closed=True)
def issue_label(command: IssueLabel, case: Case) -> None:
    label = Label(
        label_id=command.label_id,
        carrier=command.carrier,
        tracking_number=command.tracking_number,
        ship_to=command.ship_to,
        lines=tuple(UnitsOfLine(units.line, units.quantity) for units in command.lines),
        content_hash=content_hash(command),
    )
    parcels.issue_label(case, label)


@on_return(RecordHandover, by="carrier agent", while_closed=True)
def record_handover(command: RecordHandover, case: Case) -> None:
    parcels.hand_over(case, tracking_number=command.tracking_number, drop_off=command.drop_off)


@on_return(RecordScan, by="carrier agent", while_closed=True)
def record_scan(command: RecordScan, case: Case) -> None:
    seen = Scan(
        scan_id=command.scan_id,
        tracking_number=command.tracking_number,
        status=command.status,
        place=command.place,
        content_hash=content_hash(command),
    )
    parcels.scan(case, seen)
