"""`rma rebuild`: a read model is filled anew from the topic while the live one goes on, then takes its place.

The fresh tables are in a schema of their own, and are filled a step at a time. Each step is a transaction that moves
positions of the rebuild's own, too, so that one that was broken off goes on after its last step. In these transactions,
and only in them, the two schemas change names, so that the projection writes its rows into the fresh tables; everybody
else goes on reading and writing the live ones. At the end the live projector is held at its position, the fresh tables
catch up with it, the views are pointed at them, and the old tables go. Whatever fails before that leaves the live read
model as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import ClassVar, Final

from kafka.errors import KafkaTimeoutError
from kafka.structs import TopicPartition
from psycopg import Connection, sql

from domain.errors import RmaError
from domain.recorded import RecordedEvent
from infra.addresses import addresses, postgres_address
from infra.kafka.own_topics import topics_of
from infra.kafka.record import Batch, Offsets, Record
from infra.kafka.topic_reader import TopicReader
from infra.sessions import SCHEMA_CHANGE_MAX_MS, SILENCE_MAX_MS
from infra.settings import Settings
from projections.projection import Projection
from projections.read_models import projection_named
from projections.view import View, views_sql
from workers.operating.roles import grant_rights
from workers.projector.projector import NAMES_LOCK, PREPARE_LOCK, Projector
from workers.runtime.every_event import make_codec

POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60
HELD_TIMEOUT_MS: Final = 60_000
"""How long the swap waits for readers of the old tables, and how long a poll may leave the transaction idle."""

STEP_RECORDS: Final = 50_000
"""What a rebuild that is broken off may have to read again."""

FOLD_EVENTS: Final = 2_000
"""How many events of a step are folded at once, and those besides that the last one's order has in it."""

SUFFIX: Final = ".rebuild"
FRESH: Final = "_rebuild"
ASIDE: Final = "_before"
"""What the names of the fresh schema, and of the live one while a step writes, end in."""

LOCK_PROJECTION: Final = "SELECT pg_try_advisory_lock(hashtextextended('rma rebuild ' || %s, 0))"
UNLOCK_PROJECTION: Final = "SELECT pg_advisory_unlock(hashtextextended('rma rebuild ' || %s, 0))"
ALONE_WITH_NAMES: Final = "SELECT pg_advisory_xact_lock_shared(%s)"
"""Not while a replay has put all schemas aside; another rebuild puts others aside."""

SCHEMAS: Final = "SELECT nspname FROM pg_namespace WHERE nspname ~ %s ORDER BY nspname"
FORGET_FRESH: Final = (
    "DELETE FROM rma_read_meta.positions WHERE projection = %s",
    "DELETE FROM rma_read_meta.stream_versions WHERE projection = %s",
)
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
    """What a rebuild did: how many records it read, and how many of them before it was broken off and went on."""

    projection: str
    version: int
    records: int
    read_before: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """A projection under a name of its own, so that its positions are not those of the live one."""

    live: Projection

    @property
    def name(self) -> str:
        return self.live.name + SUFFIX

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
        """Fold a step order by order: what an order's events change is loaded and written once, not event by event."""
        by_order = sorted(events, key=attrgetter("partition_key"))  # keeps the order of the events of one
        begin = 0
        while begin < len(by_order):
            end = min(begin + FOLD_EVENTS, len(by_order))
            last = by_order[end - 1].partition_key
            while end < len(by_order) and by_order[end].partition_key == last:
                end += 1
            self.live.fold(connection, by_order[begin:end])
            for event in by_order[begin:end]:
                event.forget()
            begin = end


def rebuild(settings: Settings, name: str, tell: Callable[[int, int], None], *, anew: bool = False) -> Rebuilt:
    """Fill the read model ``name`` anew and swap it in, going on where an earlier rebuild of it was broken off.

    Args:
        settings: Lead to the system.
        name: Which read model.
        tell: Gets the records read so far, and how many there are, after each step.
        anew: Leave what an earlier rebuild has filled, and begin with the topic's first record.
    Raises:
        RebuildRunningError: It is being rebuilt already.
        CannotBeReadError: The topic holds a gap, or an event that cannot be read.
        psycopg.OperationalError, kafka.errors.KafkaError: A service is away; the live read model is as it was.
    """
    where, projection = addresses(settings), projection_named(name)
    with (
        closing(Projector(postgres_address(settings), Beside(projection), make_codec())) as projector,
        closing(TopicReader(where.kafka_bootstrap, topics_of(settings).events)) as events,
        _alone(projector.connection, projection),
    ):
        fresh = _Fresh(projector.connection, projection)
        fresh.make(anew=anew)
        filling = _Filling(projector, events, fresh, tell)
        filling.read_to(events.ends())
        filling.read_to(events.ends())  # what came meanwhile, so that the live projector is held for a moment only
        with fresh.as_live():
            connection = projector.connection
            connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {SILENCE_MAX_MS}")  # others wait now
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
            filling.fold_to(fresh.held_live())
            fresh.take_over(as_roles=settings.postgres_roles)
        return Rebuilt(projection.name, projection.version, filling.records, filling.read_before)


@contextmanager
def _alone(connection: Connection, projection: Projection) -> Iterator[None]:
    """Let nobody else rebuild a read model for as long as this session lasts, or the block; or raise."""
    [(is_ours,)] = connection.execute(LOCK_PROJECTION, (projection.name,)).fetchall()
    if not is_ours:
        raise RebuildRunningError(f"{projection.name} is being rebuilt already")
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute(UNLOCK_PROJECTION, (projection.name,))


class _Fresh:
    """The fresh tables of a read model beside its live ones."""

    def __init__(self, connection: Connection, projection: Projection) -> None:
        self._connection = connection
        self._projection = projection
        self._live = f"{projection.name}_v{projection.version}"

    def make(self, *, anew: bool) -> None:
        """Make the tables, unless those are there that an earlier rebuild of this version began to fill."""
        with self._connection.transaction():
            self._bound()
            others = [name for name in self._schemas(f"[0-9]+{FRESH}") if anew or name != self._live + FRESH]
            self._drop(others)
            if self._schemas(f"{self._projection.version}{FRESH}"):
                return
            for statement in FORGET_FRESH:
                self._connection.execute(statement, (self._projection.name + SUFFIX,))
            self._put_live_aside()
            self._connection.execute(sql.SQL(self._projection.tables_sql))
            self._rename(self._live, self._live + FRESH)
            self._put_live_back()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """One step: a transaction in which the fresh tables have the names of the live ones."""
        with self._connection.transaction():
            self._bound()
            self._put_live_aside()
            self._rename(self._live + FRESH, self._live)
            yield
            self._rename(self._live, self._live + FRESH)
            self._put_live_back()

    @contextmanager
    def as_live(self) -> Iterator[None]:
        """The last step, after which the fresh tables are the live ones; the block drops those that were."""
        with self._connection.transaction():
            self._bound()
            self._put_live_aside()
            self._rename(self._live + FRESH, self._live)
            yield

    def held_live(self) -> dict[int, int]:
        """Return how far the live read model has come, by partition, and hold it there until the transaction ends."""
        return dict(self._connection.execute(HOLD_LIVE, self._names).fetchall())

    def take_over(self, *, as_roles: bool) -> None:
        """Let positions and views be those of the fresh tables, and drop the tables of before."""
        for statement in TAKE_OVER:
            self._connection.execute(statement, self._names)
        self._connection.execute(sql.SQL(views_sql(self._projection.views)))
        self._drop([name for name in self._schemas(f"[0-9]+({ASIDE})?") if name != self._live])
        if as_roles:
            grant_rights(self._connection, f"^{self._live}$")

    @property
    def _names(self) -> dict[str, object]:
        projection = self._projection
        return {"live": projection.name, "fresh": projection.name + SUFFIX, "version": projection.version}

    def _bound(self) -> None:
        for setting, bound_ms in (
            ("statement_timeout", SCHEMA_CHANGE_MAX_MS),
            ("idle_in_transaction_session_timeout", HELD_TIMEOUT_MS),
            ("lock_timeout", HELD_TIMEOUT_MS),
        ):
            self._connection.execute(f"SET LOCAL {setting} = {bound_ms}".encode())
        self._connection.execute(ALONE_WITH_NAMES, (NAMES_LOCK,))

    def _schemas(self, version: str) -> list[str]:
        """Return this read model's schemas of versions that look like this."""
        pattern = f"^{self._projection.name}_v{version}$"
        return [name for (name,) in self._connection.execute(SCHEMAS, (pattern,)).fetchall()]

    def _put_live_aside(self) -> None:
        if self._schemas(str(self._projection.version)):
            self._rename(self._live, self._live + ASIDE)

    def _put_live_back(self) -> None:
        if self._schemas(f"{self._projection.version}{ASIDE}"):
            self._rename(self._live + ASIDE, self._live)

    def _rename(self, name: str, to: str) -> None:
        self._connection.execute(
            sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to))
        )

    def _drop(self, schemas: Sequence[str]) -> None:
        for schema in schemas:
            self._connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


class _Filling:
    """Folds the topic into the fresh tables, step by step, up to where it is told."""

    def __init__(
        self, projector: Projector, events: TopicReader, fresh: _Fresh, tell: Callable[[int, int], None]
    ) -> None:
        self._projector = projector
        self._events = events
        self._fresh = fresh
        self._tell = tell
        begins = events.begins()
        starts = {one: max(begin, projector.resume_offset(one) or 0) for one, begin in begins.items()}
        events.seek(starts)
        self.records = self.read_before = sum(starts.values()) - sum(begins.values())

    def read_to(self, ends: Offsets) -> None:
        """Fold until every partition has reached its end, and keep each step; what is beyond may be folded too."""
        while step := self._read(ends, STEP_RECORDS):
            with self._fresh.in_place():
                self._fold(step)
            self._tell(self.records, self.records + self._left(ends))

    def fold_to(self, held: Mapping[int, int]) -> None:
        """Fold, in the transaction that runs, until every partition has come as far as the live read model."""
        ends = {one: held[one.partition] for one in self._events.partitions if one.partition in held}
        while step := self._read(ends, STEP_RECORDS):
            self._fold(step)

    def _read(self, ends: Offsets, records_max: int) -> Batch:
        """Return what comes next, at least so many records where there are as many before the end of a partition."""
        step: dict[TopicPartition, list[Record]] = {}
        read = 0
        while self._left(ends) and read < records_max:
            for partition, records in self._poll().items():
                step.setdefault(partition, []).extend(records)
                read += len(records)
        return step

    def _fold(self, step: Batch) -> None:
        next_offsets = self._projector.handle(step)
        if stopped := set(step) - set(next_offsets):
            where = ", ".join(f"partition {partition.partition}" for partition in sorted(stopped))
            raise CannotBeReadError(f"{where} holds a gap, or an event that cannot be read; see the log")
        self.records += sum(map(len, step.values()))

    def _left(self, ends: Offsets) -> int:
        return sum(max(0, end - self._events.position(partition)) for partition, end in ends.items())

    def _poll(self) -> Batch:
        """Return what comes next; raises ``kafka.errors.KafkaTimeoutError`` where nothing does."""
        for _ in range(EMPTY_POLLS_MAX):
            if polled := self._events.poll(POLL_MS):
                return polled
        raise KafkaTimeoutError("no more events came, though the topic holds some")
