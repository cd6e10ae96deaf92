"""A password never shows: not in what workers say, however they fail, and not among the machine's processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from infra.settings import Settings
from tests.support.pipeline import wait_for
from workers.operating.initialising import initialise
from workers.runtime.supervisor import command_line

CANARY: Final = f"canary-{uuid4().hex}"
EXIT_TIMEOUT_S: Final = 60.0
CUT_OFF: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
DEFECT: Final = """
import psycopg
from workers.cli import app
from workers.command_worker import worker

def fails(settings, stop, metrics, **_):
    with psycopg.connect(settings.postgres_dsn.get_secret_value()) as connection:
        raise ZeroDivisionError(f"{settings} {connection!r}")

worker.run = fails
app.main()
"""


@pytest.fixture
def system(settings: Settings) -> Iterator[Settings]:
    """A system whose database is reached by a user with a password that nobody else has."""
    initialise(settings)
    assert settings.postgres_dsn is not None
    admin, user = settings.postgres_dsn.get_secret_value(), f"canary_{uuid4().hex[:12]}"
    with psycopg.connect(admin, autocommit=True) as server:
        name, password = sql.Identifier(user), sql.Literal(CANARY)
        server.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(name, password))
        try:
            dsn = SecretStr(make_conninfo(admin, user=user, password=CANARY))
            yield settings.model_copy(update={"postgres_dsn": dsn, "log_level": "debug"})
        finally:
            server.execute(CUT_OFF, [user])
            server.execute(sql.SQL("DROP ROLE {}").format(name))


@contextmanager
def at_work(settings: Settings, said: Path, *options: str) -> Iterator[psutil.Popen]:
    """Run `rma work` as a process; what it says goes into a file."""
    with said.open("wb") as file:
        process = psutil.Popen(
            command_line("work", *options),
            env={**os.environ, **settings.as_environment()},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(EXIT_TIMEOUT_S)


def refuse_password(settings: Settings, admin: SecretStr | None) -> None:
    """Give the workers' user another password, and end its sessions."""
    assert settings.postgres_dsn is not None
    assert admin is not None
    user = psycopg.conninfo.conninfo_to_dict(settings.postgres_dsn.get_secret_value())["user"]
    with psycopg.connect(admin.get_secret_value(), autocommit=True) as server:
        server.execute(sql.SQL("ALTER ROLE {} PASSWORD 'another'").format(sql.Identifier(str(user))))
        server.execute(CUT_OFF, [user])


def command_lines() -> list[str]:
    """Return what `ps` shows of every process on this machine."""
    found = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert len(found) > 1
    return [" ".join(words or ()) for words in found]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_workers_that_lose_their_session_say_no_password(
    system: Settings, settings: Settings, tmp_path: Path, log_format: str
) -> None:
    """At work and refused by PostgreSQL, in each format and at every level; `ps` shows none while they run."""
    said = tmp_path / "said.log"
    with at_work(
        system.model_copy(update={"log_format": log_format}),
        said,
        *("all", "--without", "tracking", "--without", "return_reasons", "--without", "deadlines"),
    ) as process:
        wait_for(lambda: "relay_leads" in said.read_text(), "the relay to lead")
        assert len(process.children()) >= 3
        assert not [line for line in command_lines() if CANARY in line]
        refuse_password(system, settings.postgres_dsn)
        wait_for(lambda: "password authentication failed" in said.read_text(), "the workers to be refused")

    assert CANARY not in said.read_text()


def test_a_traceback_shows_no_password(system: Settings) -> None:
    """A defect ends a worker with all that helps to find it, its settings and its session among it."""
    ran = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-c", DEFECT, "work", "commands"],
        env={**os.environ, **system.as_environment()},
        capture_output=True,
        text=True,
        timeout=EXIT_TIMEOUT_S,
        check=False,
    )

    assert ran.returncode != 0
    assert "ZeroDivisionError: " in ran.stderr
    assert "postgres_dsn=" in ran.stderr
    assert CANARY not in ran.stdout + ran.stderr
