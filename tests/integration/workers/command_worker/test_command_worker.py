"""A command takes effect at most once, gets the same answer for ever, and no race breaks a rule."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from commands.orders import RecordDelivery
from commands.registry import REGISTRATIONS, Registration
from commands.streams import Streams, the_order
from domain.errors import WrongStateError
from domain.order.parts import LineQuantity
from infra.log.event_log import EventLog
from tests.support.command_worker import answers, events, outcome, sold, wanted
from tests.support.pipeline import Pipeline, answer, command, delivery, order
from workers.command_worker.worker import CommandWorker

NEVER = re.compile("(?!)")
RMA_1 = "00000000-0000-4000-8000-000000000001"


def test_an_accepted_command_is_answered_with_its_events(pipeline: Pipeline, worker: CommandWorker) -> None:
    """The answer names every event by id, type, stream, version and position, as the contract says."""
    worker.record([command("RegisterOrder", order(), id="c-1", correlationid="corr-1")])

    [recorded] = events(pipeline)
    assert outcome(pipeline, "c-1") == {
        "command_id": "c-1",
        "source": "/shop",
        "type": "rma.RegisterOrder.v1",
        "status": "accepted",
        "events": [
            {
                "id": str(recorded.event_id),
                "type": "rma.Order.Registered.v1",
                "stream": "order/O-1",
                "version": 1,
                "position": 1,
            }
        ],
        "recorded_at": recorded.recorded_at.isoformat().replace("+00:00", "Z"),
    }
    assert (recorded.actor, recorded.command_id, recorded.correlation_id, recorded.causation_id) == (
        "system:shop",
        "c-1",
        "corr-1",
        "c-1",
    )
    assert (recorded.occurred_at.isoformat(), recorded.partition_key) == ("2026-03-01T09:00:00+00:00", "O-1")


def test_a_refused_command_records_nothing_but_its_answer(pipeline: Pipeline, worker: CommandWorker) -> None:
    """The refusal has a code, a sentence and figures; no event is written."""
    worker.record([command("RecordDelivery", delivery("O-9"), id="c-1")])

    refused = outcome(pipeline, "c-1")
    assert (refused["status"], refused["code"], refused["details"], refused["events"]) == (
        "refused",
        "unknown_order",
        {"order_id": "O-9"},
        [],
    )
    assert "with its order_id as the key" in refused["message"], "what order rests on"
    assert events(pipeline) == []


def test_a_repeat_gets_the_first_answer_byte_for_byte(pipeline: Pipeline, worker: CommandWorker) -> None:
    """In the same batch, in a later one, or after a restart: one effect, and always the same bytes."""
    first = command("RegisterOrder", order(), id="c-1")
    worker.record([first, first])
    worker.record([first])
    with closing(EventLog(pipeline.dsn)) as log:
        pipeline.worker(log).record([first])

    assert len(events(pipeline)) == 1
    assert len(answers(pipeline)) == 4
    assert len(set(answers(pipeline))) == 1


def test_a_repeated_refusal_stays_refused(pipeline: Pipeline, worker: CommandWorker) -> None:
    """What was refused once is refused again, even where it would be accepted by now."""
    early = command("RecordDelivery", delivery(), id="early")
    worker.record([early])
    worker.record([command("RegisterOrder", order(), id="c-1"), early])

    assert outcome(pipeline, "early")["code"] == "unknown_order"
    assert [event.type for event in events(pipeline)] == ["rma.Order.Registered.v1"]


def test_the_same_data_written_differently_is_a_repeat(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Data are compared as JSON values: spaces and the order of names do not matter."""
    body = order()
    turned = {name: body[name] for name in reversed(list(body))}
    worker.record([command("RegisterOrder", body, id="c-1"), command("RegisterOrder", turned, id="c-1")])

    assert len(set(answers(pipeline))) == 1


def test_another_command_under_a_used_id_is_refused(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Other data or another type under a used id is refused; the first answer stays what it was."""
    worker.record([command("RegisterOrder", order(), id="c-1")])
    first = outcome(pipeline, "c-1")
    worker.record([command("RegisterOrder", order(customer_id="C-2"), id="c-1")])
    worker.record([command("RecordDelivery", delivery(), id="c-1")])

    codes = [answer(given).get("code") for given in answers(pipeline)]
    assert codes == [None, "command_id_reused", "command_id_reused"]
    assert outcome(pipeline, "c-1") == first
    assert len(events(pipeline)) == 1


def test_an_id_of_another_source_is_another_command(pipeline: Pipeline, worker: CommandWorker) -> None:
    """The key is source and id together."""
    worker.record(
        [
            command("RegisterOrder", order("O-1"), id="c-1", source="/shop"),
            command("RegisterOrder", order("O-2"), id="c-1", source="/other"),
        ]
    )
    assert [event.stream for event in events(pipeline)] == ["order/O-1", "order/O-2"]


def test_facts_are_logged_in_the_order_in_which_they_came_about(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Order and return are two streams; a cause on one is logged, and answered, before its effect on the other."""
    sold(worker)
    worker.record([wanted(1, rma_id=RMA_1, id="request")])
    items = [{"line": 1, "quantity": 1}]
    received = {"rma_id": RMA_1, "order_id": "O-1", "receipt_id": "R-1", "site": "W", "items": items, "complete": True}
    found = {"inspection_id": "I-1", "grade": "A", "cause": "none_found", "liable_party": "none"}
    inspected = {"rma_id": RMA_1, "order_id": "O-1", "line": 1, "quantity": 1, **found}
    worker.record(
        [
            command("ReceiveGoods", received, id="receipt", actor="warehouse:W"),
            command("RecordInspection", inspected, id="inspection", actor="warehouse:W"),
        ]
    )

    logged: dict[str, list[str]] = {}
    for event in events(pipeline):
        logged.setdefault(event.command_id, []).append(event.type.split(".")[2])
    assert logged["request"] == ["Requested", "UnitsTaken", "Authorized", "DeadlinesMoved"]
    assert logged["receipt"] == ["Received", "UnitsReturned", "DeadlinesMoved"]
    assert logged["inspection"] == [
        "Inspected", "DispositionDecided", "StockInstructed", "ResolutionDecided", "RefundRequested", "RefundStarted",
        "DeadlinesMoved",
    ]  # fmt: skip
    told = [event["type"].split(".")[2] for event in outcome(pipeline, "inspection")["events"]]
    assert told == logged["inspection"]


def test_business_time_is_held_against_the_workers_clock(pipeline: Pipeline) -> None:
    """A day ahead of it is taken; what lies further ahead is refused with the bound, and answered so for ever."""
    worker = pipeline.worker(clock=lambda: datetime(2026, 3, 1, 9, tzinfo=UTC))
    late = command("RegisterOrder", order("O-2"), id="late", time="2026-03-02T09:00:00.000001Z")
    worker.record([command("RegisterOrder", order(), id="ahead", time="2026-03-02T10:00:00+01:00"), late])
    pipeline.worker().record([late])

    assert outcome(pipeline, "ahead")["status"] == "accepted"
    refused = outcome(pipeline, "late")
    assert (refused["code"], refused["details"]) == ("time_in_future", {"latest": "2026-03-02T09:00:00+00:00"})
    assert [event.stream for event in events(pipeline)] == ["order/O-1"]


def test_a_whole_batch_is_one_transaction(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Events of all streams and all answers of a batch are written together."""
    worker.record([command("RegisterOrder", order(f"O-{number}")) for number in range(20)])

    written = "SELECT count(*), count(DISTINCT xmin::text) FROM rma_log."
    assert pipeline.log.connection.execute(written + "events").fetchall() == [(20, 1)]
    assert pipeline.log.connection.execute(written + "outcomes").fetchall() == [(20, 1)]


def test_commands_of_one_batch_see_each_other(pipeline: Pipeline, worker: CommandWorker) -> None:
    """A later command of a batch is decided on what the earlier ones brought about."""
    sold(worker)
    worker.record([wanted(2, id="first"), wanted(2, id="second")])

    assert outcome(pipeline, "first")["status"] == "accepted"
    refused = outcome(pipeline, "second")
    assert (refused["code"], refused["details"]["available"]) == ("units_not_available", 1)


def test_a_refusal_after_a_fact_leaves_no_trace(
    pipeline: Pipeline, worker: CommandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that triggers a fact and then refuses undoes it: for the log, the batch and the cache."""

    def deliver_then_refuse(asked: RecordDelivery, meta: Any, streams: Streams) -> None:
        the_order(streams, asked.order_id).deliver(
            "lost", [LineQuantity(line.line_id, line.quantity) for line in asked.lines], "hash", meta.occurred_at
        )
        raise WrongStateError("not after all")

    sold(worker)
    planted = Registration(RecordDelivery, frozenset({"system"}), deliver_then_refuse)
    worker.record([command("RegisterOrder", order("O-2"), id="o-2")])
    monkeypatch.setitem(REGISTRATIONS, "rma.RecordDelivery.v1", planted)
    worker.record([command("RecordDelivery", delivery("O-2", delivery_id="D-9"), id="planted")])
    monkeypatch.undo()
    worker.record([command("RecordDelivery", delivery("O-2", quantity=3), id="real")])

    assert outcome(pipeline, "planted")["code"] == "wrong_state"
    assert outcome(pipeline, "real")["status"] == "accepted"
    assert [event.version for event in events(pipeline) if event.stream == "order/O-2"] == [1, 2]


def test_a_cached_aggregate_catches_up(pipeline: Pipeline, worker: CommandWorker) -> None:
    """What another worker recorded since is loaded before the next decision."""
    sold(worker)
    with closing(EventLog(pipeline.dsn)) as log:
        pipeline.worker(log).record([wanted(2, id="elsewhere")])

    worker.record([wanted(2, id="here")])

    assert outcome(pipeline, "here")["details"]["available"] == 1


def test_what_no_topic_would_take_is_refused(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Reasons grow with lines times rules; the relay would stand still for ever at an event larger than a record."""
    lines = [{"line_id": f"L{n}", "sku": f"S{n}", "quantity": 1, "amount_minor": 1} for n in range(900)]
    rules = [
        {
            "name": f"r{n}",
            "when": {"any": [{"fact": "sku", "is": f"{n}-{m}-no-sku"} for m in range(10)]},
            "then": {"decide": "deny", "code": "x"},
        }
        for n in range(150)
    ]
    document = {"window": {"days": 30}, "rules": rules}
    policy = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": document}
    sold_many = order(lines=lines, tenders=[{"tender_id": "T1", "kind": "card", "amount_minor": 900}])
    asked = [{"line_id": line["line_id"], "quantity": 1, "reason": "fit", "wish": "refund"} for line in lines]
    told = {"rma_id": RMA_1, "order_id": "O-1"}

    worker.record([command("PublishPolicy", policy), command("RegisterOrder", sold_many)])
    before = len(events(pipeline))
    many = command("RequestReturn", {**told, "lines": asked}, id="many", actor="customer:C-1")
    worker.record([many])
    recorded = events(pipeline)[before:]
    again = command("RequestReturn", {**told, "lines": asked}, id="again", actor="customer:C-1")
    worker.record([again, command("RequestReturn", {**told, "lines": asked[:1]}, id="one", actor="customer:C-1")])

    assert (outcome(pipeline, "many")["code"], recorded) == ("event_too_large", [])
    assert outcome(pipeline, "again")["code"] == "event_too_large"  # among others, which it does not keep from anything
    assert outcome(pipeline, "one")["status"] == "accepted"
