"""What workers log of each message: the order and the return that it is about, and nothing about a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final

import pytest
import structlog

from infra.gateways.http import HttpGateway
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from tests.support.pipeline import Polled, command, headers, order, wait_for
from tests.support.worker_threads import Counter, running, system
from workers.command_worker.worker import CommandWorker
from workers.deadlines import worker as deadlines
from workers.payments.questions import PaymentQuestions
from workers.payments.worker import ask_until
from workers.projector.inbox import inbox
from workers.trials.gateway_simulator.server import GatewayServer

PAID_AT_ONCE: Final = {"window": {"days": 30}, "ship_back_days": 14, "refund_due": "approval"}
PERSON: Final = "Ada Lovelace"


@contextmanager
def paying(settings: Settings, book: Path) -> Iterator[None]:
    def work(its: Settings, stop: Event) -> None:
        metrics = WorkerMetrics("payments")
        adapter = HttpGateway(gateway.url)
        with closing(adapter), inbox(its, PaymentQuestions(), stop, metrics):
            ask_until(its, adapter, stop, metrics)

    with GatewayServer(book) as gateway, running(settings, work):
        yield


def lines_about(counter: Counter, tmp_path: Path) -> tuple[str, list[Any]]:
    """Tell a return from its order to its payout and a deadline that passes; return its id and every log line."""
    later = partial(
        deadlines.run, metrics=WorkerMetrics("deadlines"), wall=lambda: datetime.now(UTC) + timedelta(days=16)
    )
    with structlog.testing.capture_logs() as logs:
        rma_id = counter.order_and_return("O-1", {"card": 700})
        counter.accepted(
            "GiveFeedback",
            {"rma_id": str(rma_id), "order_id": "O-1", "score": 5, "comment": PERSON},
            actor="customer:C1",
        )
        with paying(counter.settings, tmp_path / "book.sqlite"):
            wait_for(lambda: [row["status"] for row in counter.payouts()] == ["settled"], "the payout")
        with running(counter.settings, later):
            passed = "SELECT FROM rma_log.events WHERE type = 'rma.Rma.DeadlinePassed.v1'"
            wait_for(lambda: counter.rows(passed), "the deadline to pass")
    return str(rma_id), logs


@pytest.fixture
def counter(settings: Settings) -> Iterator[Counter]:
    with system(settings) as made:
        made.publish(PAID_AT_ONCE)
        yield made


def test_each_line_names_the_order_and_the_return(counter: Counter, tmp_path: Path) -> None:
    """Command worker, payments, gateway and deadlines: whoever looks for a return finds all that was done for it."""
    rma_id, logs = lines_about(counter, tmp_path)

    about: dict[str, set[tuple[str | None, str | None]]] = {}
    for line in logs:
        if line["event"] in {"command_handled", "payout_asked", "deadline_fired"}:
            name = line["type"] if line["event"] == "command_handled" else line["event"]
            about.setdefault(name, set()).add((line.get("order_id"), line.get("rma_id")))
    both, order_alone = {("O-1", rma_id)}, {("O-1", None)}
    assert about == {
        "rma.RegisterOrder.v1": order_alone,
        "rma.RecordDelivery.v1": order_alone,
        "rma.RequestReturn.v1": both,
        "rma.GiveFeedback.v1": both,
        "rma.RecordPayoutOutcome.v1": both,
        "rma.PassDeadline.v1": both,
        "payout_asked": both,
        "deadline_fired": both,
    }
    assert not [line for line in logs if PERSON in str(line) or "'C1'" in str(line)]


def test_a_record_that_cannot_be_read_is_logged_by_its_place(worker: CommandWorker) -> None:
    """There is no id to go by, so the line says where the record is; what it holds is not logged."""
    with structlog.testing.capture_logs() as logs:
        worker.record(
            [
                Polled(PERSON.encode(), headers("RegisterOrder", id=None), partition=2, offset=17),
                command("RegisterOrder", order() | {"customer_id": PERSON}, id="c-1"),
            ]
        )

    dead, malformed = logs
    assert (dead["event"], dead["place"]) == ("record_dead", "rma.commands/2@17")
    assert (malformed["status"], malformed["command_id"]) == ("malformed", "c-1")
    assert not [line for line in logs if PERSON in str(line)]
