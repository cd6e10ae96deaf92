"""What the tracking tables say of one return, rendered from its state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from domain.case import fees
from domain.identity import customer_stream
from domain.rma import Rma
from domain.rma.overdue import overdue_from
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine
from domain.rma.status import next_step
from domain.rma.unknown_parcel import UnknownParcel
from domain.units import UnitRun

SHOWN: Final = (
    "authorization_state",
    "logistics_state",
    "inspection_state",
    "resolution",
    "settlement_state",
    "cause",
    "liable_party",
    "grade",
    "disposition",
    "fees_waived",
    "site",
    "found_sku",
)


def return_row(rma: Rma, last_position: int) -> dict[str, object]:
    """Return the row of view ``returns``."""
    status = rma.status
    due = [deadline.due_at for deadline in rma.deadlines.values() if deadline.is_open]
    return {
        "rma_id": rma.rma_id,
        "rma_number": rma.rma_number,
        "order_id": rma.order_id,
        "customer_id": rma.customer_id,
        "case_id": rma.case_id,
        "status": status,
        "requested_at": rma.created_on,
        "decided_at": rma.decided_at,
        "closed_at": rma.closed_at,
        "next_step": next_step(status, [state for _, state in rma.units()]),
        "next_deadline_at": min(due, default=None),
        "carrier": rma.carrier,
        "tracking_number": rma.tracking_number,
        "refund_minor": rma.refund_minor,
        "currency": rma.currency,
        "denial_code": rma.denial_code,
        "gift": rma.gift,
        "policy_id": rma.policy.policy_id,
        "policy_version": rma.policy.number,
        "last_position": last_position,
        "overdue_from": overdue_from(rma),
        "requester_id": rma.person.removeprefix(customer_stream("")),
    }


def line_rows(rma: Rma) -> Iterator[dict[str, Any]]:
    """Yield the rows of view ``return_lines``: neighbouring units that look the same are one row."""
    for number, line in rma.lines.items():
        pending: dict[str, Any] | None = None
        for run, state in line.states:
            row = _line_row(rma, number, line, run, state)
            if pending is not None and _continues(pending, row):
                for counter in ("quantity", "paid_minor", "refund_minor"):
                    pending[counter] += row[counter]
                continue
            if pending is not None:
                yield pending
            pending = row
        if pending is not None:
            yield pending


def _continues(row: dict[str, Any], later: dict[str, Any]) -> bool:
    adjacent = row["first_unit"] + row["quantity"] == later["first_unit"]
    return bool(adjacent and all(row[column] == later[column] for column in SHOWN))


def _line_row(rma: Rma, number: int, line: RmaLine, run: UnitRun, state: RunState) -> dict[str, object]:
    return {
        "rma_id": rma.rma_id,
        "line": number,
        "first_unit": run.first,
        "line_id": line.asked.line_id,
        "sku": line.asked.sku,
        "quantity": run.count,
        "authorization_state": state.authorization,
        "logistics_state": state.logistics,
        "inspection_state": state.inspection,
        "resolution": state.resolution,
        "settlement_state": state.settlement,
        "reason": line.asked.reason,
        "wish": line.asked.wish,
        "cause": state.cause,
        "liable_party": state.liable_party,
        "grade": state.grade,
        "disposition": state.disposition,
        "site": state.site,
        "found_sku": state.found_sku,
        "paid_minor": line.asked.paid_of(run),
        "refund_minor": line.refunded_of(run),
        "currency": rma.currency,
        "fees_waived": fees.are_waived(line, state),
    }


def parcel_rows(rma: Rma) -> Iterator[dict[str, object]]:
    """Yield the rows of view ``parcels``."""
    for parcel in rma.parcels.by_label.values():
        lines: dict[int, int] = {}
        for run in parcel.runs:
            lines[run.line] = lines.get(run.line, 0) + run.count
        yield {
            "rma_id": rma.rma_id,
            "label_id": parcel.label_id,
            "order_id": rma.order_id,
            "carrier": parcel.carrier,
            "tracking_number": parcel.tracking_number,
            "status": parcel.status,
            "last_scan_at": parcel.last_scan_at,
            "lines": [{"line": line, "quantity": quantity} for line, quantity in lines.items()],
        }


def unknown_parcel_row(fact: UnknownParcel.Recorded) -> dict[str, object]:
    """Return the row of view ``unknown_parcels``, as long as nobody knows whose the parcel is."""
    items = [{"sku": item.sku, "quantity": item.quantity, "serials": list(item.serials)} for item in fact.items]
    return {
        "parcel_id": fact.parcel_id,
        "site": fact.site,
        "tracking_number": fact.tracking_number,
        "items": items,
        "note": fact.note,
        "status": "open",
        "rma_id": None,
        "order_id": None,
        "received_at": fact.timestamp,
    }


def deadline_rows(rma: Rma) -> Iterator[dict[str, object]]:
    """Yield the rows of view ``deadlines``."""
    for deadline in rma.deadlines.values():
        yield {
            "deadline_id": deadline.deadline_id,
            "rma_id": rma.rma_id,
            "order_id": rma.order_id,
            "kind": deadline.kind,
            "line": deadline.line,
            "due_at": deadline.due_at,
            "status": deadline.status,
        }
