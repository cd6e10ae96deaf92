"""Several workers move an order's money at once: as much goes as there is, and the others hear what is left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from threading import Barrier, Thread
from typing import Any

import pytest

from infra.log.event_log import EventLog
from tests.support.command_worker import outcome, sold
from tests.support.pipeline import Pipeline, command
from workers.command_worker.worker import CommandWorker

RACERS = 4
LINE = {"line_id": "L1", "quantity": 3}


def refund(number: int) -> tuple[str, dict[str, Any]]:
    return "RefundOrder", {"refund_request_id": f"RR-{number}", "lines": [{**LINE, "amount_minor": 500}], "reason": "x"}


@pytest.mark.parametrize(("asked", "winners", "code"), [(refund, 1, "amount_exceeds_entitlement")])
def test_racing_workers_move_no_more_than_there_is(
    pipeline: Pipeline,
    worker: CommandWorker,
    asked: Callable[[int], tuple[str, dict[str, Any]]],
    winners: int,
    code: str,
) -> None:
    """Each worker wants more than half of what there is, under an id of its own: one gets it."""
    sold(worker)
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
    assert sorted(one["status"] for one in given) == ["accepted"] * winners + ["refused"] * (RACERS - winners)
    assert {one["code"] for one in given if one["status"] == "refused"} == {code}
