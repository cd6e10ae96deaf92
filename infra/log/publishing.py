"""What the relay reads of the log: rows whose columns are bytes already, as they are published.

PostgreSQL writes numbers, ids and hashes out in less time than this program takes to make objects of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from psycopg import Connection, Cursor
from psycopg.types.string import ByteaBinaryLoader

# "e.position" in the order: its own name would be that of the column of the result, and sort the text
EVENTS: Final = """
    SELECT position::text, version::text, event_id::text, stream, type, occurred_at, recorded_at,
           encode(prev_hash, 'hex'), sealed_key_id, partition_key, body,
           causation_id, actor, command_id, command_source, correlation_id
    FROM rma_log.events AS e WHERE e.position > %s ORDER BY e.position LIMIT %s
"""
MESSAGES: Final = """
    SELECT seq, topic, key, array_send(header_names), header_values, value
    FROM rma_log.outbox WHERE seq > %s AND after_position <= %s ORDER BY seq LIMIT %s
"""

EventRow = tuple[
    bytes, bytes, bytes, bytes, bytes, datetime, datetime, bytes, bytes | None, bytes, bytes,
    bytes, bytes, bytes, bytes, bytes,
]  # fmt: skip
"""A row of ``EVENTS``; times are in UTC."""

MessageRow = tuple[int, bytes, bytes | None, bytes, list[bytes], bytes]
"""A row of ``MESSAGES``; the names of its headers are an array as PostgreSQL sends it."""


def events_after(connection: Connection, position: int, limit: int) -> list[EventRow]:
    """Return up to ``limit`` events that follow a position, in log order."""
    return _in_bytes(connection).execute(EVENTS, (position, limit), prepare=True).fetchall()


def messages_after(connection: Connection, seq: int, up_to_position: int, limit: int) -> list[MessageRow]:
    """Return up to ``limit`` messages after a sequence number whose events are at or before a position."""
    bounds = (seq, up_to_position, limit)
    return _in_bytes(connection).execute(MESSAGES, bounds, prepare=True).fetchall()


def _in_bytes(connection: Connection) -> Cursor:
    """Return a cursor that leaves texts the bytes that they are."""
    cursor = connection.cursor(binary=True)
    cursor.adapters.register_loader("text", ByteaBinaryLoader)
    return cursor
