"""A floor: the log's rows copied into a table such as its own, with nothing decided and nothing published."""

from __future__ import annotations

from typing import Final

from psycopg import Connection, sql

from infra.log.queries import events_at, last_position
from infra.records import StoredEvent

GROUP: Final = 500
"""Rows of one COPY, which is one transaction."""
TYPES: Final = (
    "int8", "text", "int8", "uuid", "text", "timestamptz", "timestamptz", "text", "text", "text", "text", "text",
    "text", "bytea", "bytea", "text", "bytea",
)  # fmt: skip
"""Of the columns, as the log has them."""

NAMES: Final = [sql.Identifier(name) for name in StoredEvent._fields]
COLUMNS: Final = sql.SQL(", ").join(
    sql.SQL("{} {}").format(name, sql.SQL(t)) for name, t in zip(NAMES, TYPES, strict=True)
)
TABLE: Final = sql.SQL(
    "CREATE TABLE public.bench_floor ({}, PRIMARY KEY (position), UNIQUE (stream, version), UNIQUE (event_id))"
).format(COLUMNS)
COPY: Final = sql.SQL("COPY public.bench_floor ({}) FROM STDIN (FORMAT BINARY)").format(sql.SQL(", ").join(NAMES))


def rows_of(connection: Connection) -> list[StoredEvent]:
    """Return all rows of the log, and make the table that they are copied to."""
    connection.execute("DROP TABLE IF EXISTS public.bench_floor")
    connection.execute(TABLE)
    return list(events_at(connection, range(1, last_position(connection) + 1)).values())


def take(connection: Connection, rows: list[StoredEvent]) -> int:
    """Copy rows group by group, each in a transaction of its own; return how many."""
    for first in range(0, len(rows), GROUP):
        with connection.transaction(), connection.cursor().copy(COPY) as into:
            into.set_types(TYPES)
            for row in rows[first : first + GROUP]:
                into.write_row(row)
    return len(rows)
