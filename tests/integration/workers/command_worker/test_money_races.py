"""Several workers move an order's money at once: as much goes as there is, and the others hear what is left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from threading import Barrier, Thread
from typing import Any

import orjson
import pytest

from domain.identity import order_refund_id
from infra.log.event_log import EventLog
from tests.support.command_worker import events, outcome
from tests.support.pipeline import Pipeline, command, order
from workers.command_worker.worker import CommandWorker

RACERS = 4


def refund(number: int) -> tuple[str, dict[str, Any]]:
    lines = [{"line_id": "L1", "quantity": 3, "amount_minor": 500}]
    return "RefundOrder", {"refund_request_id": f"RR-{number}", "lines": lines, "reason": "x"}


def cancellation(number: int) -> tuple[str, dict[str, Any]]:
    return "CancelUnits", {
        "cancellation_id": f"CN-{number}",
        "lines": [{"line_id": "L1", "quantity": 2}],
        "reason": "x",
    }


def payment(number: int) -> tuple[str, dict[str, Any]]:
    return "RecordPayment", {"payment_id": f"PM-{number}", "tender_id": "T1", "amount_minor": 500}


RACES = [
    (refund, "amount_exceeds_entitlement"),
    (cancellation, "quantity_exceeded"),
    (payment, "amount_exceeds_owed"),
]


@pytest.mark.parametrize(("asked", "code"), RACES, ids=[asked.__name__ for asked, _ in RACES])
def test_racing_workers_move_no_more_than_there_is(
    pipeline: Pipeline,
    worker: CommandWorker,
    asked: Callable[[int], tuple[str, dict[str, Any]]],
    code: str,
) -> None:
    """Each worker wants more than half of what there is, under an id of its own: one gets it."""
    tenders = [{"tender_id": "T1", "kind": "on_account", "amount_minor": 900}]
    worker.record([command("RegisterOrder", order(tenders=tenders), id="order")])
    start = Barrier(RACERS)

    def race(number: int) -> None:
        name, body = asked(number)
        with closing(EventLog(pipeline.dsn)) as log:
            racer = pipeline.worker(log)
            told = command(name, {"order_id": "O-1", **body}, id=f"w{number}", actor="agent:A1")
            start.wait()
            racer.record([told])

    threads = [Thread(target=race, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    given = [outcome(pipeline, f"w{number}") for number in range(RACERS)]
    assert sorted(one["status"] for one in given) == ["accepted"] + ["refused"] * (RACERS - 1)
    assert {one["code"] for one in given if one["status"] == "refused"} == {code}


def test_notes_that_race_in_one_series_leave_no_gap(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Each worker asks for another refund's note: all get one, with the numbers 1 to 4."""
    names = [f"RR-{number}" for number in range(RACERS)]
    lines = [{"line_id": "L1", "quantity": 1, "amount_minor": 50}]
    told = [
        command(
            "RefundOrder",
            {"order_id": "O-1", "refund_request_id": name, "lines": lines, "reason": "x"},
            id=name,
            actor="agent:A1",
        )
        for name in names
    ]
    worker.record([command("RegisterOrder", order(), id="order"), *told])
    refunds = [str(order_refund_id("O-1", "refund", name)) for name in names]
    start = Barrier(RACERS)

    def race(number: int) -> None:
        asked = {"series_id": "default", "refund_id": refunds[number], "order_id": "O-1"}
        with closing(EventLog(pipeline.dsn)) as log:
            racer = pipeline.worker(log)
            start.wait()
            racer.record([command("IssueCreditNote", asked, id=f"note-{number}", actor="clock:credit-notes")])

    threads = [Thread(target=race, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {outcome(pipeline, f"note-{number}")["status"] for number in range(RACERS)} == {"accepted"}
    notes = [orjson.loads(event.body) for event in events(pipeline) if event.type == "rma.CreditNoteSeries.Issued.v1"]
    assert [note["sequence"] for note in notes] == list(range(1, RACERS + 1))
    assert sorted(note["refund_id"] for note in notes) == sorted(refunds)
