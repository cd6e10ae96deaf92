"""An event counts once in a read model, and a loss is noticed instead of shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
import structlog
from kafka.structs import TopicPartition
from psycopg import Connection

from domain.recorded import RecordedEvent
from infra.kafka.publisher import publisher_of
from infra.metrics import WorkerMetrics
from tests.support.pipeline import Pipeline, command, delivery, order, wait_for, with_value
from workers.projector.projector import Projector, prepare
from workers.runtime.loop import Loop

ORDERS = 12


class Tally:
    """A read model that counts events by stream; adding up twice would show."""

    name = "tally"
    version = 1
    tables_sql = (
        "CREATE SCHEMA IF NOT EXISTS tally; "
        "CREATE TABLE IF NOT EXISTS tally.counted "
        "(stream text PRIMARY KEY, events bigint NOT NULL, last bigint NOT NULL)"
    )
    views = ()

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        counted: dict[str, int] = {}
        last: dict[str, int] = {}
        for event in events:
            counted[event.stream] = counted.get(event.stream, 0) + 1
            last[event.stream] = event.version
        connection.execute(
            "INSERT INTO tally.counted AS t SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) "
            "ON CONFLICT (stream) DO UPDATE SET events = t.events + excluded.events, last = excluded.last",
            (list(counted), list(counted.values()), list(last.values())),
        )


class Failing(Tally):
    """The same, but it fails after it has written."""

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        super().fold(connection, events)
        raise ZeroDivisionError


@pytest.fixture
def published(pipeline: Pipeline) -> list[Any]:
    """Two events each of some orders, on the events topic; the records as they stand there."""
    pipeline.publish(
        [command("RegisterOrder", order(f"O-{n}"), key=f"O-{n}".encode()) for n in range(ORDERS)]
        + [command("RecordDelivery", delivery(f"O-{n}"), key=f"O-{n}".encode()) for n in range(ORDERS)]
    )
    pipeline.handle_all(records=2 * ORDERS)
    pipeline.relay_all()
    prepare(pipeline.dsn, Tally())
    return pipeline.read_topic(pipeline.topics.events)


@pytest.fixture
def projector(pipeline: Pipeline) -> Iterator[Projector]:
    with closing(Projector(pipeline.dsn, Tally(), pipeline.codec)) as made:
        yield made


def counted(pipeline: Pipeline) -> dict[str, int]:
    with psycopg.connect(pipeline.dsn) as connection:
        return dict(connection.execute("SELECT stream, events FROM tally.counted").fetchall())


def positions(pipeline: Pipeline) -> dict[int, tuple[int, int]]:
    with psycopg.connect(pipeline.dsn) as connection:
        rows = connection.execute("SELECT partition, next_offset, log_position FROM rma_read.positions").fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def by_partition(records: Sequence[Any]) -> Mapping[TopicPartition, list[Any]]:
    batch: dict[TopicPartition, list[Any]] = {}
    for record in records:
        batch.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
    return batch


EVERY_ORDER_TWICE = {f"order/O-{n}": 2 for n in range(ORDERS)}


def test_each_event_counts_once(pipeline: Pipeline, published: list[Any]) -> None:
    """From Kafka to rows: every event once, and the position says how far the log is shown."""
    pipeline.project(Tally(), records=2 * ORDERS)

    assert counted(pipeline) == EVERY_ORDER_TWICE
    at = positions(pipeline)
    assert sum(next_offset for next_offset, _ in at.values()) == 2 * ORDERS
    assert max(log_position for _, log_position in at.values()) == 2 * ORDERS


def test_a_batch_that_comes_again_changes_nothing(
    pipeline: Pipeline, published: list[Any], projector: Projector
) -> None:
    """A worker that lost its partition, or crashed before Kafka's commit, repeats records: offsets drop them."""
    batch = by_partition(published)
    first = projector.handle(batch)
    again = projector.handle(batch)

    assert first == again
    assert counted(pipeline) == EVERY_ORDER_TWICE


def test_an_event_published_twice_counts_once(pipeline: Pipeline, published: list[Any], projector: Projector) -> None:
    """A relay repeats events at new offsets: the stream's version drops them."""
    projector.handle(by_partition(published))
    pipeline.log.connection.execute("UPDATE rma_log.relays SET position = 0")
    pipeline.relay_all()
    records = pipeline.read_topic(pipeline.topics.events)
    projector.handle(by_partition(records))

    assert len(records) == 4 * ORDERS
    assert counted(pipeline) == EVERY_ORDER_TWICE
    assert sum(next_offset for next_offset, _ in positions(pipeline).values()) == 4 * ORDERS


def test_without_the_version_guard_repeats_would_count(
    pipeline: Pipeline, published: list[Any], projector: Projector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted break: a projector that takes every event for new counts the repeats."""
    monkeypatch.setattr(projector, "_guard", lambda arrivals: ([arrival.event for arrival in arrivals], {}))
    projector.handle(by_partition(published))
    pipeline.log.connection.execute("UPDATE rma_log.relays SET position = 0")
    pipeline.relay_all()
    projector.handle(by_partition(pipeline.read_topic(pipeline.topics.events)))

    assert counted(pipeline) == dict.fromkeys(EVERY_ORDER_TWICE, 4)


def test_rows_and_position_move_together_or_not_at_all(pipeline: Pipeline, published: list[Any]) -> None:
    """What a failing fold had written is undone together with the positions; the next projector starts where it was."""
    with closing(Projector(pipeline.dsn, Failing(), pipeline.codec)) as failing, pytest.raises(ZeroDivisionError):
        failing.handle(by_partition(published))
    nothing = (counted(pipeline), positions(pipeline))
    pipeline.project(Tally(), records=2 * ORDERS)

    assert nothing == ({}, {})
    assert counted(pipeline) == EVERY_ORDER_TWICE


def test_reading_resumes_at_the_stored_position(pipeline: Pipeline, published: list[Any]) -> None:
    """Kafka's committed offset is advice: a new group, which has none, resumes where the rows are."""
    pipeline.project(Tally(), records=2 * ORDERS, group="first")
    pipeline.publish([command("RecordDelivery", delivery("O-1", delivery_id="D-2"), key=b"O-1")])
    pipeline.handle_all(records=1)
    pipeline.relay_all()

    handled: list[int] = []

    class Watched(Tally):
        def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
            handled.extend(event.position for event in events)
            super().fold(connection, events)

    pipeline.project(Watched(), records=1, group="second")

    assert handled == [2 * ORDERS + 1]
    assert counted(pipeline) == EVERY_ORDER_TWICE | {"order/O-1": 3}


def test_a_gap_stops_the_partition_and_raises_an_alarm(pipeline: Pipeline, published: list[Any]) -> None:
    """A stream that skips a version is not shown past the gap; its partition stops, the others go on."""
    lost = next(record for record in published if b"Registered" in dict(record.headers)["ce_type"])
    stopped = TopicPartition(lost.topic, lost.partition)
    kept = [record for record in published if record is not lost]
    metrics = WorkerMetrics("tally")

    with (
        closing(Projector(pipeline.dsn, Tally(), pipeline.codec, metrics)) as projector,
        structlog.testing.capture_logs() as logs,
    ):
        next_offsets = projector.handle(by_partition(kept))

    [alarm] = [line for line in logs if line["event"] == "gap_found"]
    stream = dict(lost.headers)["ce_subject"].decode()
    assert (alarm["stream"], alarm["expected_version"], alarm["found_version"]) == (stream, 1, 2)
    assert alarm["order_id"] == stream.removeprefix("order/")
    assert metrics.registry.get_sample_value("rma_gaps_total", {"worker": "tally"}) == 1
    assert stopped not in next_offsets
    assert len(next_offsets) == len(by_partition(kept)) - 1
    assert positions(pipeline)[stopped.partition][0] == alarm["offset"]
    shown = counted(pipeline)
    assert stream not in shown
    elsewhere = {dict(r.headers)["ce_subject"].decode() for r in published if r.partition != stopped.partition}
    assert {name: shown.get(name) for name in elsewhere} == dict.fromkeys(elsewhere, 2)


def test_a_stopped_partition_stays_stopped_while_the_others_go_on(pipeline: Pipeline, published: list[Any]) -> None:
    """From Kafka: after a gap the loop reads on in the other partitions only, and a restart stops at the same place."""
    lost = next(record for record in published if b"Registered" in dict(record.headers)["ce_type"])
    with psycopg.connect(pipeline.dsn) as connection:
        connection.execute(
            "INSERT INTO rma_read_meta.positions VALUES ('tally', 1, %s, %s, 0, now())",
            (lost.partition, lost.offset + 1),  # as if the record had been skipped
        )
    healthy = [record for record in published if record.partition != lost.partition]
    stop = Event()
    with closing(Projector(pipeline.dsn, Tally(), pipeline.codec)) as projector:
        reading = Loop(pipeline.consumer(pipeline.topics.events, "tally"), projector, stop)
        thread = Thread(target=reading.run)
        thread.start()
        wait_for(lambda: sum(counted(pipeline).values()) >= len(healthy), "the healthy partitions")
        stop.set()
        thread.join()
    stood_at = positions(pipeline)[lost.partition]
    with closing(Projector(pipeline.dsn, Tally(), pipeline.codec)) as again:
        assert again.resume_offset(TopicPartition(lost.topic, lost.partition)) == stood_at[0]

    assert dict(lost.headers)["ce_subject"].decode() not in counted(pipeline)
    assert stood_at[0] <= max(record.offset for record in published if record.partition == lost.partition)


def test_two_projectors_share_the_work_and_count_once(pipeline: Pipeline, published: list[Any]) -> None:
    """Partitions move between projectors of one group while they work; every event still counts once."""
    stop = Event()
    loops = []
    projectors = [Projector(pipeline.dsn, Tally(), pipeline.codec) for _ in range(2)]
    for projector in projectors:
        consumer = pipeline.consumer(pipeline.topics.events, "tally")
        loops.append(Thread(target=Loop(consumer, projector, stop).run))
        loops[-1].start()
    wait_for(lambda: counted(pipeline) == EVERY_ORDER_TWICE, "both projectors to fold everything")
    more = [
        command("RecordDelivery", delivery(f"O-{n}", delivery_id="D-2"), key=f"O-{n}".encode()) for n in range(ORDERS)
    ]
    pipeline.publish(more)
    pipeline.handle_all(records=ORDERS)
    pipeline.relay_all()
    expected = dict.fromkeys(EVERY_ORDER_TWICE, 3)
    wait_for(lambda: sum(counted(pipeline).values()) >= 3 * ORDERS, "the second round")
    stop.set()
    for thread in loops:
        thread.join()
    for projector in projectors:
        projector.close()

    assert counted(pipeline) == expected


def test_a_record_that_is_no_event_stops_its_partition(
    pipeline: Pipeline, published: list[Any], projector: Projector
) -> None:
    """Our own events are never malformed: at a stranger's record the partition stops, with an alarm."""
    publisher = publisher_of(pipeline.settings)
    publisher.send(pipeline.topics.events, b"O-1", b"{}", [("ce_type", b"rma.Order.Delivered.v1")])
    publisher.flush()
    publisher.close()
    stranger = pipeline.read_topic(pipeline.topics.events)

    with structlog.testing.capture_logs() as logs:
        next_offsets = projector.handle(by_partition(stranger))

    [alarm] = [line for line in logs if line["event"] == "event_unreadable"]
    assert {partition.partition for partition in by_partition(stranger)} - {
        partition.partition for partition in next_offsets
    } == {alarm["partition"]}
    assert positions(pipeline)[alarm["partition"]][0] == alarm["offset"]
    assert counted(pipeline) == EVERY_ORDER_TWICE


def test_an_event_that_does_not_decode_stops_its_partition(pipeline: Pipeline, published: list[Any]) -> None:
    """A body that does not fit its type is found in its batch: everything but its partition's rest is folded."""

    class Decoding(Tally):
        def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
            assert all(event.fact for event in events)
            super().fold(connection, events)

    damaged = next(record for record in published if b"Delivered" in dict(record.headers)["ce_type"])
    records = [with_value(record, b'{"delivery_id": 1}') if record is damaged else record for record in published]

    with closing(Projector(pipeline.dsn, Decoding(), pipeline.codec)) as projector:
        next_offsets = projector.handle(by_partition(records))

    stream = dict(damaged.headers)["ce_subject"].decode()
    assert TopicPartition(damaged.topic, damaged.partition) not in next_offsets
    assert positions(pipeline)[damaged.partition][0] == damaged.offset
    assert counted(pipeline)[stream] == 1
