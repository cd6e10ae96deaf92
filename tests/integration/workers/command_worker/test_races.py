"""Races and crashes: what a command worker does when it is not alone, or not well."""

from __future__ import annotations

from contextlib import closing
from threading import Barrier, Thread
from typing import Any

import pytest
from kafka.structs import TopicPartition

from infra.log.event_log import ConcurrencyError, EventLog
from tests.support.command_worker import answers, events, outcome, sold, wanted
from tests.support.pipeline import Pipeline, answer, command, order
from workers.command_worker import worker as command_worker
from workers.command_worker.worker import CommandWorker

RACERS = 4
RMA_1 = "00000000-0000-4000-8000-000000000001"


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


def test_of_orders_that_race_for_a_kit_one_gets_it(pipeline: Pipeline, worker: CommandWorker) -> None:
    """Each registers an order of its own that names the kit: one is accepted, the others hear whose it is."""
    sold(worker)
    start = Barrier(RACERS)

    def race(number: int) -> None:
        sells = order(f"O-{number}")
        sells["lines"][0]["bundle_id"] = "KIT"
        with closing(EventLog(pipeline.dsn)) as log:
            racer = pipeline.worker(log)
            start.wait()
            racer.record([command("RegisterOrder", sells, id=f"kit-{number}")])

    numbers = range(RACERS, 2 * RACERS)
    threads = [Thread(target=race, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    given = {f"O-{number}": outcome(pipeline, f"kit-{number}") for number in numbers}
    [winner] = [order_id for order_id, one in given.items() if one["status"] == "accepted"]
    refusals = [one for one in given.values() if one["status"] == "refused"]
    assert {one["code"] for one in refusals} == {"bundle_in_other_order"}
    assert {one["details"]["order_id"] for one in refusals} == {winner}
    assert sum(event.type == "rma.Bundle.Sold.v1" for event in events(pipeline)) == 1


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
