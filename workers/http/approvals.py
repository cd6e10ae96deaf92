"""Commands that somebody means to send and another person has to approve of: kept until that one sends them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection
from psycopg.rows import class_row

from projections.tracking.queues import QueuePage, read_in_order

TABLES: Final = """
CREATE TABLE IF NOT EXISTS rma_http.pending_commands (
    command_id  uuid        PRIMARY KEY,
    name        text        NOT NULL,
    body        jsonb       NOT NULL,
    person      text        NOT NULL COLLATE "C",  -- who means to send it
    person_name text        NOT NULL,
    about       text        NOT NULL,              -- the number of the return, or the order, that it is about
    back        text        NOT NULL,              -- the page from which it was asked
    currency    text        NOT NULL,
    asked_at    timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS pending_commands_asked ON rma_http.pending_commands (asked_at, command_id);
"""
KEEP: Final = """
    INSERT INTO rma_http.pending_commands
        (command_id, name, body, person, person_name, about, back, currency, asked_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (command_id) DO NOTHING
"""
FIND: Final = "SELECT * FROM rma_http.pending_commands WHERE command_id = %s"
PAGE: Final = """
    SELECT * FROM rma_http.pending_commands WHERE (asked_at, command_id) > (%(requested_at)s, %(rma_id)s)
    ORDER BY asked_at, command_id LIMIT %(rows)s
"""
FORGET: Final = "DELETE FROM rma_http.pending_commands WHERE asked_at < now() - interval '30 days'"


@dataclass(frozen=True, slots=True)
class Pending:
    """A command as it will be sent, but for who approves of it."""

    command_id: UUID
    name: str
    body: dict[str, Any]
    person: str
    person_name: str
    about: str
    back: str
    currency: str
    asked_at: datetime


def keep_pending(connection: Connection, pending: Pending) -> None:
    """Keep a command until somebody approves of it; told again it is the same one."""
    body = orjson.dumps(pending.body).decode()
    connection.execute(
        KEEP,
        (pending.command_id, pending.name, body, pending.person, pending.person_name, pending.about, pending.back,
         pending.currency, pending.asked_at),
    )  # fmt: skip


def find_pending(connection: Connection, command_id: UUID) -> Pending | None:
    """Return a command that waits for approval, or None."""
    with connection.cursor(row_factory=class_row(Pending)) as cursor:
        return cursor.execute(FIND, (command_id,)).fetchone()


def drop_pending(connection: Connection, command_id: UUID) -> None:
    """Forget a command: it was sent, turned down, or taken back."""
    connection.execute("DELETE FROM rma_http.pending_commands WHERE command_id = %s", (command_id,))


def read_pending(connection: Connection, limit: int, cursor: str | None) -> QueuePage:
    """Return commands that wait for approval, the oldest first, as ``read_in_order`` does."""
    return read_in_order(connection, PAGE, ("asked_at", "command_id"), limit, cursor)


def forget_pending(connection: Connection) -> None:
    """Forget commands that nobody approved of within a month."""
    connection.execute(FORGET)
