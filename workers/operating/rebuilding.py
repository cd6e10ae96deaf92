"""`rma rebuild`: a read model is filled anew from the topic while the live one goes on, then takes its place.

All of it is one transaction. In it, and only in it, the live schema has another name, so that the projection writes its
rows into fresh tables; everybody else goes on reading and writing the live ones. At the end the live projector is held
at its position, the fresh tables catch up with it, the views are pointed at them, and the old tables go. Whatever fails
before that leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar, Final

from kafka.errors import KafkaTimeoutError
from kafka.structs import TopicPartition
from psycopg import Connection, sql

from domain.errors import RmaError
from domain.recorded import RecordedEvent
from infra.addresses import addresses, postgres_address
from infra.kafka.own_topics import topics_of
from infra.kafka.record import Batch, Offsets
from infra.kafka.topic_reader import TopicReader
from infra.sessions import SCHEMA_CHANGE_MAX_MS, SILENCE_MAX_MS
from infra.settings import Settings
from projections.projection import Projection
from projections.read_models import projection_named
from projections.view import View, views_sql
from workers.projector.projector import PREPARE_LOCK, Projector
from workers.runtime.every_event import make_codec

POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60
HELD_TIMEOUT_MS: Final = 60_000
"""How long the swap waits for readers of the old tables, and how long a poll may leave the transaction idle."""

SUFFIX: Final = ".rebuild"
LOCK_PROJECTION: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('rma rebuild ' || %s, 0))"
SCHEMAS: Final = "SELECT nspname FROM pg_namespace WHERE nspname ~ %s ORDER BY nspname"
HOLD_LIVE: Final = """
    SELECT partition, next_offset FROM rma_read_meta.positions
    WHERE projection = %(live)s AND version = %(version)s ORDER BY partition FOR UPDATE
"""
TAKE_OVER: Final = (
    # the live projector may be waiting for these very rows: they are changed, never replaced
    """
    INSERT INTO rma_read_meta.positions AS live
    SELECT %(live)s, version, partition, next_offset, log_position, now() FROM rma_read_meta.positions
    WHERE projection = %(fresh)s AND version = %(version)s
    ON CONFLICT (projection, version, partition) DO UPDATE
    SET next_offset = excluded.next_offset, log_position = excluded.log_position, updated_at = excluded.updated_at
    """,
    "DELETE FROM rma_read_meta.positions WHERE projection = %(fresh)s",
    "DELETE FROM rma_read_meta.positions WHERE projection = %(live)s AND version <> %(version)s",
    "DELETE FROM rma_read_meta.stream_versions WHERE projection = %(live)s",
    "UPDATE rma_read_meta.stream_versions SET projection = %(live)s WHERE projection = %(fresh)s",
)


class RebuildRunningError(RmaError):
    """Somebody else rebuilds this read model right now."""

    code: ClassVar[str] = "rebuild_running"


class CannotBeReadError(RmaError):
    """The topic holds what the projection cannot fold; the live read model stays."""

    code: ClassVar[str] = "cannot_be_read"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did."""

    projection: str
    version: int
    records: int


@dataclass(frozen=True, slots=True)
class Beside:
    """A projection under a name of its own, so that its positions are not those of the live one."""

    live: Projection

    @property
    def name(self) -> str:
        return f"{self.live.name}{SUFFIX}"

    @property
    def version(self) -> int:
        return self.live.version

    @property
    def tables_sql(self) -> str:
        return self.live.tables_sql

    @property
    def views(self) -> Sequence[View]:
        return self.live.views

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        self.live.fold(connection, events)


def rebuild(settings: Settings, name: str, tell: Callable[[int, int], None]) -> Rebuilt:
    """Fill the read model ``name`` anew and swap it in; ``tell`` gets the records read so far, and how many there are.

    Raises:
        RebuildRunningError: It is being rebuilt already.
        CannotBeReadError: The topic holds a gap, or an event that cannot be read.
        psycopg.OperationalError, kafka.errors.KafkaError: A service is away; nothing was changed.
    """
    where, projection = addresses(settings), projection_named(name)
    beside = Beside(projection)
    topic = topics_of(settings).events
    with (
        closing(Projector(postgres_address(settings), beside, make_codec())) as projector,
        closing(TopicReader(where.kafka_bootstrap, topic)) as events,
    ):
        connection = projector.connection
        with connection.transaction():
            old = _make_room(connection, projection)
            events.seek(events.begins())
            reader = _Reader(projector, events, tell)
            reader.read_to(events.ends())
            connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {SILENCE_MAX_MS}")  # others wait now
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
            names = {"live": projection.name, "fresh": beside.name, "version": projection.version}
            held = connection.execute(HOLD_LIVE, names).fetchall()
            reader.read_to({TopicPartition(topic, partition): next_offset for partition, next_offset in held})
            for statement in TAKE_OVER:
                connection.execute(statement, names)
            connection.execute(sql.SQL(views_sql(projection.views)))
            for schema in old:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        return Rebuilt(projection.name, projection.version, reader.records)


def _make_room(connection: Connection, projection: Projection) -> list[str]:
    """Put the live schema aside, for this transaction alone, and make fresh tables; return what is to go in the end."""
    for setting, bound_ms in (
        ("statement_timeout", SCHEMA_CHANGE_MAX_MS),
        ("idle_in_transaction_session_timeout", HELD_TIMEOUT_MS),
        ("lock_timeout", HELD_TIMEOUT_MS),
    ):
        connection.execute(f"SET LOCAL {setting} = {bound_ms}")
    [(is_ours,)] = connection.execute(LOCK_PROJECTION, (projection.name,)).fetchall()
    if not is_ours:
        raise RebuildRunningError(f"{projection.name} is being rebuilt already")
    mine = f"{projection.name}_v{projection.version}"
    found = [row[0] for row in connection.execute(SCHEMAS, (f"^{projection.name}_v[0-9]+$",)).fetchall()]
    old = [f"{schema}_before" if schema == mine else schema for schema in found]
    if mine in found:
        aside = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
        connection.execute(aside.format(sql.Identifier(mine), sql.Identifier(f"{mine}_before")))
    connection.execute(sql.SQL(projection.tables_sql))
    return old


class _Reader:
    """Folds the topic into the fresh tables, up to where it is told."""

    def __init__(self, projector: Projector, events: TopicReader, tell: Callable[[int, int], None]) -> None:
        self.records = 0
        self._projector = projector
        self._events = events
        self._tell = tell

    def read_to(self, ends: Offsets) -> None:
        """Fold until every partition has reached its end; what is beyond may be folded too."""
        while left := sum(max(0, end - self._events.position(partition)) for partition, end in ends.items()):
            batch = self._poll()
            next_offsets = self._projector.handle(batch)
            if stopped := set(batch) - set(next_offsets):
                where = ", ".join(f"partition {partition.partition}" for partition in sorted(stopped))
                raise CannotBeReadError(f"{where} holds a gap, or an event that cannot be read; see the log")
            read = sum(len(records) for records in batch.values())
            self.records += read
            self._tell(self.records, self.records + max(0, left - read))

    def _poll(self) -> Batch:
        """Return what comes next; raises ``kafka.errors.KafkaTimeoutError`` where nothing does."""
        for _ in range(EMPTY_POLLS_MAX):
            if polled := self._events.poll(POLL_MS):
                return polled
        raise KafkaTimeoutError("no more events came, though the topic holds some")
