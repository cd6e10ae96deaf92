"""The database's schema, brought up to date by numbered files that only go forward."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from psycopg import Connection, sql

from domain.errors import RmaError
from infra.schema_version import migrations
from infra.sessions import LOCK_TIMEOUT_MS, SCHEMA_CHANGE_MAX_MS, connect

MIGRATION_LOCK: Final = 0x524D4101
"""Advisory lock that lets one process migrate at a time."""


class MigrationChangedError(RmaError):
    """A migration that has run differs from the one of this version: its file was edited, or is another build's."""

    code = "migration_changed"

    def __init__(self, name: str) -> None:
        super().__init__(f"migration {name} is not the one that this database was made with: run an unchanged version")


def migrate(dsn: str) -> list[str]:
    """Run the migrations that this database has not seen, each in its own transaction; return their names.

    Safe to repeat and to run from several processes at once.

    Raises:
        LogIsNewerError: A newer version has migrated the database.
        MigrationChangedError: A file differs from what was run under its name.
        psycopg.Error: The database cannot be reached or refuses a statement.
    """
    with closing(connect(dsn, statement_timeout_ms=SCHEMA_CHANGE_MAX_MS)) as connection:
        with _alone(connection):
            connection.execute(
                "CREATE TABLE IF NOT EXISTS public.rma_migrations "
                "(name text PRIMARY KEY, sha256 text NOT NULL, run_at timestamptz NOT NULL DEFAULT now())"
            )
        return [file.name for file in migrations() if _run_once(connection, file)]


def pending_migrations(connection: Connection) -> list[str]:
    """Return the names of migrations that are still to run; raises ``psycopg.errors.UndefinedTable`` where all are."""
    run = {name for (name,) in connection.execute("SELECT name FROM public.rma_migrations")}
    return [file.name for file in migrations() if file.name not in run]


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Run the block as a transaction that no other process's overlaps; of tables' locks it waits for none for long."""
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = {SCHEMA_CHANGE_MAX_MS}")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        yield


def _run_once(connection: Connection, file: Path) -> bool:
    statements = file.read_bytes()
    digest = hashlib.sha256(statements).hexdigest()
    known_digest = "SELECT sha256 FROM public.rma_migrations WHERE name = %s"
    with _alone(connection):
        known = connection.execute(known_digest, (file.name,)).fetchone()
        if known is not None:
            if known[0] != digest:
                raise MigrationChangedError(file.name)
            return False
        connection.execute(sql.SQL(statements.decode()))
        connection.execute("INSERT INTO public.rma_migrations (name, sha256) VALUES (%s, %s)", (file.name, digest))
    return True
