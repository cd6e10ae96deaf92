"""What arrives at the dock is a fact, whoever expected it; money waits for authorization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.case import Case, discrepancies, resolution
from domain.rma.parts import LineSerials, RmaRun
from domain.units import UnitRun, take, total, without
from domain.vocabularies import DiscrepancyKind


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
            discrepancies.note(case, "over", receipt_id=receipt.receipt_id, line=item.line, quantity=excess)
        _check_serials(case, receipt, item)
    for other, runs in swapped:
        _other_article(case, receipt, other, runs)
    if receipt.complete:
        _missing(case, receipt)
    resolution.follow_policy_on(case, arrivals.arrived)


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


def _check_serials(case: Case, receipt: Receipt, item: ReceivedItem) -> None:
    sold = case.order.lines[case.rma.lines[item.line].asked.line_id].fact.serials
    for serial in item.serials:
        if sold and serial not in sold:
            discrepancies.note(
                case, "wrong_serial", receipt_id=receipt.receipt_id, line=item.line, quantity=1, serial=serial
            )


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
