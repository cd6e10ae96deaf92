"""Goods in a race: of workers that say at once what cannot all be so, one is right and the others are refused."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from threading import Barrier, Thread
from typing import Any, Final
from uuid import UUID

import pytest

from infra.log.event_log import EventLog
from tests.support.command_worker import outcome
from tests.support.pipeline import Pipeline, Polled, command, delivery, order
from workers.command_worker.worker import CommandWorker

RACERS: Final = 3
AT: Final = "2026-03-10T10:00:00Z"
ORDER_LINE: Final = {"line_id": "L1", "sku": "SHOE", "quantity": 3, "amount_minor": 1000, "serials": ["A", "B", "C"]}
PARCEL: Final = {"parcel_id": "UP-1", "site": "WH-1", "items": [{"sku": "SHOE", "quantity": 1}]}
LABEL: Final = {"carrier": "DHL", "ship_to": "WH-1", "lines": [{"line": 1, "quantity": 1}]}
FOUND: Final = {"line": 1, "quantity": 1, "grade": "A", "cause": "none_found", "liable_party": "none"}


def about(number: int) -> dict[str, Any]:
    """Return the beginning of a command about a return."""
    return {"rma_id": str(UUID(int=number)), "order_id": "O-1"}


def request(number: int, **line: Any) -> dict[str, Any]:
    asked = {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund", **line}
    return {**about(number), "lines": [asked]}


def receipt(name: str, **more: Any) -> dict[str, Any]:
    items = [{"line": 1, "quantity": 1}]
    return {**about(1), "receipt_id": name, "site": "WH-1", "items": items, "complete": False, **more}


BEFORE: Final[dict[str, list[tuple[str, dict[str, Any]]]]] = {
    "RequestReturn": [],
    "IssueLabel": [("RequestReturn", request(1))],
    "ReceiveGoods": [("RequestReturn", request(1)), ("ReceiveGoods", receipt("R-0"))],
    "RecordInspection": [("RequestReturn", request(1)), ("ReceiveGoods", receipt("R-0"))],
    "TransferGoods": [("RequestReturn", request(1)), ("ReceiveGoods", receipt("R-0"))],
    "RecordUnknownParcel": [],
    "AssignParcel": [
        *(("RequestReturn", request(number)) for number in range(1, RACERS + 1)),
        ("RecordUnknownParcel", PARCEL),
    ],
}


def told(name: str, racer: int) -> dict[str, Any]:
    """Return what one of the racers says."""
    return {
        "RequestReturn": request(racer, serials=["B"]),
        "IssueLabel": {**about(1), **LABEL, "label_id": f"LB-{racer}", "tracking_number": f"T-{racer}"},
        "ReceiveGoods": receipt(f"R-{racer}", supersedes="R-0"),
        "RecordInspection": {**about(1), **FOUND, "inspection_id": f"I-{racer}", "serial": "A"},
        "TransferGoods": {**about(1), "line": 1, "quantity": 1, "to_site": "WH-2", "transfer_id": f"TR-{racer}"},
        "RecordUnknownParcel": {**PARCEL, "note": f"seen by {racer}"},
        "AssignParcel": {**about(racer), "parcel_id": "UP-1"},
    }[name]


REFUSED: Final = {
    "RequestReturn": "serial_not_available",
    "IssueLabel": "quantity_exceeded",
    "ReceiveGoods": "wrong_state",
    "RecordInspection": "quantity_exceeded",
    "TransferGoods": "quantity_exceeded",
    "RecordUnknownParcel": "parcel_id_reused",
    "AssignParcel": "wrong_state",
}


def prepared(worker: CommandWorker, steps: list[tuple[str, dict[str, Any]]]) -> None:
    policy = {"window": {"days": 30}, "offers": ["refund"]}
    document = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": policy}
    sold = {
        **order("O-1"),
        "lines": [ORDER_LINE],
        "tenders": [{"tender_id": "T", "kind": "card", "amount_minor": 1000}],
    }
    first = [
        command("PublishPolicy", document, id="policy", actor="agent:A1", time="2020-01-01T00:00:00Z"),
        command("RegisterOrder", sold, id="order"),
        command("RecordDelivery", delivery("O-1", quantity=3), id="delivery"),
    ]
    then = [said(name, body, f"before-{number}") for number, (name, body) in enumerate(steps)]
    worker.record([*first, *then])


def said(name: str, body: dict[str, Any], command_id: str) -> Polled:
    return command(name, body, id=command_id, actor="agent:A1", time=AT)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_of_racing_workers_one_is_right(pipeline: Pipeline, worker: CommandWorker, name: str) -> None:
    """Each command about goods, said at once by several: one is accepted, the others hear why not."""
    prepared(worker, BEFORE[name])
    start = Barrier(RACERS)

    def race(racer: int) -> None:
        with closing(EventLog(pipeline.dsn)) as log:
            start.wait()
            pipeline.worker(log).record([said(name, told(name, racer), f"race-{racer}")])

    threads = [Thread(target=race, args=(racer,)) for racer in range(1, RACERS + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    given = Counter(
        one["code"] if one["status"] == "refused" else one["status"]
        for one in (outcome(pipeline, f"race-{racer}") for racer in range(1, RACERS + 1))
    )
    assert given == {"accepted": 1, REFUSED[name]: RACERS - 1}
