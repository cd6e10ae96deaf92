"""The projector: events from Kafka become rows of one read model, each event once.

Rows, partition offset and stream versions are written in one transaction. Kafka's committed offset is advice: reading
resumes where the stored position says. Per stream, a version seen before is dropped; a version too far ahead is a gap:
the partition stops, an alarm is raised, and nothing after the gap is shown. The same goes for a record that cannot be
read: our own events are never malformed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Final

import structlog
from kafka.structs import TopicPartition
from psycopg import sql

from domain.errors import RmaError
from domain.recorded import RecordedEvent
from infra.addresses import postgres_address
from infra.envelope.codec import Codec, UnreadableEventError
from infra.kafka.record import Batch, Offsets
from infra.kafka.topics import TopicNames
from infra.logs import Alarm, alarm
from infra.metrics import WorkerMetrics
from infra.roles import may_make_tables
from infra.sessions import SCHEMA_CHANGE_MAX_MS, Session, connect
from infra.settings import Settings
from projections.checkpoints import CHECKPOINTS
from projections.dead_letter_actions import DEAD_LETTER_ACTIONS
from projections.positions import POSITIONS
from projections.projection import Projection
from projections.read_models import projection_named
from projections.view import views_sql
from workers.projector.reading import read_event
from workers.runtime.every_event import make_codec
from workers.runtime.loop import Loop
from workers.runtime.parts import consumer_of, projector_name
from workers.runtime.patience import patiently

PREPARE_LOCK: Final = 0x524D4103
NAMES_LOCK: Final = 0x524D4104
"""Advisory lock of transactions that give live schemas other names: a replay all of them, so that it is alone."""

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
    SELECT next_offset FROM rma_read_meta.positions WHERE projection = %s AND version = %s AND partition = %s
"""
LOCK_POSITIONS: Final = """
    SELECT partition, next_offset, log_position FROM rma_read_meta.positions
    WHERE projection = %s AND version = %s AND partition = ANY(%s) ORDER BY partition FOR UPDATE
"""
BEGIN_POSITIONS: Final = """
    INSERT INTO rma_read_meta.positions SELECT %s, %s, partition, 0, 0, now() FROM unnest(%s::int[]) AS new (partition)
    ON CONFLICT DO NOTHING
"""
MOVE_POSITIONS: Final = """
    UPDATE rma_read_meta.positions AS known SET next_offset = moved.next, log_position = moved.log, updated_at = now()
    FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS moved (partition, next, log)
    WHERE known.projection = %s AND known.version = %s AND known.partition = moved.partition
"""

OTHER_VERSION_IS_LIVE: Final = """
    SELECT EXISTS (SELECT FROM rma_read_meta.positions WHERE projection = %s AND version <> %s)
"""

GATHER_S: Final = 0.1
"""How long read models gather events that come one by one: each turn of theirs takes a core from those before which
people wait."""
READ_AT_ONCE: Final = frozenset({"tracking"})
"""Those before which people wait."""

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics, name: str) -> None:
    """Fill the read model ``name`` until ``stop`` is set; raises what ``Loop.run`` and ``projection_named`` do."""
    conninfo, projection = postgres_address(settings), projection_named(name)
    patiently(lambda: prepare(conninfo, projection), stop, metrics)
    topic, group = TopicNames(settings.topic_prefix).events, projector_name(projection)
    with closing(Projector(conninfo, projection, make_codec(), metrics)) as projector:
        join = partial(consumer_of, settings, group, topic, settings.projector_batch_records_max)
        consumer = patiently(join, stop, metrics)
        if consumer is not None:
            gather_s = 0.0 if name in READ_AT_ONCE else GATHER_S
            Loop(consumer, projector, stop, metrics, join, gather_s=gather_s).run()


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record that is new to the projection by its offset; ``event`` is None where it cannot be read."""

    partition: TopicPartition
    offset: int
    event: RecordedEvent | None


class PositionWentBackError(RmaError):
    """A stored position is before one that was written: a worker that starts anew reads on from there."""

    code = "position_went_back"

    def __init__(self, projection: str, partition: int, next_offset: int) -> None:
        super().__init__(f"{projection} stands at offset {next_offset} of partition {partition} again: start it anew")


class Projector(Session):
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
        super().__init__(conninfo)
        self._projection = projection
        self._codec = codec
        self._id = (projection.name, projection.version)
        self._metrics = metrics or WorkerMetrics(projection.name)
        self._decodes_all = False
        self._wrote: Offsets = {}

    def resume_offset(self, partition: TopicPartition) -> int | None:
        """Return the stored next offset of a partition; 0 for one never read."""
        rows = self.connection.execute(POSITION, (*self._id, partition.partition)).fetchall()
        return rows[0][0] if rows else 0

    def handle(self, batch: Batch) -> Offsets:
        """Fold a batch and move the positions, all in one transaction; return the next offsets.

        A partition with a gap, or with an event that cannot be read, is folded up to there and left out of what is
        returned: it stops, and an alarm says why.

        Raises:
            psycopg.OperationalError: PostgreSQL is away.
        """
        try:
            next_offsets, stopped = self._fold_batch(batch)
        except UnreadableEventError as unreadable:
            if self._decodes_all:
                raise
            LOG.warning("batch_decoded_whole", projection=self._id[0], error=repr(unreadable))
            self._decodes_all = True  # finds the event that the fold could not decode
            next_offsets, stopped = self._fold_batch(batch)
        self._metrics.handled(sum(len(records) for records in batch.values()))
        for _ in stopped:
            self._metrics.gap()
        return {partition: offset for partition, offset in next_offsets.items() if partition not in stopped}

    def _fold_batch(self, batch: Batch) -> tuple[Offsets, Offsets]:
        with self.waiting_for_locks(), self.connection.transaction():
            standing = self._lock_positions(sorted(batch))
            self._require_own(standing)
            with self._metrics.stage("read"):
                arrivals = self._read(batch, standing)
            events, stopped = self._guard(arrivals)
            if events:
                with self._metrics.stage("fold"):
                    self._projection.fold(self.connection, events)
            next_offsets = {
                partition: max(next_offset, stopped.get(partition, batch[partition][-1].offset + 1))
                for partition, (next_offset, _) in standing.items()
            }
            self._advance(standing, next_offsets, arrivals)
        self._wrote |= next_offsets
        return next_offsets, stopped

    def _require_own(self, standing: Mapping[TopicPartition, tuple[int, int]]) -> None:
        """Raise where the database forgot what this projector wrote: it was put back from a backup, or re-based."""
        for partition, (next_offset, _) in standing.items():
            if next_offset < self._wrote.get(partition, 0):
                raise PositionWentBackError(self._id[0], partition.partition, next_offset)

    def _lock_positions(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Lock where these partitions, in order, stand; return each one's next offset and last position of the log."""
        asked = (*self._id, [partition.partition for partition in partitions])
        rows = self.connection.execute(LOCK_POSITIONS, asked, prepare=True).fetchall()
        if len(rows) < len(partitions):
            self.connection.execute(BEGIN_POSITIONS, asked)
            rows = self.connection.execute(LOCK_POSITIONS, asked, prepare=True).fetchall()
        standing = {partition: (next_offset, log_position) for partition, next_offset, log_position in rows}
        return {partition: standing[partition.partition] for partition in partitions}

    def _read(self, batch: Batch, standing: Mapping[TopicPartition, tuple[int, int]]) -> list[NewRecord]:
        arrivals = []
        for partition, (next_offset, _) in standing.items():
            for record in batch[partition]:
                if record.offset < next_offset:
                    continue  # folded before
                try:
                    event = read_event(record, self._codec)
                    if self._decodes_all:
                        _ = event.fact
                except UnreadableEventError as bad:
                    self._alarm("event_unreadable", partition, record.offset, error=str(bad))
                    arrivals.append(NewRecord(partition, record.offset, None))
                    break
                arrivals.append(NewRecord(partition, record.offset, event))
        return arrivals

    def _guard(self, arrivals: Sequence[NewRecord]) -> tuple[list[RecordedEvent], Offsets]:
        """Return the events that are new, and which partitions stop at which offset: at a gap, or at garbage."""
        seen = self._seen({arrival.event.stream for arrival in arrivals if arrival.event is not None})
        events, moved = [], {}
        stopped: Offsets = {}
        for arrival in arrivals:
            event = arrival.event
            if arrival.partition in stopped:
                continue
            if event is None:
                stopped[arrival.partition] = arrival.offset
                continue
            expected = seen.get(event.stream, 0) + 1
            if event.version > expected:
                stopped[arrival.partition] = arrival.offset
                facts = {"expected_version": expected, "found_version": event.version}
                self._alarm("gap_found", arrival.partition, arrival.offset, **_subject(event), **facts)
            elif event.version == expected:
                seen[event.stream] = moved[event.stream] = event.version
                events.append(event)
        if moved:
            streams = (list(moved), list(moved.values()))
            self.connection.execute(ADVANCE_STREAMS, (*self._id, *streams), prepare=True)
        return events, stopped

    def _seen(self, streams: set[str]) -> dict[str, int]:
        if not streams:
            return {}
        rows = self.connection.execute(SEEN_STREAMS, (list(streams), *self._id), prepare=True, binary=True)
        return {row[0]: row[1] for row in rows}

    def _advance(
        self,
        standing: Mapping[TopicPartition, tuple[int, int]],
        next_offsets: Offsets,
        arrivals: Sequence[NewRecord],
    ) -> None:
        reached = {partition: log_position for partition, (_, log_position) in standing.items()}
        for arrival in arrivals:
            if arrival.event is not None and arrival.offset < next_offsets[arrival.partition]:
                reached[arrival.partition] = max(reached[arrival.partition], arrival.event.position)
        moved = [
            (partition.partition, next_offset, reached[partition]) for partition, next_offset in next_offsets.items()
        ]
        columns = [list(column) for column in zip(*moved, strict=True)]
        self.connection.execute(MOVE_POSITIONS, (*columns, *self._id), prepare=True)

    def _alarm(self, what: Alarm, partition: TopicPartition, offset: int, **facts: object) -> None:
        alarm(
            what,
            projection=self._id[0],
            version=self._id[1],
            partition=partition.partition,
            offset=offset,
            **facts,
        )


def _subject(event: RecordedEvent) -> dict[str, str]:
    """Return the stream of an event, and the order and the return that it is about."""
    kind, _, name = event.stream.partition("/")
    order = {"order_id": event.partition_key} if kind in {"order", "rma"} else {}
    return {"stream": event.stream, **order} | ({"rma_id": name} if kind == "rma" else {})


def prepare(conninfo: str, projection: Projection) -> None:
    """Create a projection's tables and point the views at them; safe to repeat and to run from several processes.

    While another version is live the views stay with it: the tables of this one are filled by a rebuild, which then
    lets them take the live one's place. Whose role may not make tables finds them made by `rma init`.
    """
    with closing(connect(conninfo, statement_timeout_ms=SCHEMA_CHANGE_MAX_MS)) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
        makes = may_make_tables(connection)
        if makes:
            connection.execute(sql.SQL(projection.tables_sql))
            connection.execute(sql.SQL(views_sql([POSITIONS, CHECKPOINTS, DEAD_LETTER_ACTIONS])))
        [(live,)] = connection.execute(OTHER_VERSION_IS_LIVE, (projection.name, projection.version)).fetchall()
        if live:
            alarm("rebuild_needed", projection=projection.name, version=projection.version)
        elif makes:
            connection.execute(sql.SQL(views_sql(projection.views)))
