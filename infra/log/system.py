"""What a system was made with and must keep, whatever a process is told later: kept once, beside the log."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection
from psycopg.rows import tuple_row

FIND: Final = "SELECT value FROM rma_log.system WHERE name = %s"
KEEP: Final = "INSERT INTO rma_log.system (name, value) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING"
CHANGE: Final = """
    INSERT INTO rma_log.system (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
ANY_EVENT: Final = "SELECT EXISTS (SELECT FROM rma_log.events)"


def remembered(connection: Connection[Any], name: str) -> str | None:
    """Return what was remembered under a name, or None where nothing was."""
    row = connection.cursor(row_factory=tuple_row).execute(FIND, (name,)).fetchone()
    return None if row is None else str(row[0])


def remember(connection: Connection[Any], name: str, value: str) -> str:
    """Remember a value unless there is one already; return the one that holds from now on."""
    connection.execute(KEEP, (name, value))
    return remembered(connection, name) or value


def remember_anew(connection: Connection[Any], name: str, value: str) -> None:
    """Remember a value instead of whatever was remembered before."""
    connection.execute(CHANGE, (name, value))


def holds_events(connection: Connection) -> bool:
    """Tell whether the log holds any event."""
    [(found,)] = connection.execute(ANY_EVENT).fetchall()
    return bool(found)
