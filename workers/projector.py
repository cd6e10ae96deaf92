"""The projector: events from Kafka become rows of one read model, each event once.

Rows, partition offset and stream versions are written in one transaction. Kafka's committed offset is advice: reading
resumes where the stored position says. Per stream, a version seen before is dropped; a version too far ahead is a gap:
the partition stops, an alarm is raised, and nothing after the gap is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from kafka.structs import TopicPartition
from psycopg import Connection, sql

from domain.recorded import RecordedEvent
from infra.codec import Codec
from infra.event_log import connect
from infra.metrics import WorkerMetrics
from projections.projection import Projection

BATCH_RECORDS_MAX: Final = 5_000
STREAMS_REMEMBERED_MAX: Final = 200_000
PREPARE_LOCK: Final = 0x524D4103
ADVANCE_STREAMS: Final = """
    INSERT INTO rma_read_meta.stream_versions AS known (projection, version, stream, seen)
    SELECT %s, %s, stream, seen FROM unnest(%s::text[], %s::bigint[]) AS moved (stream, seen) ORDER BY stream
    ON CONFLICT (projection, version, stream) DO UPDATE SET seen = excluded.seen
"""
SEEN_STREAMS: Final = """
    SELECT known.stream, known.seen FROM unnest(%s::text[]) AS asked (stream)
    CROSS JOIN LATERAL (
        SELECT * FROM rma_read_meta.stream_versions AS v
        WHERE v.projection = %s AND v.version = %s AND v.stream = asked.stream
    ) AS known
"""
POSITION: Final = """
    SELECT next_offset, log_position FROM rma_read_meta.positions
    WHERE projection = %s AND version = %s AND partition = %s
"""

LOG = structlog.get_logger()


class BadEventError(Exception):
    """A record of the events topic is not an event of ours."""


class Projector:
    """Fold batches of records of the events topic into one read model.

    Args:
        conninfo: libpq connection string or URI.
        projection: The read model.
        codec: Decodes the events whose facts the projection looks at.
        metrics: Counts and times what this projector does.
    """

    def __init__(
        self, conninfo: str, projection: Projection, codec: Codec, metrics: WorkerMetrics | None = None
    ) -> None:
        self._conninfo = conninfo
        self._projection = projection
        self._codec = codec
        self._id = (projection.name, projection.version)
        self._metrics = metrics or WorkerMetrics(projection.name)
        self._open: Connection[Any] | None = None

    @property
    def connection(self) -> Connection[Any]:
        if self._open is None or self._open.closed:
            self._open = connect(self._conninfo)
        return self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()

    def resume_offset(self, partition: TopicPartition) -> int | None:
        """Return the stored next offset of a partition; 0 for one never read."""
        rows = self.connection.execute(POSITION, (*self._id, partition.partition)).fetchall()
        return rows[0][0] if rows else 0

    def handle(self, batch: Mapping[TopicPartition, Sequence[Any]]) -> dict[TopicPartition, int]:
        """Fold a batch and move the positions, all in one transaction; return the next offsets.

        A partition with a gap is folded up to the gap and left out of what is returned.

        Raises:
            BadEventError: A record cannot be read; nothing of the batch was written.
            psycopg.OperationalError: PostgreSQL is away.
        """
        with self.connection.transaction():
            standing = {partition: self._lock_position(partition) for partition in sorted(batch)}
            with self._metrics.stage("read"):
                fresh = [
                    (partition, record.offset, self._read(record))
                    for partition in standing
                    for record in batch[partition]
                    if record.offset >= standing[partition][0]
                ]
            events, gaps = self._guard(fresh)
            if events:
                with self._metrics.stage("fold"):
                    self._projection.fold(self.connection, events)
            next_offsets = {
                partition: max(next_offset, gaps.get(partition, batch[partition][-1].offset + 1))
                for partition, (next_offset, _) in standing.items()
            }
            self._advance(standing, next_offsets, fresh)
        self._metrics.handled(sum(len(records) for records in batch.values()))
        for _ in gaps:
            self._metrics.gap()
        return {partition: offset for partition, offset in next_offsets.items() if partition not in gaps}

    def _lock_position(self, partition: TopicPartition) -> tuple[int, int]:
        self.connection.execute(
            "INSERT INTO rma_read_meta.positions VALUES (%s, %s, %s, 0, 0, now()) ON CONFLICT DO NOTHING",
            (*self._id, partition.partition),
        )
        [row] = self.connection.execute(POSITION + " FOR UPDATE", (*self._id, partition.partition)).fetchall()
        return row[0], row[1]

    def _guard(
        self, fresh: Sequence[tuple[TopicPartition, int, RecordedEvent]]
    ) -> tuple[list[RecordedEvent], dict[TopicPartition, int]]:
        """Return the events that are new, and where a stream has a gap: the offset at which its partition stops."""
        seen = self._seen({event.stream for _, _, event in fresh})
        events, moved = [], {}
        gaps: dict[TopicPartition, int] = {}
        for partition, offset, event in fresh:
            if partition in gaps:
                continue
            expected = seen.get(event.stream, 0) + 1
            if event.version > expected:
                gaps[partition] = offset
                _alarm(self._id, partition, offset, event, expected)
            elif event.version == expected:
                seen[event.stream] = moved[event.stream] = event.version
                events.append(event)
        if moved:
            streams = (list(moved), list(moved.values()))
            self.connection.execute(ADVANCE_STREAMS, (*self._id, *streams), prepare=True)
        return events, gaps

    def _seen(self, streams: set[str]) -> dict[str, int]:
        if not streams:
            return {}
        rows = self.connection.execute(SEEN_STREAMS, (list(streams), *self._id), prepare=True, binary=True)
        return {row[0]: row[1] for row in rows}

    def _advance(
        self,
        standing: Mapping[TopicPartition, tuple[int, int]],
        next_offsets: Mapping[TopicPartition, int],
        fresh: Sequence[tuple[TopicPartition, int, RecordedEvent]],
    ) -> None:
        reached = {partition: log_position for partition, (_, log_position) in standing.items()}
        for partition, offset, event in fresh:
            if offset < next_offsets[partition]:
                reached[partition] = max(reached[partition], event.position)
        for partition, next_offset in next_offsets.items():
            self.connection.execute(
                "UPDATE rma_read_meta.positions SET next_offset = %s, log_position = %s, updated_at = now() "
                "WHERE projection = %s AND version = %s AND partition = %s",
                (next_offset, reached[partition], *self._id, partition.partition),
            )

    def _read(self, record: Any) -> RecordedEvent:
        try:
            return read_event(record.headers, record.key, record.value, self._codec)
        except (KeyError, ValueError, AttributeError, TypeError) as bad:
            raise BadEventError(f"{record.topic}/{record.partition}@{record.offset}: {bad!r}") from bad


def read_event(headers: Sequence[tuple[str, bytes]], key: bytes, value: bytes, codec: Codec) -> RecordedEvent:
    """Return the event of a record of the events topic; raises ``KeyError`` or ``ValueError`` where it is none."""
    found = dict(headers)
    return RecordedEvent(
        event_id=UUID(found["ce_id"].decode()),
        stream=found["ce_subject"].decode(),
        version=int(found["ce_streamversion"]),
        position=int(found["ce_position"]),
        type=found["ce_type"].decode(),
        occurred_at=datetime.fromisoformat(found["ce_time"].decode()),
        recorded_at=datetime.fromisoformat(found["ce_recordedat"].decode()),
        actor=found["ce_actor"].decode(),
        command_id=found["ce_commandid"].decode(),
        correlation_id=found["ce_correlationid"].decode(),
        causation_id=found["ce_causationid"].decode(),
        partition_key=key.decode(),
        body=value,
        decode=codec.decode_recorded,
    )


def prepare(conninfo: str, projection: Projection) -> None:
    """Create a projection's tables and point the views at them; safe to repeat and to run from several processes."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
        connection.execute(sql.SQL(projection.tables_sql))
        connection.execute(sql.SQL(projection.views_sql))


def _alarm(
    projection: tuple[str, int], partition: TopicPartition, offset: int, event: RecordedEvent, expected: int
) -> None:
    LOG.error(
        "gap_found",
        projection=projection[0],
        version=projection[1],
        partition=partition.partition,
        offset=offset,
        stream=event.stream,
        expected_version=expected,
        found_version=event.version,
    )
