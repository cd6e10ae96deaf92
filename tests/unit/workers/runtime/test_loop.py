"""The loop commits last, waits within bounds, and leaves in order; a scripted consumer stands for Kafka."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import psycopg
import pytest
from kafka.errors import CommitFailedError, KafkaConnectionError
from kafka.structs import TopicPartition

from workers.runtime import loop, patience
from workers.runtime.loop import Loop

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


@dataclass(frozen=True)
class Record:
    offset: int


@dataclass
class ScriptedConsumer:
    """Hands out what it was given, then sets the stop event; notes everything that is asked of it, in order."""

    batches: list[Mapping[TopicPartition, Sequence[Record]]]
    stop: Event
    journal: list[Any] = field(default_factory=list)
    commit_error: Exception | None = None
    end: int = 0
    is_paused: bool = False
    rejoins: list[bool] = field(default_factory=list)
    holds: list[set[TopicPartition]] = field(default_factory=list)

    def about_to_rejoin(self) -> bool:
        return bool(self.rejoins) and self.rejoins.pop(0)

    def subscription(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return {0}

    def paused(self) -> set[TopicPartition]:
        return {P0} if self.is_paused else set()

    def end_offsets(self, partitions: Sequence[TopicPartition], **_bounds: int) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)

    def position(self, _partition: TopicPartition, **_bounds: int) -> int:
        return 0

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Record]]:
        assert timeout_ms > 0
        if not self.batches:
            self.stop.set()
            return {}
        return self.batches.pop(0)

    def assignment(self) -> set[TopicPartition]:
        return self.holds.pop(0) if self.holds else {P0, P1}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.journal.append(("seek", partition, offset))

    def pause(self, *partitions: TopicPartition) -> None:
        self.journal.append(("pause", *partitions))

    def commit(self, offsets: Mapping[TopicPartition, Any]) -> None:
        self.journal.append(("commit", {partition: meta.offset for partition, meta in offsets.items()}))
        if self.commit_error:
            raise self.commit_error

    def close(self, *, autocommit: bool, timeout_ms: int) -> None:
        assert timeout_ms > 0
        self.journal.append(("close", autocommit))


@dataclass
class Handling:
    """Notes what it handles in the consumer's journal; fails as often as told."""

    journal: list[Any]
    failures: list[Exception] = field(default_factory=list)
    stopped: set[TopicPartition] = field(default_factory=set)
    resume_at: dict[TopicPartition, int] = field(default_factory=dict)

    def handle(self, batch: Mapping[TopicPartition, Sequence[Any]]) -> dict[TopicPartition, int]:
        if self.failures:
            raise self.failures.pop(0)
        self.journal.append(
            ("handle", {partition: [r.offset for r in records] for partition, records in batch.items()})
        )
        return {p: records[-1].offset + 1 for p, records in batch.items() if p not in self.stopped}

    def resume_offset(self, partition: TopicPartition) -> int | None:
        return self.resume_at.get(partition)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "BACKOFF_S", 0.001)
    monkeypatch.setattr(patience, "BACKOFF_MAX_S", 0.002)
    monkeypatch.setattr(loop, "COMMIT_EVERY_S", 0.0)


def scripted(*batches: Mapping[TopicPartition, Sequence[Record]]) -> tuple[ScriptedConsumer, Handling, Loop]:
    stop = Event()
    consumer = ScriptedConsumer(list(batches), stop)
    handling = Handling(consumer.journal)
    return consumer, handling, Loop(consumer, handling, stop)


def test_offsets_are_committed_after_handling_and_name_the_next_record() -> None:
    """Poll, handle, commit, and nothing is committed on leaving."""
    consumer, _, running = scripted({P0: [Record(4), Record(5)], P1: [Record(0)]}, {P0: [Record(6)]})

    running.run()

    assert consumer.journal == [
        ("handle", {P0: [4, 5], P1: [0]}),
        ("commit", {P0: 6, P1: 1}),
        ("handle", {P0: [6]}),
        ("commit", {P0: 7}),
        ("close", False),
    ]


def committed_late(*batches: Mapping[TopicPartition, Sequence[Record]]) -> tuple[ScriptedConsumer, Loop]:
    """Return a loop that would commit in an hour, as if it had just done so."""
    consumer, _, running = scripted(*batches)
    running._committed_at = time.monotonic()
    return consumer, running


@pytest.fixture
def _once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "COMMIT_EVERY_S", 3_600.0)


@pytest.mark.usefixtures("_once_an_hour")
def test_several_batches_are_committed_at_once_where_they_come_close_together() -> None:
    """When nothing more comes, and whatever the time; else one commit a batch would cost as much as deciding it."""
    consumer, running = committed_late({P0: [Record(4)]}, {P0: [Record(5)], P1: [Record(0)]}, {P0: [Record(6)]})

    running.run()

    assert [entry for entry in consumer.journal if entry[0] != "handle"] == [
        ("commit", {P0: 7, P1: 1}),
        ("close", False),
    ]


@pytest.mark.usefixtures("_once_an_hour")
def test_kafka_hears_what_is_handled_before_partitions_are_shared_out_anew() -> None:
    """Whoever gets them begins behind it."""
    consumer, running = committed_late({P0: [Record(4)]}, {P0: [Record(5)]})
    consumer.rejoins = [False, True]

    running.run()

    assert consumer.journal[:3] == [("handle", {P0: [4]}), ("commit", {P0: 5}), ("handle", {P0: [5]})]


@pytest.mark.usefixtures("_once_an_hour")
def test_what_was_handled_of_a_partition_that_moved_on_is_not_committed() -> None:
    """Its next owner may have come further, and Kafka would take the lesser offset for the group's."""
    consumer, running = committed_late({P0: [Record(4)], P1: [Record(0)]}, {P1: [Record(1)]})
    consumer.holds = [{P0, P1}, {P1}, {P1}]

    running.run()

    assert ("commit", {P1: 2}) in consumer.journal


@pytest.mark.usefixtures("_once_an_hour")
def test_whoever_is_asked_to_stop_commits_first() -> None:
    """What it handled last is not handled again by whoever comes after it."""
    consumer, handling, running = scripted({P0: [Record(4)]})
    running._committed_at = time.monotonic()
    handle = handling.handle

    def stopping(batch: Any) -> Any:
        consumer.stop.set()
        return handle(batch)

    handling.handle = stopping  # type: ignore[method-assign]
    running.run()

    assert consumer.journal == [("handle", {P0: [4]}), ("commit", {P0: 5}), ("close", False)]


class NotingEvent(Event):
    """Notes how long was to be waited, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return self.is_set()


def test_whoever_may_take_his_time_waits_after_few_records_and_not_after_many() -> None:
    """A backlog is met without a pause; the one batch of a few that come one by one is followed by one."""
    stop = NotingEvent()
    many = {P0: [Record(number) for number in range(loop.GATHERED_RECORDS)]}
    consumer = ScriptedConsumer([many, {P0: [Record(loop.GATHERED_RECORDS)]}], stop)

    Loop(consumer, Handling(consumer.journal), stop, gather_s=0.1).run()

    assert stop.waits == [0.1]


def test_a_defect_ends_the_loop_with_nothing_committed() -> None:
    """An error that is not a service away is raised; the group is left."""
    consumer, handling, running = scripted({P0: [Record(4)]})
    handling.failures = [ZeroDivisionError()]

    with pytest.raises(ZeroDivisionError):
        running.run()

    assert consumer.journal == [("close", False)]


@pytest.mark.parametrize("away", [psycopg.OperationalError("gone"), KafkaConnectionError("gone")])
def test_a_service_away_is_waited_for(away: Exception) -> None:
    """The same batch is handled again once the service is back."""
    consumer, handling, running = scripted({P0: [Record(4)]})
    handling.failures = [away] * (patience.RETRIES_MAX + 1)

    running.run()

    assert consumer.journal[:2] == [("handle", {P0: [4]}), ("commit", {P0: 5})]


def test_waiting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that stays away ends the worker, with nothing committed."""
    monkeypatch.setattr(patience, "OUTAGE_MAX_S", 0.02)
    consumer, handling, running = scripted({P0: [Record(4)]})
    handling.failures = [psycopg.OperationalError("gone")] * 10_000

    with pytest.raises(psycopg.OperationalError):
        running.run()

    assert consumer.journal == [("close", False)]


def test_a_stop_while_waiting_leaves_at_once() -> None:
    """Asked to stop while a service is away, the worker leaves without committing the batch."""
    consumer, handling, running = scripted({P0: [Record(4)]})
    handling.failures = [psycopg.OperationalError("gone")] * patience.RETRIES_MAX
    original = handling.handle

    def stopping(batch: Any) -> Any:
        consumer.stop.set()
        return original(batch)

    handling.handle = stopping  # type: ignore[method-assign]
    running.run()

    assert consumer.journal == [("close", False)]


def test_a_refused_commit_is_not_the_end() -> None:
    """A partition that moved on is its next owner's affair."""
    consumer, _, running = scripted({P0: [Record(4)]}, {P0: [Record(5)]})
    consumer.commit_error = CommitFailedError()

    running.run()

    assert [entry[0] for entry in consumer.journal] == ["handle", "commit", "handle", "commit", "close"]


def test_a_partition_that_the_handler_stops_is_paused() -> None:
    """What is left out of the next offsets is neither read on nor committed."""
    consumer, handling, running = scripted({P0: [Record(4)], P1: [Record(7)]})
    handling.stopped = {P1}

    running.run()

    assert consumer.journal == [
        ("handle", {P0: [4], P1: [7]}),
        ("pause", P1),
        ("commit", {P0: 5}),
        ("close", False),
    ]


def test_a_new_partition_is_read_from_where_the_handler_stands() -> None:
    """Records from elsewhere are dropped and the stored offset is sought, once per assignment."""
    consumer, handling, running = scripted({P0: [Record(9)], P1: [Record(3)]}, {P0: [Record(4)]})
    handling.resume_at = {P0: 4, P1: 3}

    running.run()

    assert consumer.journal == [
        ("seek", P0, 4),
        ("handle", {P1: [3]}),
        ("commit", {P1: 4}),
        ("handle", {P0: [4]}),
        ("commit", {P0: 5}),
        ("close", False),
    ]


def test_a_new_partition_that_brings_nothing_is_read_from_where_the_handler_stands() -> None:
    """What Kafka takes for read may lie behind what is stored, after a restore, and no new record need ever come."""
    consumer, handling, running = scripted({P1: [Record(3)]}, {P0: [Record(4)]})
    handling.resume_at = {P0: 4}

    running.run()

    assert consumer.journal[:3] == [("seek", P0, 4), ("handle", {P1: [3]}), ("commit", {P1: 4})]
    assert consumer.journal[3:5] == [("handle", {P0: [4]}), ("commit", {P0: 5})]


@dataclass
class IdleConsumer(ScriptedConsumer):
    """Holds a partition in which records wait, and brings none of them until it has been looked at so often."""

    looks_left: int = 10
    end: int = 7

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Record]]:
        assert timeout_ms > 0
        self.looks_left -= 1
        if self.looks_left < 0:
            self.stop.set()
        return {}


@pytest.fixture
def _look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "OBSERVE_EVERY_S", 0.0)


@pytest.mark.usefixtures("_look_always")
def test_a_client_that_brings_nothing_though_records_wait_is_replaced() -> None:
    """What it holds is handled by its successor, from the same records on."""
    fresh, handling, _ = scripted({P0: [Record(4)]})
    idle = IdleConsumer([], Event())

    Loop(idle, handling, fresh.stop, anew=lambda: fresh).run()

    assert idle.journal == [("close", False)]
    assert fresh.journal == [("handle", {P0: [4]}), ("commit", {P0: 5}), ("close", False)]


@pytest.mark.usefixtures("_look_always")
def test_a_partition_that_was_stopped_on_purpose_is_no_standstill() -> None:
    """A gap stays a gap: no new client is to run into it again and again."""
    stop = Event()
    idle = IdleConsumer([], stop, is_paused=True)

    Loop(idle, Handling(idle.journal), stop, anew=lambda: pytest.fail("it was replaced")).run()

    assert idle.journal == [("close", False)]
