"""A command takes effect at most once, gets the same answer for ever, and no race breaks a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from kafka.structs import TopicPartition

from commands.registry import REGISTRATIONS, Registration
from commands.shop import RecordDelivery
from commands.streams import Streams, the_order
from domain.errors import WrongStateError
from domain.order_facts import LineQuantity
from infra import cloudevents
from infra.event_log import ConcurrencyError, EventLog
from infra.log_records import StoredEvent
from tests.pipeline import Pipeline, Polled, answer, command, delivery, order
from workers import command_worker
from workers.command_worker import POISON_ATTEMPTS_MAX, CommandFailedError, CommandWorker

RACERS = 4
NEVER = re.compile("(?!)")
RMA_1 = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def worker(pipeline: Pipeline) -> Iterator[CommandWorker]:
    with closing(EventLog(pipeline.dsn)) as log:
        yield pipeline.worker(log)


def outcome(pipeline: Pipeline, command_id: str) -> dict[str, Any]:
    found = pipeline.log.find_outcomes([("/shop", command_id)])
    return answer(found["/shop", command_id].result)


def events(pipeline: Pipeline) -> list[StoredEvent]:
    return pipeline.log.read(0, 1_000)


def answers(pipeline: Pipeline) -> list[bytes]:
    return [row.value for row in pipeline.log.read_outbox(0, 10**9, 10_000) if row.topic == pipeline.topics.results]


def dead_letters(pipeline: Pipeline) -> list[Any]:
    return [row for row in pipeline.log.read_outbox(0, 10**9, 10_000) if row.topic == pipeline.topics.dead]


def sold(worker: CommandWorker, order_id: str = "O-1") -> None:
    """Register an order of three units and deliver them, under a policy that takes everything back."""
    policy = {"window": {"days": 30}, "offers": ["refund"]}
    document = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": policy}
    worker.record(
        [
            command(
                "PublishPolicy", document, id=f"policy-of-{order_id}", actor="agent:A1", time="2020-01-01T00:00:00Z"
            ),
            command("RegisterOrder", order(order_id), id=f"order-{order_id}"),
            command("RecordDelivery", delivery(order_id, quantity=3), id=f"delivery-{order_id}"),
        ]
    )


def wanted(quantity: int, *, rma_id: str | UUID | None = None, **attributes: Any) -> Polled:
    """Return a request for units of order O-1 by its customer."""
    line = {"line_id": "L1", "quantity": quantity, "reason": "too_small", "wish": "refund"}
    body = {"rma_id": str(rma_id or uuid4()), "order_id": "O-1", "lines": [line]}
    return command("RequestReturn", body, actor="customer:C-1", **{"time": "2026-03-03T10:00:00Z", **attributes})


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
    assert refused["message"]
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


def test_racing_workers_break_no_rule(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Workers that ask for the same units at once: as many win as there are units, the others hear what is left."""
    sold(worker)
    start = Barrier(RACERS)

    def race(number: int) -> None:
        with closing(EventLog(pipeline.dsn)) as log:
            racer = pipeline.worker(log)
            start.wait()
            racer.record([wanted(1, id=f"w{number}-{asked}") for asked in range(2)])

    threads = [Thread(target=race, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    given = [outcome(pipeline, f"w{number}-{asked}") for number in range(RACERS) for asked in range(2)]
    assert sorted(one["status"] for one in given) == ["accepted"] * 3 + ["refused"] * 5
    assert {one["details"]["available"] for one in given if one["status"] == "refused"} == {0}


def test_the_same_command_at_two_workers_takes_effect_once(pipeline: Pipeline, worker: CommandWorker) -> None:
    """A command delivered twice at once has one effect, and both deliveries get the same bytes."""
    sold(worker)
    start = Barrier(RACERS)
    same = wanted(1, id="same", rma_id=RMA_1)

    def race() -> None:
        with closing(EventLog(pipeline.dsn)) as log:
            start.wait()
            pipeline.worker(log).record([same])

    threads = [Thread(target=race) for _ in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    given = [one for one in answers(pipeline) if answer(one)["command_id"] == "same"]
    assert len(given) == RACERS
    assert len(set(given)) == 1
    assert sum(event.stream == f"rma/{RMA_1}" and event.version == 1 for event in events(pipeline)) == 1


def test_races_are_bounded(pipeline: Pipeline, worker: CommandWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that keeps losing gives up, with nothing written, instead of going round for ever."""
    sold(worker)
    monkeypatch.setattr(command_worker, "RACES_MAX", 0)

    def intrude(*_: Any) -> Any:
        worker.record([wanted(1, id="intruder")])
        return original(*_)

    with closing(EventLog(pipeline.dsn)) as log:
        racer = pipeline.worker(log)
        original = log.append
        monkeypatch.setattr(log, "append", intrude)
        with pytest.raises(ConcurrencyError):
            racer.record([wanted(1, id="loser")])

    assert outcome(pipeline, "intruder")["status"] == "accepted"
    assert pipeline.log.find_outcomes([("/shop", "loser")]) == {}


def test_a_crash_before_the_commit_repeats_the_batch_without_effect(pipeline: Pipeline) -> None:
    """Kafka's offsets come last: what was recorded and not committed is handled again, and changes nothing."""

    class Crashing:
        """A worker that dies between recording and committing."""

        def __init__(self, worker: CommandWorker) -> None:
            self._worker = worker

        def handle(self, batch: Any) -> Any:
            self._worker.handle(batch)
            raise ZeroDivisionError

        def resume_offset(self, partition: TopicPartition) -> None: ...

    sent = [command("RegisterOrder", order(f"O-{number}"), id=f"c-{number}") for number in range(5)]
    pipeline.publish(sent)
    with closing(EventLog(pipeline.dsn)) as log, pytest.raises(ZeroDivisionError):
        pipeline.consume(Crashing(pipeline.worker(log)), pipeline.topics.commands, group="g", records=5)
    recorded = events(pipeline)
    pipeline.handle_all(records=5, group="g")

    assert len(recorded) == 5
    assert events(pipeline) == recorded
    given = answers(pipeline)
    assert sorted(given[:5]) == sorted(given[5:])


def test_keys_buy_speed_never_correctness(pipeline: Pipeline) -> None:
    """A command without a key, or with another's, is handled like any other; the answer has the command's key."""
    pipeline.publish(
        [
            command("RegisterOrder", order("O-1"), id="unkeyed", key=None),
            command("RegisterOrder", order("O-2"), id="astray", key=b"O-1"),
        ]
    )
    pipeline.handle_all(records=2)
    pipeline.relay_all()

    keys = {answer(record.value)["command_id"]: record.key for record in pipeline.read_topic(pipeline.topics.results)}
    assert keys == {"unkeyed": None, "astray": b"O-1"}
    assert {record.key for record in pipeline.read_topic(pipeline.topics.events)} == {b"O-1", b"O-2"}


def test_a_record_that_kills_the_worker_is_parked(
    pipeline: Pipeline, worker: CommandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect ends the worker with nothing written; after a few times the record is set aside and the rest goes on."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a planted defect")

    monkeypatch.setitem(
        REGISTRATIONS, "rma.RecordDelivery.v1", Registration(RecordDelivery, frozenset({"system"}), broken)
    )
    batch = [
        command("RegisterOrder", order("O-1"), id="before"),
        command("RecordDelivery", delivery(), id="killer"),
        command("RegisterOrder", order("O-2"), id="after"),
    ]
    for _ in range(POISON_ATTEMPTS_MAX):
        with pytest.raises(CommandFailedError):
            worker.record(batch)
        assert events(pipeline) == []
    worker.record(batch)

    assert [event.stream for event in events(pipeline)] == ["order/O-1", "order/O-2"]
    [letter] = dead_letters(pipeline)
    assert letter.value == batch[1].value
    assert b"parked" in dict(letter.headers)["rma_dead_reason"]
    assert pipeline.log.find_outcomes([("/shop", "killer")]) == {}


def test_a_value_that_the_database_refuses_spoils_one_record_only(
    pipeline: Pipeline, worker: CommandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the append fails for one record's sake, the batch is taken apart and the others are recorded."""
    monkeypatch.setattr(cloudevents, "CONTROL_CHARACTERS", NEVER)  # the planted hole in the checks
    batch = [
        command("RegisterOrder", order("O-1"), id="good"),
        command("RegisterOrder", order("O-2"), id="bad\x00"),
        command("RegisterOrder", order("O-3"), id="good-too"),
    ]
    for _ in range(POISON_ATTEMPTS_MAX):
        with pytest.raises(CommandFailedError):
            worker.record(batch)
    worker.record(batch)

    assert [event.stream for event in events(pipeline)] == ["order/O-1", "order/O-3"]
    assert len(dead_letters(pipeline)) == 1


def test_a_broken_connection_is_waited_out(pipeline: Pipeline, worker: CommandWorker) -> None:
    """PostgreSQL away in the middle of the work: the batch is handled again over a new connection, once."""
    log = pipeline.open_log()
    handling = pipeline.worker(log)

    class Interrupted:
        """Ends the worker's session on the server's side before its first batch."""

        ended = False

        def handle(self, batch: Any) -> Any:
            if not self.ended:
                self.ended = True
                pid = log.connection.info.backend_pid
                pipeline.log.connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
            return handling.handle(batch)

        def resume_offset(self, partition: TopicPartition) -> None: ...

    pipeline.publish([command("RegisterOrder", order(), id="c-1")])
    pipeline.consume(Interrupted(), pipeline.topics.commands, group="g", records=1)

    assert [event.command_id for event in events(pipeline)] == ["c-1"]
