"""What the door keeps for itself in PostgreSQL, schema ``rma_http``: malformed answers, its place in them, a secret."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection

from infra.roles import may_make_tables
from workers.http import approvals, carrier_news, evidence_store, mails, staff, visitors

SECRET_BYTES: Final = 32
LOCK: Final = 0x524D4801
"""Advisory lock under which the tables are made."""
TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS rma_http;
CREATE TABLE IF NOT EXISTS rma_http.malformed (
    source     text        NOT NULL COLLATE "C",
    command_id text        NOT NULL COLLATE "C",
    result     bytea       NOT NULL,
    told_at    timestamptz NOT NULL,
    PRIMARY KEY (source, command_id)
);
CREATE INDEX IF NOT EXISTS malformed_told ON rma_http.malformed (told_at);
CREATE TABLE IF NOT EXISTS rma_http.results_read (
    partition   integer PRIMARY KEY,
    next_offset bigint  NOT NULL
);
CREATE TABLE IF NOT EXISTS rma_http.secrets (
    name  text  PRIMARY KEY,
    value bytea NOT NULL
);
"""
KEEP: Final = """
    INSERT INTO rma_http.malformed (source, command_id, result, told_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (source, command_id) DO UPDATE SET result = excluded.result, told_at = excluded.told_at
    WHERE rma_http.malformed.told_at < excluded.told_at
"""
READ_TO: Final = """
    INSERT INTO rma_http.results_read AS known (partition, next_offset)
    SELECT * FROM unnest(%s::integer[], %s::bigint[])
    ON CONFLICT (partition) DO UPDATE SET next_offset = greatest(known.next_offset, excluded.next_offset)
"""
FORGET: Final = "DELETE FROM rma_http.malformed WHERE told_at < now() - interval '7 days'"
FIND: Final = "SELECT result FROM rma_http.malformed WHERE source = %s AND command_id = %s"
OFFSETS: Final = "SELECT partition, next_offset FROM rma_http.results_read"


@dataclass(frozen=True, slots=True)
class MalformedAnswer:
    """An answer to a command that could not be read, as the bytes that were published."""

    source: str
    command_id: str
    result: bytes
    told_at: datetime


def prepare(connection: Connection) -> None:
    """Make the tables; safe to repeat, and for several processes at once. Whose role may not finds them made."""
    if not may_make_tables(connection):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for made in (
            TABLES,
            evidence_store.TABLES,
            carrier_news.TABLES,
            visitors.TABLES,
            mails.TABLES,
            staff.TABLES,
            approvals.TABLES,
        ):
            connection.execute(made.encode())


def secret(connection: Connection, name: str) -> bytes:
    """Return a secret that all doors of a system share, made by the first that asks."""
    make = "INSERT INTO rma_http.secrets (name, value) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING"
    connection.execute(make, (name, secrets.token_bytes(SECRET_BYTES)))
    [(value,)] = connection.execute("SELECT value FROM rma_http.secrets WHERE name = %s", (name,)).fetchall()
    return bytes(value)


def offsets_read(connection: Connection) -> dict[int, int]:
    """Return, by partition of the results topic, what has to be read next."""
    return dict(connection.execute(OFFSETS).fetchall())


def keep(connection: Connection, answers: Sequence[MalformedAnswer], read_to: Mapping[int, int]) -> None:
    """Keep malformed answers, forget those that are too old, and note how far the topic was read: all or nothing."""
    with connection.transaction():
        for answer in answers:
            connection.execute(KEEP, (answer.source, answer.command_id, answer.result, answer.told_at))
        connection.execute(FORGET)
        connection.execute(READ_TO, (list(read_to), list(read_to.values())))


def malformed_answer(connection: Connection, source: str, command_id: str) -> bytes | None:
    """Return the kept answer to a malformed command, or None."""
    row = connection.execute(FIND, (source, command_id)).fetchone()
    return None if row is None else bytes(row[0])
