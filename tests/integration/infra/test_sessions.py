"""A session whose client stands still is ended by the server, wherever it stands, and what it held is free again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

import psycopg
import pytest
from psycopg import Connection

from infra import sessions
from infra.migrate import migrate
from infra.sessions import Session, connect, end_the_silent, try_to_lead
from tests.support.pipeline import wait_for

SHORT_MS: Final = 1_000
LOCK: Final = 4_711
ROWS_BEYOND_EVERY_BUFFER: Final = 100_000


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of a second instead of ten: what is tested is that there is one."""
    monkeypatch.setattr(sessions, "SILENCE_MAX_MS", SHORT_MS)
    monkeypatch.setattr(sessions, "LEAD_SILENCE_MAX_MS", SHORT_MS)
    monkeypatch.setattr(sessions, "LOCK_TIMEOUT_MS", SHORT_MS)


@pytest.fixture
def watcher(postgres_dsn: str) -> Iterator[Connection]:
    with closing(psycopg.connect(postgres_dsn, autocommit=True)) as connection:
        yield connection


def between_statements(session: Connection) -> None:
    """Begin a transaction and say nothing more."""
    session.execute("BEGIN")
    session.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def before_the_end_of_a_statement(session: Connection) -> None:
    """Send the beginning of a long statement of a transaction, and never the rest."""
    between_statements(session)
    os.write(session.fileno(), b"Q" + (1_000_000).to_bytes(4, "big") + b"SELECT '")


def before_the_end_of_a_result(session: Connection) -> None:
    """Ask for more than fits on the way, and read nothing."""
    session.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    query = f"SELECT repeat('x', 1000) FROM generate_series(1, {ROWS_BEYOND_EVERY_BUFFER})"
    session.pgconn.send_query(query.encode())


def before_the_end_of_a_result_in_a_transaction(session: Connection) -> None:
    """Ask inside a transaction for more than fits on the way, and read nothing."""
    session.execute("BEGIN")
    before_the_end_of_a_result(session)


def leading(session: Connection) -> None:
    """Have the lead, outside of any transaction, and say nothing more."""
    assert try_to_lead(session, LOCK)


@pytest.mark.parametrize(
    "stand_still",
    [
        between_statements,
        before_the_end_of_a_statement,
        before_the_end_of_a_result,
        before_the_end_of_a_result_in_a_transaction,
        leading,
    ],
)
def test_a_session_that_stands_still_is_ended(
    postgres_dsn: str, watcher: Connection, stand_still: Callable[[Connection], None]
) -> None:
    """Wherever its client stopped, the session's lock is another's after the bound."""
    with closing(connect(postgres_dsn)) as session:
        stand_still(session)
        assert not free(watcher)

        wait_for(lambda: free(watcher), "the lock of a session that stands still")


def before_the_end_of_what_belongs_together(session: Connection) -> None:
    """Send a statement of a transaction, and not the message that ends it."""
    between_statements(session)
    session.pgconn.enter_pipeline_mode()
    session.pgconn.send_query_params(b"SELECT 1", None)
    session.pgconn.send_flush_request()
    session.pgconn.flush()


def test_a_session_that_counts_as_active_is_ended_by_who_waits(postgres_dsn: str, watcher: Connection) -> None:
    """The server would keep it for ever; whoever waits for its lock ends it, and none that works or is only idle."""
    migrate(postgres_dsn)
    with closing(connect(postgres_dsn)) as session, closing(connect(postgres_dsn)) as idle:
        before_the_end_of_what_belongs_together(session)
        waiting = Session(postgres_dsn)
        assert end_the_silent(waiting.connection) == 0
        time.sleep(2 * SHORT_MS / 1000)
        assert not free(watcher)

        with closing(waiting), pytest.raises(psycopg.errors.LockNotAvailable), waiting.waiting_for_locks():
            waiting.connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))

        wait_for(lambda: free(watcher), "the lock of a session that stands still")
        assert idle.execute("SELECT 1").fetchall() == [(1,)]


def free(watcher: Connection) -> bool:
    """Tell whether the lock could be had."""
    [(had,)] = watcher.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchall()
    return bool(had)


def test_a_session_that_is_only_idle_stays(postgres_dsn: str) -> None:
    """Outside of transactions, and without the lead, a worker may wait for its next record as long as it likes."""
    with closing(connect(postgres_dsn)) as session:
        time.sleep(2 * SHORT_MS / 1000)

        assert session.execute("SELECT 1").fetchall() == [(1,)]
