"""What the relay writes of an event, a projector reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from kafka.record.memory_records import MemoryRecords
from kafka.structs import TopicPartition

from infra.envelope.cloudevents import event_headers
from infra.envelope.codec import UnreadableEventError
from infra.kafka.record_batch import ProducerState, encode_batch, record_body
from infra.kafka.record_reading import PartitionRecords, ReadRecord
from infra.records import StoredEvent
from tests.support.pipeline import Polled
from workers.projector.reading import HEADERS, SEALED_HEADERS, UNREAD, read_event
from workers.runtime.every_event import make_codec

CODEC = make_codec()
AT = datetime(2026, 3, 1, 9, 0, 0, 120_000, tzinfo=UTC)


def stored(sealed_key_id: str | None = None, **changes: Any) -> StoredEvent:
    event = StoredEvent(
        7, "order/O-1", 2, UUID(int=5), "rma.Order.Delivered.v1", AT, AT, "carrier:post", "c-1", "/shop", "corr",
        "cause", "O-1", bytes(32), bytes(32), sealed_key_id, b"{}",
    )  # fmt: skip
    return event._replace(**changes)


def record(event: StoredEvent, headers: list[tuple[str, bytes]] | None = None) -> ReadRecord:
    named = event_headers(event) if headers is None else headers
    body = record_body(event.partition_key.encode(), event.body, [(name.encode(), value) for name, value in named])
    batch = encode_batch([body], 0, ProducerState(1, 1, 0), "gzip")
    [read] = PartitionRecords(0, TopicPartition("t", 0), MemoryRecords(batch)).take(None)
    assert isinstance(read, ReadRecord)
    return read


@pytest.mark.parametrize("sealed_key_id", [None, str(UUID(int=9))])
def test_every_part_is_read(sealed_key_id: str | None) -> None:
    """And the order that is read at once is the one that is written."""
    event = stored(sealed_key_id)
    headers = HEADERS if sealed_key_id is None else SEALED_HEADERS

    read = read_event(record(event), CODEC)

    assert [name for name, _ in headers] == [name for name, _ in event_headers(event)]
    for part in (
        "position stream version event_id type occurred_at recorded_at actor command_id correlation_id causation_id"
        " partition_key sealed_key_id body"
    ).split():
        assert getattr(read, part) == getattr(event, part), part


def test_headers_in_another_order_are_read_by_name() -> None:
    """As another writer, or an older relay, has put them; so are records that a test makes."""
    event = stored()
    turned = event_headers(event)[::-1]

    assert read_event(record(event, turned), CODEC) == read_event(record(event), CODEC)
    assert read_event(Polled(event.body, turned, b"O-1"), CODEC) == read_event(record(event), CODEC)


@pytest.mark.parametrize("missing", [name for name, content in HEADERS if content is None and name not in UNREAD])
def test_without_a_header_it_is_no_event(missing: str) -> None:
    """Our own events have all of them."""
    event = stored()
    headers = [(name, value) for name, value in event_headers(event) if name != missing]

    with pytest.raises(UnreadableEventError, match=missing):
        read_event(record(event, headers), CODEC)


@pytest.mark.parametrize("name", ["ce_id", "ce_position", "ce_streamversion", "ce_time", "ce_recordedat", "ce_type"])
def test_what_is_not_what_it_should_be_is_no_event(name: str) -> None:
    """A number that is none, an instant that is none, a type that nothing knows."""
    event = stored()
    headers = [(known, b"odd" if known == name else value) for known, value in event_headers(event)]

    with pytest.raises(UnreadableEventError):
        read_event(record(event, headers), CODEC)
