"""A log of millions of events in minutes: the events of some returns that were decided, again under other names.

Rows, indexes and sizes are those of a log that grew event by event: each row went in through every index, the streams
of returns and the ids of commands at random, those of orders one after the other. Hashes are copied and prove nothing:
this is for measuring.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import Connection

from infra.records import StoredEvent

COPIES_AT_ONCE: Final = 10
"""Of the model, in one transaction."""

MODEL: Final = """
    CREATE TEMP TABLE model_events AS
        SELECT row_number() OVER (ORDER BY position) AS place, e.* FROM rma_log.events AS e
        WHERE stream LIKE 'order/%' OR stream LIKE 'rma/%';
    CREATE TEMP TABLE model_outcomes AS
        SELECT row_number() OVER (ORDER BY seq) AS place, o.* FROM rma_log.outcomes AS o
        WHERE command_id IN (SELECT command_id FROM model_events);
"""
COUNTS: Final = """
    SELECT (SELECT count(*) FROM model_events), (SELECT count(*) FROM model_outcomes),
           (SELECT count(DISTINCT stream) FROM model_events WHERE stream LIKE 'order/%'),
           (SELECT max(position) FROM rma_log.events), (SELECT max(seq) FROM rma_log.outcomes)
"""
NAMED: Final = {
    "position": "%(position)s + (copy - %(first)s) * %(events)s + place",
    "stream": """
        CASE WHEN stream LIKE 'order/%%' THEN 'order/B-' || copy * %(orders)s + split_part(stream, '-', 2)::bigint
        ELSE 'rma/' || md5(copy || stream)::uuid END
    """,
    "event_id": "md5(copy || event_id::text)::uuid",
    "command_id": "md5(copy || command_id)::uuid::text",
    "seq": "%(seq)s + (copy - %(first)s) * %(outcomes)s + place",
}
"""What differs from copy to copy, in SQL."""
OUTCOME_COLUMNS: Final = ("source", "command_id", "fingerprint", "status", "result", "seq", "hash")


def fill(connection: Connection, events: int, tell: Callable[[str], None]) -> int:
    """Copy the log's orders and returns until it holds so many events, or a few more; return how many it holds.

    Args:
        connection: A session of its own, autocommit; leaves tables behind that end with it.
        events: How many to reach.
        tell: Gets a sentence now and then.
    """
    connection.execute("SET synchronous_commit = off")
    connection.execute(MODEL)
    [(of_copy, answers, orders, position, seq)] = connection.execute(COUNTS).fetchall()
    given = {"events": of_copy, "outcomes": answers, "orders": orders}
    copy = 1
    while position < events:
        last = copy + min(COPIES_AT_ONCE, -(-(events - position) // of_copy)) - 1
        here = given | {"position": position, "seq": seq, "first": copy, "last": last}
        with connection.transaction():
            connection.execute(_copied("rma_log.events", "model_events", StoredEvent._fields), here)
            connection.execute(_copied("rma_log.outcomes", "model_outcomes", OUTCOME_COLUMNS), here)
        position, seq = position + (last - copy + 1) * of_copy, seq + (last - copy + 1) * answers
        tell(f"{position:,} of {events:,} events")
        copy = last + 1
    _settle(connection)
    return int(position)


def _copied(table: str, model: str, columns: tuple[str, ...]) -> bytes:
    names, values = ", ".join(columns), ", ".join(NAMED.get(name, name) for name in columns)
    query = f"""
        INSERT INTO {table} ({names})
        SELECT {values} FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS copy
        CROSS JOIN LATERAL (SELECT * FROM {model} ORDER BY place) AS model
    """  # noqa: S608 - names of our own
    return query.encode()


def _settle(connection: psycopg.Connection) -> None:
    """Leave it as it is found after a quiet minute: looked over by a vacuum, all of it on disk."""
    connection.execute("VACUUM (ANALYZE) rma_log.events, rma_log.outcomes")
    connection.execute("CHECKPOINT")
