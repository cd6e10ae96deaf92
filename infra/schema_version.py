"""Which migrations a database has seen, and that none of them is unknown here: a newer version's log is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from psycopg import Connection

from domain.errors import RmaError

MIGRATIONS: Final = Path(__file__).parent / "migrations"
MIGRATED: Final = "SELECT to_regclass('public.rma_migrations') IS NOT NULL"
UNKNOWN: Final = """
    SELECT name FROM public.rma_migrations WHERE name <> ALL(%s) AND name NOT LIKE '%%' || %s
    ORDER BY name DESC LIMIT 1
"""
ADDITIVE: Final = ".additive.sql"
"""How the name of a migration ends that only adds what older workers neither read nor have to fill: they go on."""


class LogIsNewerError(RmaError):
    """A newer version of this program has been at work on the database; this one could misread what it wrote."""

    code = "log_is_newer"

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"the database is at migration {found}, this version knows up to {known}: "
            "run the version that migrated it, or a later one"
        )


def migrations() -> list[Path]:
    """Return the migrations that this version knows, the oldest first."""
    return sorted(MIGRATIONS.glob("[0-9]*.sql"))


def refuse_newer(connection: Connection) -> None:
    """Raise ``LogIsNewerError`` where a migration has run that this version does not know, and that is not additive."""
    [(is_migrated,)] = connection.execute(MIGRATED).fetchall()
    if not is_migrated:
        return
    known = [file.name for file in migrations()]
    row = connection.execute(UNKNOWN, (known, ADDITIVE)).fetchone()
    if row is not None:
        raise LogIsNewerError(row[0].removesuffix(".sql"), known[-1].removesuffix(".sql"))
