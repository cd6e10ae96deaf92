"""What PostgreSQL answers the relay says of each event and message what the log says of it."""

from __future__ import annotations

from kafka.structs import TopicPartition

from infra.envelope.cloudevents import event_headers
from infra.kafka.lane_producer import Outgoing
from infra.kafka.partitioner import Partitioner, Placement
from infra.kafka.published import add_events, add_messages
from infra.kafka.record_batch import record_body
from infra.log.publishing import events_after, messages_after
from tests.support.pipeline import Pipeline, command, order


def test_rows_are_the_logs(pipeline: Pipeline) -> None:
    """Positions of one digit and of two, sealed texts and none, instants with a fraction and without."""
    given = [command("RegisterOrder", order(f"O-{number}"), key=f"O-{number}".encode()) for number in range(12)]
    given.append(command("RegisterOrder", order("O-12"), time="2026-03-01T10:00:00.120Z"))
    given.append(command("RegisterOrder", {}))
    pipeline.worker().record(given)
    connection = pipeline.log.connection
    events, messages = pipeline.log.read(0, 100), pipeline.log.read_outbox(0, 100, 100)
    assert (len(events), len(messages)) == (13, 15)

    outgoing = Outgoing({topic: Placement(Partitioner.MURMUR2, 1) for topic in ("events", *pipeline.topics.own)})
    add_events(outgoing, "events", events_after(connection, 0, 100))
    add_messages(outgoing, messages_after(connection, 0, 100, 100))

    expected: dict[TopicPartition, list[bytes]] = {
        TopicPartition("events", 0): [
            record_body(e.partition_key.encode(), e.body, [(name.encode(), value) for name, value in event_headers(e)])
            for e in events
        ]
    }
    for row in messages:
        body = record_body(row.key, row.value, [(name.encode(), value) for name, value in row.headers])
        expected.setdefault(TopicPartition(row.topic, 0), []).append(body)
    assert outgoing.by_partition == expected


def test_reading_goes_on_where_it_stopped(pipeline: Pipeline) -> None:
    """By the number of a position, not by its text: 10 comes after 9. Messages wait for their events."""
    pipeline.worker().record([command("RegisterOrder", order(f"O-{n}"), key=f"O-{n}".encode()) for n in range(12)])
    connection = pipeline.log.connection

    assert [row[0] for row in events_after(connection, 8, 3)] == [b"9", b"10", b"11"]
    assert [row[0] for row in messages_after(connection, 8, 10, 5)] == []
    assert [row[0] for row in messages_after(connection, 8, 12, 3)] == [9, 10, 11]
