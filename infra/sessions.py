"""Sessions at PostgreSQL that can be silent for a while only, whatever becomes of their process.

A process that stands still (stopped, swapped out, on a paused machine) keeps what its session holds: locks, the lead.
So the server ends a session that is silent for too long: between the statements of a transaction, while it takes in a
statement, and while it sends a result that nobody reads. It cannot end one that waits for its client's data inside
``COPY … FROM STDIN``, not even with ``transaction_timeout``, nor between the statements of a pipeline, of which
``executemany`` makes one: nothing here copies in, and nothing is pipelined. A large statement goes out in several
parts, too; a client that stops between two of them is found by whoever waits for its locks
(``Session.waiting_for_locks``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypedDict

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from infra.schema_version import refuse_newer

SILENCE_MAX_MS: Final = 10_000
"""Longest silence of a session that is in a transaction, or that has a result still to read."""

LEAD_SILENCE_MAX_MS: Final = 15_000
"""Longest silence of a session that leads: longer than one request to Kafka may take."""

TAKEOVER_MAX_S: Final = 20.0
"""After so long another has what a process held that stands still: the silence, and the time to notice its end."""

LOCK_TIMEOUT_MS: Final = 5_000
"""Longest wait for a lock before whoever waits looks whether its holder has fallen silent, and waits anew."""

STATEMENT_TIMEOUT_MS: Final = 60_000
SCHEMA_CHANGE_MAX_MS: Final = 1_800_000
"""Longest statement that changes a schema: it may have to fill an index."""

CONNECT_TIMEOUT_S: Final = 5


END_THE_SILENT: Final = "SELECT rma_sessions.end_silent(%s)"


class Session:
    """One session, opened when it is needed and again after it broke. Not for several threads.

    Args:
        conninfo: libpq connection string or URI.
        check: Looks at the database whenever a session is opened; what it raises, ``connection`` raises.
    """

    def __init__(self, conninfo: str, check: Callable[[Connection], None] | None = None) -> None:
        self._conninfo = conninfo
        self._check = check
        self._open: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The open connection (autocommit); raises ``psycopg.OperationalError`` where PostgreSQL is away."""
        if self._open is None or self._open.closed:
            self._open = self._opened()
        return self._open

    def _opened(self) -> Connection:
        opened = connect(self._conninfo)
        try:
            if self._check is not None:
                self._check(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    @contextmanager
    def waiting_for_locks(self) -> Iterator[None]:
        """Where a lock cannot be had in the block, end the sessions that have fallen silent, one of which may hold it.

        Raises:
            psycopg.errors.LockNotAvailable: It could not be had in time; it may be free now.
        """
        try:
            yield
        except psycopg.errors.LockNotAvailable:
            end_the_silent(self.connection)
            raise

    def close(self) -> None:
        if self._open is not None:
            self._open.close()


def connect(conninfo: str, *, statement_timeout_ms: int = STATEMENT_TIMEOUT_MS) -> Connection:
    """Open a session as every process needs it: autocommit, UTC, bounded waits and silence, no sequential scans.

    Args:
        conninfo: libpq connection string or URI. Over a Unix socket the server cannot tell that nobody reads a result.
        statement_timeout_ms: Longest run of one statement; 0: no bound.
    Raises:
        LogIsNewerError: A newer version has migrated the database.
        psycopg.OperationalError: PostgreSQL is away.
    """
    given = session_options(conninfo, statement_timeout_ms=statement_timeout_ms)
    connection = psycopg.connect(conninfo, autocommit=True, **given)
    try:
        refuse_newer(connection)
    except BaseException:
        connection.close()
        raise
    return connection


class SessionOptions(TypedDict):
    """What a connection is opened with beside its address."""

    options: str
    connect_timeout: int


def session_options(conninfo: str, *, statement_timeout_ms: int) -> SessionOptions:
    """Return what bounds a session as ``connect`` says, beside the options that its address has."""
    own = str(conninfo_to_dict(conninfo).get("options") or "")
    settings = {
        "timezone": "UTC",
        "jit": "off",
        "enable_seqscan": "off",  # a table that was never analysed would be scanned for every batch
        "lock_timeout": LOCK_TIMEOUT_MS,
        "statement_timeout": statement_timeout_ms,
        "idle_in_transaction_session_timeout": SILENCE_MAX_MS,
        "tcp_user_timeout": SILENCE_MAX_MS,
    }
    options = " ".join([own, *(f"-c {name}={value}" for name, value in settings.items())])
    return {"options": options.strip(), "connect_timeout": CONNECT_TIMEOUT_S}


def end_the_silent(connection: Connection) -> int:
    """End the sessions whose client stopped in the middle of what it sends; return how many there were.

    No timeout of the server's ends them: between the messages of one statement they count as active.
    """
    return len(connection.execute(END_THE_SILENT, (SILENCE_MAX_MS,)).fetchall())


def try_to_lead(connection: Connection, lock: int) -> bool:
    """Try to get a lock that one session has at a time, until the session ends: at the latest when it falls silent."""
    connection.execute(f"SET idle_session_timeout = {LEAD_SILENCE_MAX_MS}")
    [(leads,)] = connection.execute("SELECT pg_try_advisory_lock(%s)", (lock,)).fetchall()
    return bool(leads)


class Lead:
    """Whether this is the one worker that acts: it holds a lock, which lasts as long as its session.

    Args:
        session: Its own, and no other thread's.
        lock: Which one; another gets it when the session with PostgreSQL ends, as ``try_to_lead`` says.
    """

    def __init__(self, session: Session, lock: int) -> None:
        self._session = session
        self._lock = lock
        self._locked_on: Connection | None = None

    def is_held(self) -> bool:
        """Tell whether it is, having tried to get it; raises ``psycopg.OperationalError`` where PostgreSQL is away."""
        connection = self._session.connection
        if self._locked_on is not connection:
            self._locked_on = connection if try_to_lead(connection, self._lock) else None
        return self._locked_on is not None
