"""What others ask of the log, each question with a name: nobody else has SQL on its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

IDS_AT: Final = """
    SELECT e.position, e.event_id, e.correlation_id FROM unnest(%s::bigint[]) AS asked (position)
    JOIN rma_log.events AS e USING (position)
"""
LAST_POSITIONS: Final = "SELECT partition_key, max(position) FROM rma_log.events GROUP BY partition_key"


class EventIds(NamedTuple):
    """What a command that answers an event names: the event as its cause, and what both belong to."""

    event_id: UUID
    correlation_id: str


def ids_at(connection: Connection, positions: Iterable[int]) -> dict[int, EventIds]:
    """Return the ids of the events at these positions of the log, by position."""
    rows = connection.execute(IDS_AT, (list(set(positions)),), prepare=True).fetchall()
    return {position: EventIds(*ids) for position, *ids in rows}


def last_positions(connection: Connection[Any]) -> dict[str, int]:
    """Return the position of the last event of each partition key; reads the whole log."""
    return dict(connection.cursor(row_factory=tuple_row).execute(LAST_POSITIONS).fetchall())
