"""Migrations that have run are never changed: a database made by others is told from ours, in one line."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

import psycopg
import pytest

from infra.addresses import postgres_address
from infra.migrate import MigrationChangedError, migrate
from infra.schema_version import LogIsNewerError, migrations
from infra.settings import Settings
from tests.support.command_line import invoke
from tests.support.pipeline import environment, wait_for
from tests.support.worker_processes import WorkerProcess
from workers.cli.exit_codes import DONE, SAID_NO
from workers.operating.initialising import initialise
from workers.runtime.starting import require_initialised
from workers.runtime.supervisor import command_line

AT_ONCE: Final = 3
INIT_MAX_S: Final = 120
BEGUN: Final = ("rma.ReturnPolicy.Published.v1", "rma.StatuteBook.Published.v1")


def test_a_migration_that_was_changed_is_one_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rma init` names it and says what to do, instead of a traceback; nothing further is run."""
    assert settings.postgres_dsn is not None
    dsn = settings.postgres_dsn.get_secret_value()
    migrate(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE public.rma_migrations SET sha256 = 'other' WHERE name = '0002_read_meta.sql'")
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(MigrationChangedError):
        migrate(dsn)
    said = invoke("init")

    assert said.exit_code == SAID_NO
    assert said.stderr.count("\n") == 1
    assert "migration 0002_read_meta.sql is not the one" in said.stderr


def test_many_who_initialise_at_once_are_one(settings: Settings, tmp_path: Path) -> None:
    """Each ends well; the schemas, the topics, the law and the policy are there once."""
    with ExitStack() as opened:
        files = [opened.enter_context((tmp_path / f"{number}.err").open("wb")) for number in range(AT_ONCE)]
        started = [_begin_to_initialise(settings, file) for file in files]
        codes = [process.wait(INIT_MAX_S) for process in started]

    assert codes == [DONE] * AT_ONCE, [Path(file.name).read_text() for file in files]
    require_initialised(settings)
    with psycopg.connect(postgres_address(settings)) as connection:
        assert connection.execute("SELECT name FROM public.rma_migrations ORDER BY name").fetchall() == [
            (file.name,) for file in migrations()
        ]
        assert connection.execute(
            "SELECT type, count(*) FROM rma_log.events GROUP BY type ORDER BY type"
        ).fetchall() == [(BEGUN[0], 1), (BEGUN[1], 1)]


def _begin_to_initialise(settings: Settings, said: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        command_line("init"),
        env={**os.environ, **environment(settings)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
    )


def test_a_migration_that_adds_only_holds_no_older_worker_up(settings: Settings, tmp_path: Path) -> None:
    """Workers of the release before go on beside a newer schema that says so, and end where it does not."""
    initialise(settings)
    worker = WorkerProcess("relay", "relay", settings, tmp_path)
    with psycopg.connect(postgres_address(settings), autocommit=True) as connection:
        connection.execute("ALTER TABLE rma_log.relays ADD COLUMN later text")
        plant = "INSERT INTO public.rma_migrations (name, sha256) VALUES (%s, '')"
        connection.execute(plant, ("9998_later.additive.sql",))
        worker.start()
        wait_for(lambda: worker.log.exists() and "relay_leads" in worker.log.read_text(), "the relay to lead")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        wait_for(lambda: worker.log.read_text().count("relay_leads") == 2, "the relay to lead again")
        assert worker.end() == DONE, worker.what_it_said()

        connection.execute(plant, ("9999_other.sql",))
    with pytest.raises(LogIsNewerError, match="9999_other"):
        migrate(postgres_address(settings))
    worker.start()
    wait_for(lambda: not worker.runs, "the relay to end")
    assert worker.process.exitcode == SAID_NO
