"""What whoever checks the log asks of it, page by page: nothing here uses the code that appends or publishes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from domain.values import dataclass
from infra.records import StoredEvent

EVENT_COLUMNS: Final = ", ".join(StoredEvent._fields)
EVENTS: Final = f"SELECT {EVENT_COLUMNS} FROM rma_log.events WHERE position > %s ORDER BY position LIMIT %s"  # noqa: S608
OF_ID: Final = f"SELECT {EVENT_COLUMNS} FROM rma_log.events WHERE event_id = %s"  # noqa: S608 - column names of our own
OUTCOMES: Final = """
    SELECT seq, source, command_id, fingerprint, status, result, hash FROM rma_log.outcomes
    WHERE seq > %s ORDER BY seq LIMIT %s
"""
OF_KEY: Final = f"""
    SELECT {EVENT_COLUMNS} FROM rma_log.events WHERE partition_key = %s AND position <= %s ORDER BY position
"""  # noqa: S608 - column names of our own
KEY_OF_STREAM: Final = "SELECT partition_key FROM rma_log.events WHERE stream = %s AND version = 1"
TRAIL: Final = f"""
    SELECT {EVENT_COLUMNS} FROM rma_log.events WHERE position > %(after)s
    AND (%(stream)s::text IS NULL OR stream = %(stream)s)
    AND (%(keys)s::text[] IS NULL OR partition_key = ANY(%(keys)s))
    AND (%(actor)s::text IS NULL OR actor = %(actor)s)
    AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s))
    AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)
    ORDER BY position LIMIT %(limit)s
"""  # noqa: S608 - column names of our own
IS_ANSWERED: Final = "SELECT FROM rma_log.outcomes WHERE source = %s AND command_id = %s"
COUNT_FROM: Final = "SELECT count(*) FROM rma_log.events WHERE position > %s"
DOUBLED: Final = """
    SELECT position FROM rma_log.events GROUP BY position HAVING count(*) > 1 ORDER BY position LIMIT 1
"""
STREAM_GAP: Final = """
    SELECT told.position, gap.stream, gap.version, gap.before FROM (
        SELECT stream, version, before FROM (
            SELECT stream, version, lag(version, 1, 0::bigint) OVER (PARTITION BY stream ORDER BY version) AS before
            FROM rma_log.events
        ) AS numbered WHERE version <> before + 1
    ) AS gap JOIN rma_log.events AS told USING (stream, version) ORDER BY told.position LIMIT 1
"""


@dataclass(frozen=True)
class Sought:
    """Which events are asked for; None: whichever.

    Args:
        stream: Of this stream.
        keys: Of one of these orders.
        actor: Of whom.
        types: Of one of these stored types.
        since: Recorded then or later.
        until: Recorded before.
    """

    stream: str | None = None
    keys: list[str] | None = None
    actor: str | None = None
    types: list[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


class StoredOutcome(NamedTuple):
    """A row of ``rma_log.outcomes``, in the order in which answers were given."""

    seq: int
    source: str
    command_id: str
    fingerprint: bytes
    status: str
    result: bytes
    hash: bytes

    @property
    def source_and_id(self) -> tuple[str, str]:
        """The command that was answered."""
        return self.source, self.command_id


class StreamGap(NamedTuple):
    """An event that does not follow the one before it in its stream; ``before`` is that one's version, or 0."""

    position: int
    stream: str
    version: int
    before: int


def events_after(connection: Connection, position: int, limit: int) -> list[StoredEvent]:
    """Return up to so many events behind a position, in log order."""
    return [
        StoredEvent(*row) for row in connection.execute(EVENTS.encode(), (position, limit), prepare=True, binary=True)
    ]


def event_at(connection: Connection, position: int) -> StoredEvent | None:
    """Return the event at a position."""
    found = events_after(connection, position - 1, 1)
    return found[0] if found and found[0].position == position else None


def event_of_id(connection: Connection, event_id: object) -> StoredEvent | None:
    """Return the event with an id; reads the whole log where it has to."""
    row = connection.execute(OF_ID.encode(), (event_id,), binary=True).fetchone()
    return None if row is None else StoredEvent(*row)


def outcomes_after(connection: Connection, seq: int, limit: int) -> list[StoredOutcome]:
    """Return up to so many answers behind a place in their order."""
    return [StoredOutcome(*row) for row in connection.execute(OUTCOMES, (seq, limit), prepare=True, binary=True)]


def events_of_key(connection: Connection, key: str, up_to_position: int) -> list[StoredEvent]:
    """Return the events of an order, or of whatever has the key, up to a position; reads the whole log."""
    return [StoredEvent(*row) for row in connection.execute(OF_KEY.encode(), (key, up_to_position), binary=True)]


def key_of_stream(connection: Connection, stream: str) -> str | None:
    """Return the partition key of a stream, such as the order of a return; None where there is no such stream."""
    row = connection.execute(KEY_OF_STREAM, (stream,)).fetchone()
    return None if row is None else str(row[0])


def events_sought(connection: Connection, sought: Sought, after_position: int, limit: int) -> list[StoredEvent]:
    """Return up to so many events behind a position that are asked for, in log order."""
    given = {**asdict(sought), "after": after_position, "limit": limit}
    return [StoredEvent(*row) for row in connection.execute(TRAIL.encode(), given, binary=True)]


def is_answered(connection: Connection, source: str, command_id: str) -> bool:
    """Tell whether a command has an answer."""
    return connection.execute(IS_ANSWERED, (source, command_id)).fetchone() is not None


def events_counted(connection: Connection, after_position: int) -> int:
    """Return how many events lie behind a position."""
    [(count,)] = connection.cursor(row_factory=tuple_row).execute(COUNT_FROM, (after_position,)).fetchall()
    return int(count)


def doubled_position(connection: Connection) -> int | None:
    """Return the first position that two events have: where somebody took the constraint away."""
    row = connection.cursor(row_factory=tuple_row).execute(DOUBLED).fetchone()
    return None if row is None else int(row[0])


def first_stream_gap(connection: Connection) -> StreamGap | None:
    """Return the first event, by position, whose predecessor its stream lacks; reads an index of the whole log."""
    row = connection.cursor(row_factory=tuple_row).execute(STREAM_GAP).fetchone()
    return None if row is None else StreamGap(*row)
