"""The log as the topic of events tells it: each event once, in the order of positions, as it was stored."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kafka.errors import KafkaTimeoutError
from kafka.structs import TopicPartition

from domain.errors import RmaError
from infra.kafka.partitioner import Partitioner, Placement
from infra.kafka.record import Record
from infra.kafka.topic_reader import PartitionReaders
from infra.records import StoredEvent
from workers.auditor.chain import hashed_of
from workers.auditor.topic_side import is_record_of

POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60
AHEAD_RECORDS_MAX: Final = 5_000


class PublishedLogError(RmaError):
    """The topic does not tell the log on: an event is missing, or what it holds does not follow."""

    code = "published_log_broken"


class PublishedLog:
    """What the topic holds behind a position.

    Args:
        reader: Of the topic of events, each partition at or before the first record that is wanted.
        position: The last event that is known, whose hash is ``last_hash``.
    """

    def __init__(self, reader: PartitionReaders, position: int, last_hash: bytes) -> None:
        self.position, self.hash = position, last_hash
        self.partitioners = set(Partitioner)
        """Those that would have put every record where it lies."""
        self._reader = reader
        self._ends = reader.ends()
        self._held: dict[TopicPartition, deque[Record]] = {one: deque() for one in reader.partitions}

    def __iter__(self) -> Iterator[StoredEvent]:
        """Yield the events; raises ``PublishedLogError`` with the position at which they no longer follow."""
        while (first := self._first()) is not None:
            position, partition = first
            if position != self.position + 1:
                raise PublishedLogError(
                    f"the topic holds position {position}, and no partition holds {self.position + 1}: "
                    "it was lost on the way to Kafka, or deleted there; nothing was changed"
                )
            event = self._read(self._held[partition].popleft())
            self.position, self.hash = event.position, event.hash
            yield event

    def _first(self) -> tuple[int, TopicPartition] | None:
        """Return the lowest position that was not told yet, and where it lies; repeats are dropped."""
        found = []
        for partition in self._held:
            while (record := self._peek(partition)) is not None and _position(record) <= self.position:
                self._held[partition].popleft()
            if record is not None:
                found.append((_position(record), partition))
        return min(found, default=None)

    def _peek(self, partition: TopicPartition) -> Record | None:
        held, end = self._held[partition], self._ends[partition]
        empty_polls = 0
        while not held and self._reader.position(partition) < end:
            held.extend(record for record in self._reader.poll(partition, POLL_MS) if record.offset < end)
            empty_polls = 0 if held else empty_polls + 1
            if empty_polls > EMPTY_POLLS_MAX:
                raise KafkaTimeoutError(f"partition {partition.partition} holds records that do not come")
        return held[0] if held else None

    def _read(self, record: Record) -> StoredEvent:
        """Return the event of a record, which must be its record to the last byte, and follow the one before."""
        event = _stored(record)
        hashed = hashed_of(event)
        if not is_record_of(record, event, hashed) or event.prev_hash != self.hash:
            raise PublishedLogError(
                f"position {event.position} on the topic does not follow what the log holds before it: "
                "they are not of one log; nothing was changed"
            )
        self.partitioners = {
            one for one in self.partitioners if Placement(one, len(self._held)).of(record.key) == record.partition
        }
        return event._replace(hash=hashlib.sha256(event.prev_hash + hashed).digest())


def _position(record: Record) -> int:
    value = dict(record.headers).get("ce_position")
    if value is None or not value.isdigit():
        raise PublishedLogError(f"offset {record.offset} of partition {record.partition} is no event of a log")
    return int(value)


def _stored(record: Record) -> StoredEvent:
    """Return the event that a record bears, without its own hash; raises ``PublishedLogError``."""
    headers: dict[str, Any] = dict(record.headers)  # what is missing is found by reading it
    sealed = headers.get("ce_sealedkeyid")
    try:
        return StoredEvent(
            position=int(headers["ce_position"]),
            stream=headers["ce_subject"].decode(),
            version=int(headers["ce_streamversion"]),
            event_id=UUID(headers["ce_id"].decode()),
            type=headers["ce_type"].decode(),
            occurred_at=datetime.fromisoformat(headers["ce_time"].decode()),
            recorded_at=datetime.fromisoformat(headers["ce_recordedat"].decode()),
            actor=headers["ce_actor"].decode(),
            command_id=headers["ce_commandid"].decode(),
            command_source=headers["ce_commandsource"].decode(),
            correlation_id=headers["ce_correlationid"].decode(),
            causation_id=headers["ce_causationid"].decode(),
            partition_key=(record.key or b"").decode(),
            prev_hash=bytes.fromhex(headers["ce_prevhash"].decode()),
            hash=b"",
            sealed_key_id=None if sealed is None else sealed.decode(),
            body=record.value or b"",
        )
    except (KeyError, ValueError, AttributeError) as bad:
        place = f"offset {record.offset} of partition {record.partition}"
        raise PublishedLogError(f"{place} cannot be read as an event: {bad!r}") from bad
