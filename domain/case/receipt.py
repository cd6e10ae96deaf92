"""What arrives at the dock is a fact, whoever expected it; money waits for authorization."""

from __future__ import annotations

from collections.abc import Sequence

from domain.case import Case, corrected_receipts, discrepancies, resolution
from domain.case.arrivals import Arrival, Arrivals, ReceivedItem, note_serials
from domain.order.serials import check_counted, check_distinct
from domain.rma.parts import LineSerials, RmaRun
from domain.units import total
from domain.values import dataclass
from domain.vocabularies import DiscrepancyKind


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
    supersedes: str | None = None
    """The receipt that was typed wrong."""


def receive(case: Case, receipt: Receipt) -> None:
    """Record what arrived, and what of it differs from what was announced.

    Raises:
        DuplicateSerialError, QuantityExceededError: A serial number is there twice, or more of them than units.
        UnknownLineError, IdentifierReusedError: The return has no such line; another receipt came under this id.
        UnknownReceiptError, WrongStateError: As ``corrected_receipts.take_back`` does.
    """
    if case.rma.is_repeat("receipt_id", receipt.receipt_id, receipt.content_hash):
        return
    _check(case, receipt)
    if receipt.supersedes is not None:
        corrected_receipts.take_back(case, receipt.supersedes, by=receipt.receipt_id)
    arrivals = Arrivals(case)
    arrived = [arrivals.arrive(item) for item in receipt.items]
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
        read=tuple(arrivals.read),
        supersedes=receipt.supersedes,
        timestamp=case.at,
    )
    case.order.return_units(case.rma.rma_id, case.order_runs(arrivals.arrived), case.at)
    note_serials(case, arrivals.read)
    for arrival in arrived:
        _differences(case, receipt, arrival)
    for other, runs in swapped:
        _other_article(case, receipt, other, runs)
    if receipt.complete:
        _missing(case, receipt)
    resolution.follow_policy_on(case, arrivals.arrived)


def _check(case: Case, receipt: Receipt) -> None:
    for number in (*(i.line for i in receipt.items), *(i.instead_of for i in receipt.unexpected if i.instead_of)):
        case.rma.line(number)
    for item in receipt.items:
        check_counted(item.serials, item.quantity, line=item.line)
    read = [serial for item in receipt.items for serial in item.serials]
    check_distinct([*read, *(item.serial for item in receipt.unexpected if item.serial)])


def _differences(case: Case, receipt: Receipt, arrival: Arrival) -> None:
    line, receipt_id = arrival.item.line, receipt.receipt_id
    if arrival.excess:
        discrepancies.note(case, "over", receipt_id=receipt_id, line=line, quantity=arrival.excess)
    for serial in arrival.wrong_serials:
        discrepancies.note(case, "wrong_serial", receipt_id=receipt_id, line=line, quantity=1, serial=serial)


def _other_article(case: Case, receipt: Receipt, item: UnexpectedItem, runs: Sequence[RmaRun]) -> None:
    announced = {line.asked.sku: number for number, line in case.rma.lines.items()}
    kind: DiscrepancyKind
    if item.instead_of is None and item.sku in announced:
        kind, line = "over", announced[item.sku]
    else:
        kind, line = "wrong_item", item.instead_of or 0
    discrepancies.note(
        case,
        kind,
        receipt_id=receipt.receipt_id,
        line=line or None,
        sku=item.sku,
        quantity=item.quantity,
        serial=item.serial,
        said=item.note,
        runs=runs,
    )
    case.order.free_units(case.rma.rma_id, case.order_runs(runs), "wrong_item", case.at)


def _missing(case: Case, receipt: Receipt) -> None:
    """What was announced and did not come is short, and free again; a box without anything is empty."""
    if not receipt.items and not receipt.unexpected:
        discrepancies.note(case, "empty_box", receipt_id=receipt.receipt_id, quantity=0)
    for number in case.rma.lines:
        missing = [
            RmaRun(number, run.first, run.count)
            for run in case.rma.fitting(number, lambda state: state.is_live and state.is_expected)
        ]
        if missing:
            quantity = total(run.run for run in missing)
            discrepancies.note(
                case, "short", receipt_id=receipt.receipt_id, line=number, quantity=quantity, runs=missing
            )
            case.order.free_units(case.rma.rma_id, case.order_runs(missing), "short", case.at)
