"""The database's schema, brought up to date by numbered files that only go forward."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

MIGRATIONS: Final = Path(__file__).parent / "migrations"
MIGRATION_LOCK: Final = 0x524D4101
"""Advisory lock that lets one process migrate at a time."""


class MigrationChangedError(Exception):
    """A migration that has already run was edited afterwards."""


def migrate(dsn: str) -> list[str]:
    """Run the migrations that this database has not seen, each in its own transaction; return their names.

    Safe to repeat and to run from several processes at once.

    Raises:
        MigrationChangedError: A file differs from what was run under its name.
        psycopg.Error: The database cannot be reached or refuses a statement.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS public.rma_migrations "
            "(name text PRIMARY KEY, sha256 text NOT NULL, run_at timestamptz NOT NULL DEFAULT now())"
        )
        files = sorted(MIGRATIONS.glob("[0-9]*.sql"))
        return [file.name for file in files if _run_once(connection, file)]


def _run_once(connection: Connection[Any], file: Path) -> bool:
    statements = file.read_bytes()
    digest = hashlib.sha256(statements).hexdigest()
    known = connection.execute("SELECT sha256 FROM public.rma_migrations WHERE name = %s", (file.name,)).fetchone()
    if known is not None:
        if known[0] != digest:
            raise MigrationChangedError(f"{file.name} was changed after it had run")
        return False
    with connection.transaction():
        connection.execute(sql.SQL(statements.decode()))
        connection.execute("INSERT INTO public.rma_migrations (name, sha256) VALUES (%s, %s)", (file.name, digest))
    return True
