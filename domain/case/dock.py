"""Goods on their way and at the dock. What arrives is a fact, whoever expected it; money waits for authorization."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from domain.case import Case, resolution
from domain.errors import WrongStateError
from domain.rma.parts import LineSerials, RmaRun
from domain.units import UnitRun, take, total, without
from domain.vocabularies import Logistics, ScanStatus

FIRST_SCANS: Final = frozenset({"accepted", "in_transit", "out_for_delivery", "delivered"})


@dataclass(frozen=True, slots=True)
class Label:
    """What goods are sent with, and where to."""

    label_id: str
    carrier: str
    tracking_number: str
    ship_to: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class ReceivedItem:
    """So many units of a line of the return, with the serial numbers read off them."""

    line: int
    quantity: int
    serials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnexpectedItem:
    """Another article than announced; ``instead_of`` names the line whose units turned out to be it."""

    sku: str
    quantity: int
    serial: str | None = None
    instead_of: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one delivery at the dock held; ``complete`` says that nothing more will come."""

    receipt_id: str
    site: str
    items: tuple[ReceivedItem, ...]
    unexpected: tuple[UnexpectedItem, ...]
    complete: bool
    content_hash: str


def issue_label(case: Case, label: Label) -> None:
    """Issue a label to send the goods with; the same one again is no second.

    Raises:
        IdentifierReusedError: Another label came under this id.
        WrongStateError: Nothing is authorized to be sent.
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
        timestamp=case.at,
    )


def hand_over(case: Case, *, tracking_number: str | None, drop_off: str | None) -> None:
    """Record that the goods left the customer; told again, it is no second time.

    Raises:
        WrongStateError: Nothing is authorized to be sent, nor on its way.
    """
    rma = case.rma
    runs = [run for run, state in rma.units() if state.is_live and state.is_with_customer]
    if not runs:
        if rma.first_scan_at is None:
            raise WrongStateError("nothing is waiting to be handed over", status=rma.status)
        return
    rma.trigger_event(
        rma.HandedOver, runs=tuple(runs), tracking_number=tracking_number, drop_off=drop_off, timestamp=case.at
    )
    _follow(case, runs)


def scan(
    case: Case,
    *,
    tracking_number: str,
    scan_id: str,
    status: ScanStatus,
    place: str | None,
    content_hash: str,
) -> None:
    """Record a carrier's scan; scans may come twice and out of order, and never move goods back.

    An older scan than the latest moves nothing but a first one: ``lost`` gives way only to a later sighting.
    """
    rma = case.rma
    if rma.is_repeat("scan_id", scan_id, content_hash):
        return
    late = rma.last_scan_at is not None and case.at < rma.last_scan_at
    to: Logistics | None = None
    movable: frozenset[str] = frozenset()
    if status == "delivered":
        to, movable = "delivered", frozenset({"with_customer", "in_transit"} | (set() if late else {"lost"}))
    elif status == "lost" and not late:
        to, movable = "lost", frozenset({"with_customer", "in_transit"})
    elif status in FIRST_SCANS:
        to, movable = "in_transit", frozenset({"with_customer"} | (set() if late else {"lost"}))
    runs = [run for run, state in rma.units() if state.is_live and state.logistics in movable]
    rma.trigger_event(
        rma.Scanned,
        scan_id=scan_id,
        tracking_number=tracking_number,
        status=status,
        place=place,
        first=status in FIRST_SCANS,
        logistics=to if runs else None,
        runs=tuple(runs) if to else (),
        content_hash=content_hash,
        timestamp=case.at,
    )
    _follow(case, runs)


def receive(case: Case, receipt: Receipt) -> None:
    """Record what arrived, and what of it differs from what was announced."""
    if case.rma.is_repeat("receipt_id", receipt.receipt_id, receipt.content_hash):
        return
    for number in (*(i.line for i in receipt.items), *(i.instead_of for i in receipt.unexpected if i.instead_of)):
        case.rma.line(number)
    arrivals = Arrivals(case)
    over = [(item, arrivals.arrive(item.line, item.quantity)) for item in receipt.items]
    swapped = [
        (item, arrivals.swap(item.instead_of, item.quantity) if item.instead_of is not None else [])
        for item in receipt.unexpected
    ]
    case.rma.trigger_event(
        case.rma.Received,
        receipt_id=receipt.receipt_id,
        site=receipt.site,
        runs=tuple(arrivals.arrived),
        complete=receipt.complete,
        content_hash=receipt.content_hash,
        serials=tuple(LineSerials(item.line, item.serials) for item in receipt.items if item.serials),
        timestamp=case.at,
    )
    case.order.return_units(case.rma.rma_id, case.order_runs(arrivals.arrived), case.at)
    for item, excess in over:
        if excess:
            _discrepancy(case, receipt, "over", line=item.line, quantity=excess)
        _check_serials(case, receipt, item)
    for other, runs in swapped:
        _other_article(case, receipt, other, runs)
    if receipt.complete:
        _missing(case, receipt)
    _follow(case, arrivals.arrived)


class Arrivals:
    """Chooses which units of a return an arrival stands for, none of them twice."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._used: dict[str, list[UnitRun]] = {}  # by the order's line: two of a return's lines may share one
        self.arrived: list[RmaRun] = []

    def arrive(self, line: int, quantity: int) -> int:
        """Let so many units of a line arrive; return how many more came than the return can hold."""
        runs = self._choose(line, quantity)
        self.arrived += runs
        return quantity - sum(run.count for run in runs)

    def swap(self, line: int, quantity: int) -> list[RmaRun]:
        """Return the units of a line in whose place another article came."""
        return self._choose(line, quantity)

    def _choose(self, line: int, quantity: int) -> list[RmaRun]:
        case = self._case
        used = self._used.setdefault(case.rma.line(line).asked.line_id, [])
        # what is still to come back arrives before what was given up
        expected = case.rma.fitting(line, lambda state: state.may_arrive and state.is_live)
        given_up = case.rma.fitting(line, lambda state: state.may_arrive and not state.is_live)
        ours = [*case.open_units(line, without(expected, used)), *case.open_units(line, without(given_up, used))]
        chosen = take(ours, quantity)
        used += chosen
        return [RmaRun(line, run.first, run.count) for run in chosen]


def _discrepancy(
    case: Case,
    receipt: Receipt,
    kind: str,
    *,
    quantity: int,
    line: int | None = None,
    sku: str | None = None,
    serial: str | None = None,
    note: str | None = None,
    runs: Sequence[RmaRun] = (),
) -> None:
    case.rma.trigger_event(
        case.rma.DiscrepancyFound,
        receipt_id=receipt.receipt_id,
        kind=kind,
        line=line,
        sku=sku or (case.rma.lines[line].asked.sku if line else None),
        quantity=quantity,
        serial=serial,
        note=note,
        runs=tuple(runs),
        timestamp=case.at,
    )


def _check_serials(case: Case, receipt: Receipt, item: ReceivedItem) -> None:
    sold = case.order.lines[case.rma.lines[item.line].asked.line_id].fact.serials
    for serial in item.serials:
        if sold and serial not in sold:
            _discrepancy(case, receipt, "wrong_serial", line=item.line, quantity=1, serial=serial)


def _other_article(case: Case, receipt: Receipt, item: UnexpectedItem, runs: Sequence[RmaRun]) -> None:
    announced = {line.asked.sku: number for number, line in case.rma.lines.items()}
    if item.instead_of is None and item.sku in announced:
        kind, line = "over", announced[item.sku]
    else:
        kind, line = "wrong_item", item.instead_of or 0
    _discrepancy(
        case,
        receipt,
        kind,
        line=line or None,
        sku=item.sku,
        quantity=item.quantity,
        serial=item.serial,
        note=item.note,
        runs=runs,
    )
    case.order.free_units(case.rma.rma_id, case.order_runs(runs), "wrong_item", case.at)


def _missing(case: Case, receipt: Receipt) -> None:
    """What was announced and did not come is short, and free again; a box without anything is empty."""
    if not receipt.items and not receipt.unexpected:
        _discrepancy(case, receipt, "empty_box", quantity=0)
    for number in case.rma.lines:
        missing = [
            RmaRun(number, run.first, run.count)
            for run in case.rma.fitting(number, lambda state: state.is_live and state.is_expected)
        ]
        if missing:
            quantity = total(run.run for run in missing)
            _discrepancy(case, receipt, "short", line=number, quantity=quantity, runs=missing)
            case.order.free_units(case.rma.rma_id, case.order_runs(missing), "short", case.at)


def _follow(case: Case, runs: Iterable[RmaRun]) -> None:
    for number in sorted({run.line for run in runs}):
        resolution.follow_policy(case, number)
