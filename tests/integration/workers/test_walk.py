"""The walk of the architecture page is the way that an inspection really takes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from projections.read_models import projection_named
from tests.support.command_worker import sold, wanted
from tests.support.pipeline import Pipeline, command
from tests.support.walk import CLONE, Stop, walk
from workers.command_worker.worker import CommandWorker

RMA_ID: Final = "00000000-0000-4000-8000-000000000001"

Entered = Sequence[tuple[str, str]]
"""Functions by file and name, in the order in which they were entered first."""


@contextmanager
def watched() -> Iterator[list[tuple[str, str]]]:
    """Hand out which functions of this project are entered while the block runs, in this thread and in new ones."""
    entered: dict[tuple[str, str], None] = {}

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(CLONE)):
            file = Path(frame.f_code.co_filename).relative_to(CLONE)
            entered.setdefault((str(file), frame.f_code.co_qualname))

    found: list[tuple[str, str]] = []
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        found += entered


def reached(stop: Stop, entered: Entered) -> int:
    """Return when the first of a stop's functions, or something within it, was entered."""
    return next(
        number
        for number, (path, name) in enumerate(entered)
        if path == stop.path and any(f"{name}.".startswith(f"{wanted}.") for wanted in stop.names)
    )


def test_an_inspection_passes_every_stop_in_order(pipeline: Pipeline, worker: CommandWorker) -> None:
    """From the commands topic to the rows of the read model; what the page leaves out lies behind one of its stops."""
    about = {"rma_id": RMA_ID, "order_id": "O-1"}
    items = [{"line": 1, "quantity": 1}]
    receipt = {**about, "receipt_id": "R-1", "site": "WH-1", "items": items, "complete": True}
    inspected = {**about, "inspection_id": "I-1", "line": 1, "quantity": 1}
    inspected |= {"grade": "A", "cause": "none_found", "liable_party": "none"}
    at = "2026-03-04T10:00:00Z"
    sold(worker)
    worker.record([wanted(1, rma_id=RMA_ID), command("ReceiveGoods", receipt, actor="warehouse:W", time=at)])
    pipeline.relay_all()
    pipeline.publish([command("RecordInspection", inspected, actor="warehouse:W", time=at)])

    with watched() as entered:
        pipeline.handle_all(records=1)
        pipeline.relay_all()
        pipeline.project(projection_named("tracking"), records=len(pipeline.log.read(0, 1_000)))

    order = [reached(stop, entered) for stop in walk()]
    assert order == sorted(order)
