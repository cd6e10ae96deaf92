"""Migrations that have run are never changed: a database made by others is told from ours, in one line."""

from __future__ import annotations

import psycopg
import pytest

from infra.migrate import MigrationChangedError, migrate
from infra.settings import Settings
from tests.support.command_line import invoke
from tests.support.pipeline import environment
from workers.cli.exit_codes import SAID_NO


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
