"""Parcels on their way back: the labels they travel under, their hand-over, and what carriers see of them.

A label that names lines is for those units, and its number stands for no others. One that names none stands for all
units that are in no such parcel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.case import Case, discrepancies, resolution, revival
from domain.errors import QuantityExceededError, WrongStateError
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.units import take, total, without
from domain.values import dataclass
from domain.vocabularies import Logistics, ScanStatus

FIRST_SCANS: Final = frozenset({"accepted", "in_transit", "out_for_delivery", "delivered"})


@dataclass(frozen=True, slots=True)
class UnitsOfLine:
    """So many units of a line of the return."""

    line: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Label:
    """What goods are sent with, and where to; ``lines`` are the units it is for, none: all in no other parcel."""

    label_id: str
    carrier: str
    tracking_number: str
    ship_to: str
    lines: tuple[UnitsOfLine, ...]
    content_hash: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What a carrier saw of a parcel."""

    scan_id: str
    tracking_number: str
    status: ScanStatus
    place: str | None
    content_hash: str


def issue_label(case: Case, label: Label) -> None:
    """Issue a label to send the goods with; the same one again is no second.

    Raises:
        IdentifierReusedError: Another label came under this id.
        WrongStateError: Nothing is authorized to be sent.
        QuantityExceededError: Fewer units of a line wait to be sent in a parcel.
    """
    if case.rma.is_repeat("label_id", label.label_id, label.content_hash):
        return
    if not any(state.is_authorized for _, state in case.rma.units()):
        raise WrongStateError("nothing is authorized to be sent", status=case.rma.status)
    case.rma.trigger_event(
        case.rma.LabelIssued,
        label_id=label.label_id,
        carrier=label.carrier,
        tracking_number=label.tracking_number,
        ship_to=label.ship_to,
        content_hash=label.content_hash,
        runs=_units_for(case, label.lines),
        timestamp=case.at,
    )


def _units_for(case: Case, lines: Sequence[UnitsOfLine]) -> tuple[RmaRun, ...]:
    """Return the lowest-numbered units that are to be sent and are in no parcel yet."""
    chosen: list[RmaRun] = []
    for wanted in lines:
        to_send = case.rma.fitting(wanted.line, lambda state: state.is_authorized and state.is_with_customer)
        packed = [run.run for run in (*case.rma.parcels.packed(), *chosen) if run.line == wanted.line]
        free = without(to_send, packed)
        if total(free) < wanted.quantity:
            raise QuantityExceededError(asked=wanted.quantity, available=total(free), line=wanted.line)
        chosen += [RmaRun(wanted.line, run.first, run.count) for run in take(free, wanted.quantity)]
    return tuple(chosen)


def hand_over(case: Case, *, tracking_number: str | None, drop_off: str | None) -> None:
    """Record that a parcel left the customer, or all that has not yet; told again, it is no second time.

    Told late of a hand-over by the ship-back deadline, units that had expired are taken up again.

    Raises:
        WrongStateError: Nothing is authorized to be sent, nor on its way.
    """
    rma = case.rma
    if tracking_number is not None and not rma.parcels.knows(tracking_number):
        _hand_over_unknown(case, tracking_number, drop_off)
        return
    sent_in_time = revival.revive(case, _in_parcel(case, tracking_number))
    runs = [run for run, state in _in_parcel(case, tracking_number) if state.is_live and state.is_with_customer]
    if not runs and (rma.first_scan_at is not None or case.at in rma.parcels.told_too_late):
        return
    if not runs and not sent_in_time:
        raise WrongStateError("nothing is waiting to be handed over", status=rma.status)
    rma.trigger_event(
        rma.HandedOver, runs=tuple(runs), tracking_number=tracking_number, drop_off=drop_off, timestamp=case.at
    )
    resolution.follow_policy_on(case, runs)


def _hand_over_unknown(case: Case, tracking_number: str, drop_off: str | None) -> None:
    """Record what was handed over under a number that nobody issued: it moves nothing."""
    if tracking_number in case.rma.parcels.unknown:
        return
    case.rma.trigger_event(
        case.rma.HandedOver, runs=(), tracking_number=tracking_number, drop_off=drop_off, timestamp=case.at
    )
    discrepancies.note(case, "unknown_parcel", quantity=0, tracking_number=tracking_number)


def scan(case: Case, seen: Scan) -> None:
    """Record a carrier's scan; scans may come twice and out of order, and never move goods back.

    An older scan of a parcel than the latest moves nothing but a first one: ``lost`` gives way only to a later
    sighting. A scan of a number that nobody issued moves nothing. Units that had expired before a first scan by the
    ship-back deadline was told are taken up again.
    """
    rma, number = case.rma, seen.tracking_number
    if rma.is_repeat("scan_id", seen.scan_id, seen.content_hash):
        return
    is_known, is_news = rma.parcels.knows(number), number not in rma.parcels.unknown
    to, movable = _moved_by(seen.status, late=rma.parcels.saw_later(number, case.at))
    if is_known and seen.status in FIRST_SCANS:
        revival.revive(case, _in_parcel(case, number))
    units = _in_parcel(case, number) if is_known else []
    runs = [run for run, state in units if state.is_live and state.logistics in movable]
    rma.trigger_event(
        rma.Scanned,
        scan_id=seen.scan_id,
        tracking_number=number,
        status=seen.status,
        place=seen.place,
        first=is_known and seen.status in FIRST_SCANS,
        logistics=to if runs else None,
        runs=tuple(runs) if to else (),
        content_hash=seen.content_hash,
        timestamp=case.at,
    )
    if not is_known and is_news:
        discrepancies.note(case, "unknown_parcel", quantity=0, tracking_number=number)
    resolution.follow_policy_on(case, runs)


def _moved_by(status: ScanStatus, *, late: bool) -> tuple[Logistics | None, frozenset[str]]:
    """Return where a scan moves goods to, and from where it may."""
    if status == "delivered":
        return "delivered", frozenset({"with_customer", "in_transit"} | (set() if late else {"lost"}))
    if status == "lost" and not late:
        return "lost", frozenset({"with_customer", "in_transit"})
    if status in FIRST_SCANS:
        return "in_transit", frozenset({"with_customer"} | (set() if late else {"lost"}))
    return None, frozenset()


def _in_parcel(case: Case, number: str | None) -> list[tuple[RmaRun, RunState]]:
    """Return the units that a number stands for; without one, all that are in no parcel that has moved."""
    rma = case.rma
    own = rma.parcels.units_of(number) if number is not None else ()
    if own:
        return rma.states_of(own)
    return rma.units_beside(rma.parcels.packed(moved_only=number is None))
