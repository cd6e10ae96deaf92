"""Several workers move an order's money at once: as much goes as there is, and the others hear what is left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from threading import Barrier, Thread
from typing import Any

import pytest

from infra.log.event_log import EventLog
from tests.support.command_worker import outcome
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
