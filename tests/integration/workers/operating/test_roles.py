"""Each worker's role may do what the table of rights says, and nothing else, on any table there is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from threading import Event
from typing import Final
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.roles import RoleMissingError, as_role, role_of
from infra.sealing.vault import open_vault
from infra.sessions import SILENCE_MAX_MS, connect, end_the_silent
from infra.settings import Settings
from workers.operating.initialising import initialise
from workers.operating.rights import RIGHTS, rights_on
from workers.registry import WORKERS, worker_named
from workers.runtime.supervisor import command_line

ALL_TABLES: Final = """
    SELECT n.nspname, c.relname, a.attname, c.relkind
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = 1
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""
TRIALS: Final = {
    "SELECT": "SELECT FROM {table} LIMIT 0",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = DEFAULT WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table}",
    "DROP": "DROP {kind} {table}",
}
"""Statements that need the right that they are named for, and no other."""


REFUSED: Final = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ObjectNotInPrerequisiteState,  # a view that nobody can write to
    psycopg.errors.GeneratedAlways,  # a column of a view that only its table fills
    psycopg.errors.WrongObjectType,  # a view that nobody can empty
)


ANOTHERS_ROW: Final = "row-level security"
"""Said where a role may write to a table, and this row is not its own."""


@pytest.fixture
def roled(settings: Settings) -> Settings:
    """An initialised system whose workers take roles."""
    given = settings.model_copy(update={"postgres_roles": True})
    initialise(given)
    return given


@pytest.fixture
def owner(roled: Settings) -> Iterator[Connection]:
    with closing(psycopg.connect(postgres_address(roled), autocommit=True)) as connection:
        yield connection


def may(connection: Connection, statement: sql.Composed) -> bool:
    """Tell whether a session has the right to a statement, whatever else stands against it; nothing stays done."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except REFUSED as refused:
        return ANOTHERS_ROW in str(refused)
    except psycopg.Error:
        return True
    return True


def trial_of(trial: str, table: sql.Identifier, column: str, kind: str) -> sql.Composed:
    what = sql.SQL({"v": "VIEW", "m": "MATERIALIZED VIEW"}.get(kind, "TABLE"))
    return sql.SQL(trial).format(table=table, column=sql.Identifier(column), kind=what)


def test_every_statement_on_every_table_is_tried_as_every_role(roled: Settings, owner: Connection) -> None:
    """What the one table of rights does not name is refused: nobody changes an event, and nobody empties a table."""
    tables = owner.execute(ALL_TABLES).fetchall()
    assert len(tables) > 80

    for role in RIGHTS:
        with closing(psycopg.connect(as_role(postgres_address(roled), role), autocommit=True)) as connection:
            found = {
                (f"{schema}.{name}", right)
                for schema, name, column, kind in tables
                for right, trial in TRIALS.items()
                if may(connection, trial_of(trial, sql.Identifier(schema, name), column, kind))
            }
        said = {
            (table, right)
            for schema, name, *_ in tables
            for table in [f"{schema}.{name}"]
            for right in rights_on(role, table)
        }
        assert found ^ said == set(), role


@pytest.mark.parametrize("own", ["tracking", "deadlines"])
def test_who_reads_events_moves_his_own_position_alone(roled: Settings, owner: Connection, own: str) -> None:
    """All of them see where each stands; another's rows are neither moved nor added, nor after `rma init` once more."""
    places = [("tracking", 1), ("refund_ledger", 2), ("deadlines", 3)]
    owner.execute("DELETE FROM rma_read_meta.positions")
    initialise(roled)
    for projection, offset in places:
        owner.execute("INSERT INTO rma_read_meta.positions VALUES (%s, 1, 0, %s, 0, now())", (projection, offset))

    with closing(psycopg.connect(as_role(postgres_address(roled), role_of(own)), autocommit=True)) as connection:
        seen = connection.execute("SELECT projection, next_offset FROM rma_read_meta.positions").fetchall()
        assert sorted(seen) == sorted(places)
        moved = "UPDATE rma_read_meta.positions SET next_offset = 99 RETURNING projection"
        assert connection.execute(moved).fetchall() == [(own,)]
        for table, row in (("positions", "1, 7, 0, 0, now()"), ("stream_versions", "1, 'order/x', 1")):
            add = f"INSERT INTO rma_read_meta.{table} SELECT %s, {row}".encode()
            connection.execute(add, (own,))
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=ANOTHERS_ROW):
                connection.execute(add, ("refund_ledger",))


def test_no_role_changes_an_event_or_an_answer() -> None:
    """However the table of rights is changed, the log grows and does nothing else."""
    for role in RIGHTS:
        for table in ("rma_log.events", "rma_log.outcomes"):
            assert rights_on(role, table) <= {"SELECT", "INSERT"}
            assert "INSERT" not in rights_on(role, table) or role == "rma_commands"


def test_the_vault_may_end_who_stands_in_its_way(settings: Settings) -> None:
    """Its session waits for locks under a role of its own, as those of workers do."""
    initialise(settings)
    with closing(open_vault(settings)) as vault:
        assert vault.connection.execute("SELECT current_user").fetchone() == ("rma_vault",)
        end_the_silent(vault.connection)


def test_every_worker_has_a_role(owner: Connection) -> None:
    """A worker that is new needs a line in the table of rights."""
    assert {role_of(worker.name) for worker in WORKERS} == set(RIGHTS)
    made = {name for (name,) in owner.execute("SELECT rolname FROM pg_roles WHERE NOT rolcanlogin").fetchall()}
    assert set(RIGHTS) <= made


def test_a_right_that_was_taken_off_the_table_goes_with_the_next_init(roled: Settings, owner: Connection) -> None:
    """So it is when somebody granted more by hand."""
    owner.execute("GRANT DELETE ON rma_log.events TO rma_relay")

    assert initialise(roled).roles == []
    [(may_delete,)] = owner.execute("SELECT has_table_privilege('rma_relay', 'rma_log.events', 'DELETE')").fetchall()
    assert not may_delete


def test_a_worker_whose_role_is_not_there_says_what_to_do(settings: Settings, roled: Settings) -> None:
    """One that logs in without being a member is told the statement; it does not wait for it to come."""
    login = f"stranger_{uuid4().hex[:12]}"
    with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'pw'").format(sql.Identifier(login)))
        server.execute(sql.SQL("GRANT rma_http TO {}").format(sql.Identifier(login)))  # so that it may look at all
        try:
            dsn = SecretStr(make_conninfo(postgres_address(settings), user=login, password="pw"))  # noqa: S106 - a test's
            stranger = roled.model_copy(update={"postgres_dsn": dsn})
            with pytest.raises(RoleMissingError, match=f"GRANT rma_relay TO {login}"):
                worker_named("relay").run(stranger, Event())
        finally:
            server.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(*2 * [sql.Identifier(login)]))


def test_a_role_sees_its_logins_silent_sessions(roled: Settings) -> None:
    """A worker that waits for a lock can still end whoever fell silent with it; there is none now."""
    with closing(connect(as_role(postgres_address(roled), "rma_commands"))) as connection:
        assert connection.execute("SELECT current_user, session_user <> current_user").fetchone() == (
            "rma_commands",
            True,
        )
        connection.execute("RESET ROLE")
        assert connection.execute("SELECT current_user").fetchone() == ("rma_commands",)
        assert end_the_silent(connection) == 0
        assert SILENCE_MAX_MS


def test_a_whole_story_runs_with_roles(settings: Settings) -> None:
    """The demo, with every worker as its role and a gateway: nothing that it does needs a right that is not there."""
    ran = subprocess.run(  # noqa: S603 - our own command line
        command_line("demo"),
        env={**os.environ, **settings.model_copy(update={"postgres_roles": True}).as_environment()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-3_000:] + ran.stderr[-3_000:]
