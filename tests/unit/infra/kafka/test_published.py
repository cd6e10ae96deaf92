"""What the relay builds from rows is what the envelope says an event and a message look like, to the byte."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from kafka.structs import TopicPartition

from infra.envelope.cloudevents import event_headers
from infra.kafka.lane_producer import Outgoing
from infra.kafka.partitioner import Partitioner, Placement
from infra.kafka.published import add_events, add_messages
from infra.kafka.record_batch import record_body
from infra.log.publishing import EventRow
from infra.records import Headers, StoredEvent

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["same", "x" * 9_000])
INSTANTS = st.datetimes(timezones=st.just(UTC)) | st.sampled_from(
    [datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 9, 0, 0, 120_000, tzinfo=UTC)]
)
STORED = st.builds(
    StoredEvent,
    position=st.integers(1, 2**60),
    stream=TEXTS,
    version=st.integers(1, 2**40),
    event_id=st.uuids(),
    type=TEXTS,
    occurred_at=INSTANTS,
    recorded_at=INSTANTS,
    actor=TEXTS,
    command_id=TEXTS,
    command_source=TEXTS,
    correlation_id=TEXTS,
    causation_id=TEXTS,
    partition_key=TEXTS,
    prev_hash=st.binary(min_size=32, max_size=32),
    hash=st.binary(min_size=32, max_size=32),
    sealed_key_id=st.none() | st.just(str(UUID(int=7))),
    body=st.binary(max_size=9_000),
)


def row(event: StoredEvent) -> EventRow:
    """Return an event as PostgreSQL's answer has it."""
    return (
        str(event.position).encode(), str(event.version).encode(), str(event.event_id).encode(), event.stream.encode(),
        event.type.encode(), event.occurred_at, event.recorded_at, event.prev_hash.hex().encode(),
        None if event.sealed_key_id is None else event.sealed_key_id.encode(), event.partition_key.encode(), event.body,
        event.causation_id.encode(), event.actor.encode(), event.command_id.encode(), event.command_source.encode(),
        event.correlation_id.encode(),
    )  # fmt: skip


def one_partition() -> Outgoing:
    """Return what takes records of a topic whose order is all theirs."""
    return Outgoing({"topic": Placement(Partitioner.MURMUR2, 1)})


def sent_array(items: list[bytes]) -> bytes:
    """Return an array of bytes as PostgreSQL sends it."""
    head = struct.pack(">iiiii", 1, 0, 17, len(items), 1) if items else struct.pack(">iii", 0, 0, 17)
    return head + b"".join(struct.pack(">i", len(item)) + item for item in items)


@given(st.lists(STORED, max_size=6))
def test_events_are_built_as_the_envelope_says(events: list[StoredEvent]) -> None:
    """Whatever neighbours share or not: key, body and every header, in their order."""
    expected = [
        record_body(
            event.partition_key.encode(), event.body, [(name.encode(), value) for name, value in event_headers(event)]
        )
        for event in events
    ]

    outgoing = one_partition()
    add_events(outgoing, "topic", [row(event) for event in events])

    assert outgoing.by_partition == ({TopicPartition("topic", 0): expected} if expected else {})


HEADERS = st.lists(st.tuples(st.sampled_from(["ce_id", "ce_time", "x" * 9_000]), st.binary(max_size=100)), max_size=5)


@given(st.lists(st.tuples(st.none() | st.binary(max_size=9), HEADERS, st.binary(max_size=9)), max_size=5))
def test_messages_are_built_from_their_own_headers(messages: list[tuple[bytes | None, Headers, bytes]]) -> None:
    """Each has its own names, and none at all is possible, too."""
    expected = [
        record_body(key, value, [(name.encode(), content) for name, content in headers])
        for key, headers, value in messages
    ]
    rows = [
        (seq, b"topic", key, sent_array([name.encode() for name, _ in headers]), [v for _, v in headers], value)
        for seq, (key, headers, value) in enumerate(messages)
    ]

    outgoing = one_partition()
    add_messages(outgoing, rows)

    assert [*outgoing.by_partition.values()] == ([expected] if expected else [])


def test_records_go_where_their_keys_belong() -> None:
    """Those of one key stay in their order; those of another may lie between them, in another partition."""
    placements = {"topic": Placement(Partitioner.MURMUR2, 6)}
    outgoing = Outgoing(placements)
    keys = [b"A", b"A", b"B", None, b"A", b"C"]

    add_messages(outgoing, [(n, b"topic", key, sent_array([]), [], bytes([n])) for n, key in enumerate(keys)])

    for partition, bodies in outgoing.by_partition.items():
        belonging = [n for n, key in enumerate(keys) if placements["topic"].of(key) == partition.partition]
        assert bodies == [record_body(keys[n], bytes([n]), []) for n in belonging]
    assert sum(map(len, outgoing.by_partition.values())) == len(keys)
