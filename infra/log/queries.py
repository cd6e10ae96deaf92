"""What others ask of the log, each question with a name: nobody else has SQL on its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

from infra.records import StoredEvent

IDS_AT: Final = """
    SELECT e.position, e.event_id, e.correlation_id FROM unnest(%s::bigint[]) AS asked (position)
    JOIN rma_log.events AS e USING (position)
"""
EVENTS_AT: Final = f"""
    SELECT {", ".join(f"e.{name}" for name in StoredEvent._fields)}
    FROM unnest(%s::bigint[]) AS asked (position) JOIN rma_log.events AS e USING (position)
"""  # noqa: S608 - column names of our own
LAST_POSITION: Final = "SELECT coalesce(max(position), 0) FROM rma_log.events"
LAST_POSITIONS: Final = "SELECT partition_key, max(position) FROM rma_log.events GROUP BY partition_key"

# a type that is not wanted comes without its body, so that whoever reads can tell one that it does not know
READ_STREAMS: Final = """
    SELECT stream, version, position, type, CASE WHEN type = ANY(%s) THEN body END FROM rma_log.events
    WHERE (stream, version) > (%s, %s) AND stream < %s ORDER BY stream, version LIMIT %s
"""
LAST_VERSIONS: Final = """
    SELECT asked.stream, (SELECT max(version) FROM rma_log.events AS e WHERE e.stream = asked.stream)
    FROM unnest(%s::text[]) AS asked (stream)
"""
STREAMS: Final = """
    SELECT stream FROM rma_log.events WHERE stream > %s AND stream < %s AND version = 1 ORDER BY stream LIMIT %s
"""
ANSWERED: Final = "SELECT count(*) FROM rma_log.outcomes WHERE source = %s"
TABLE_SIZES: Final = """
    SELECT 'events_bytes', pg_total_relation_size('rma_log.events')
    UNION ALL SELECT 'indexes_bytes', pg_indexes_size('rma_log.events')
    UNION ALL SELECT 'outcomes_bytes', pg_total_relation_size('rma_log.outcomes')
"""
SHOWN: Final = """
    SELECT count(*) FROM rma_log.events AS e
    JOIN unnest(%s::text[], %s::integer[]) AS asked (projection, version) ON e.position = %s
    JOIN rma_read_meta.stream_versions AS read
        ON read.projection = asked.projection AND read.version = asked.version AND read.stream = e.stream
    WHERE read.seen >= e.version
"""
MAY_READ: Final = "SELECT has_schema_privilege('rma_log', 'USAGE')"
MAY_READ_EVENTS: Final = """
    SELECT has_table_privilege('rma_log.events', 'SELECT') AND has_table_privilege('rma_log.relays', 'SELECT')
"""

# in the log's order: what was recorded at an earlier clock after that comes behind it all the same
FIRST_RECORDED_FROM: Final = """
    SELECT position FROM rma_log.events WHERE recorded_at >= %s ORDER BY position LIMIT 1
"""
UNREAD_STREAMS: Final = """
    SELECT count(*) FROM (
        SELECT stream, max(version) AS version FROM rma_log.events WHERE position < %s GROUP BY stream
    ) AS told
    LEFT JOIN rma_read_meta.stream_versions AS read
        ON read.projection = %s AND read.version = %s AND read.stream = told.stream
    WHERE coalesce(read.seen, 0) < told.version
"""
ERASED_CUSTOMERS: Final = """
    SELECT partition_key, max(recorded_at) FROM rma_log.events
    WHERE stream >= 'customer/' AND stream < 'customer0' AND type = 'rma.Customer.Erased.v1'
    AND recorded_at > now() - %s GROUP BY partition_key
"""
LAST_RECORDED: Final = "SELECT max(recorded_at) FROM rma_log.events WHERE stream = ANY(%s) AND type = ANY(%s)"
OF_CUSTOMERS: Final = """
    SELECT body FROM rma_log.events WHERE stream >= 'customer/' AND stream < 'customer0' AND type = %s
"""


class StreamPlace(NamedTuple):
    """A place between the events of all streams, in the order of their names: behind this version of this stream."""

    stream: str
    version: int = 0


class StreamRow(NamedTuple):
    """An event as its stream has it; ``body`` is None where its type was not asked for."""

    stream: str
    version: int
    position: int
    type: str
    body: bytes | None

    @property
    def place(self) -> StreamPlace:
        """The place behind this event."""
        return StreamPlace(self.stream, self.version)


class EventIds(NamedTuple):
    """What a command that answers an event names: the event as its cause, and what both belong to."""

    event_id: UUID
    correlation_id: str


def ids_at(connection: Connection[Any], positions: Iterable[int]) -> dict[int, EventIds]:
    """Return the ids of the events at these positions of the log, by position."""
    rows = connection.cursor(row_factory=tuple_row).execute(IDS_AT, (list(set(positions)),), prepare=True).fetchall()
    return {position: EventIds(*ids) for position, *ids in rows}


def events_at(connection: Connection[Any], positions: Iterable[int]) -> dict[int, StoredEvent]:
    """Return the events at these positions of the log, whole, by position."""
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(EVENTS_AT, (list(set(positions)),), prepare=True, binary=True).fetchall()
    return {row[0]: StoredEvent(*row) for row in rows}


def may_read(connection: Connection[Any]) -> bool:
    """Tell whether this user has any right on the log: one who only looks at views has none."""
    return bool(_value(connection, MAY_READ))


def may_read_events(connection: Connection[Any]) -> bool:
    """Tell whether this user may read the events, and how far they are published."""
    return bool(_value(connection, MAY_READ_EVENTS))


def last_position(connection: Connection[Any]) -> int:
    """Return the position of the last event; 0 where there is none."""
    return int(_value(connection, LAST_POSITION))


def commands_answered(connection: Connection, source: str) -> int:
    """Return how many commands of a source have their answer for ever; reads all of them."""
    [(answered,)] = connection.execute(ANSWERED, (source,)).fetchall()
    return int(answered)


def table_sizes(connection: Connection) -> dict[str, int]:
    """Return how many bytes the events take with their indexes, these indexes alone, and the answers with theirs."""
    return dict(connection.execute(TABLE_SIZES).fetchall())


def _value(connection: Connection[Any], query: LiteralString) -> Any:
    [(value,)] = connection.cursor(row_factory=tuple_row).execute(query).fetchall()
    return value


def is_shown(connection: Connection, position: int, projections: Mapping[str, int]) -> bool:
    """Tell whether read models, by name and version, have read the event at a position, and so all of its key before.

    None has read what the log does not hold.
    """
    parameters = (list(projections), list(projections.values()), position)
    [(shown,)] = connection.cursor(row_factory=tuple_row).execute(SHOWN, parameters).fetchall()
    return int(shown) == len(projections)


def last_versions(connection: Connection, streams: Iterable[str]) -> dict[str, int | None]:
    """Return the version of the last event of each of these streams; None: it has no event."""
    return dict(connection.execute(LAST_VERSIONS, (list(streams),), prepare=True).fetchall())


def streams_between(connection: Connection, after: str, before: str, limit: int) -> list[str]:
    """Return the names of up to ``limit`` streams between two names, in the order of their bytes."""
    return [name for (name,) in connection.execute(STREAMS, (after, before, limit))]


def last_positions(connection: Connection[Any]) -> dict[str, int]:
    """Return the position of the last event of each partition key; reads the whole log."""
    return dict(connection.cursor(row_factory=tuple_row).execute(LAST_POSITIONS).fetchall())


def first_recorded_from(connection: Connection, instant: datetime) -> int | None:
    """Return the position of the first event recorded at an instant or later, None where there is none yet.

    Once there is one it stays the first for ever: positions only grow.
    """
    row = connection.cursor(row_factory=tuple_row).execute(FIRST_RECORDED_FROM, [instant]).fetchone()
    return row[0] if row else None


def unread_streams(connection: Connection, projection: str, version: int, *, before: int) -> int:
    """Return how many streams have events before a position that a read model has not read; reads the whole log."""
    parameters = (before, projection, version)
    [(unread,)] = connection.cursor(row_factory=tuple_row).execute(UNREAD_STREAMS, parameters).fetchall()
    return int(unread)


def read_streams(
    connection: Connection, after: StreamPlace, before: str, types: Sequence[str], limit: int
) -> list[StreamRow]:
    """Return up to ``limit`` events of whole streams, stream by stream in the order of their names.

    Args:
        connection: To the log.
        after: Behind which event to begin.
        before: The name of a stream that is no longer read, nor any after it.
        types: The stored types whose bodies are wanted.
        limit: Most events returned.
    """
    bounds = (list(types), after.stream, after.version, before, limit)
    return [StreamRow(*row) for row in connection.execute(READ_STREAMS, bounds, prepare=True, binary=True)]


def erased_customers(connection: Connection, within: timedelta) -> dict[str, datetime]:
    """Return the customers who were erased so recently, each with when that was recorded last."""
    return dict(connection.cursor(row_factory=tuple_row).execute(ERASED_CUSTOMERS, (within,)).fetchall())


def last_recorded(connection: Connection[Any], streams: Sequence[str], types: Sequence[str]) -> datetime | None:
    """Return when an event of these types was last recorded on these streams; None: never."""
    cursor = connection.cursor(row_factory=tuple_row)
    found: list[tuple[datetime | None]] = cursor.execute(
        LAST_RECORDED, (list(streams), list(types)), prepare=True
    ).fetchall()
    return found[0][0]


def bodies_of_customers(connection: Connection, type_name: str) -> list[bytes]:
    """Return the bodies of all events of a type on the streams of customers."""
    return [bytes(body) for (body,) in connection.execute(OF_CUSTOMERS, (type_name,))]
