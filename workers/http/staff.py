"""Who works at the desk and the bench: people, their roles, their sessions, each kept as the hash of its cookie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

import orjson
from psycopg import Connection

from workers.http.visitors import hashed

Role = Literal["agent", "supervisor", "warehouse", "auditor"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
SESSION_FOR: Final = timedelta(hours=8)
SIGN_IN_FOR: Final = timedelta(minutes=10)
TABLES: Final = """
CREATE TABLE IF NOT EXISTS rma_http.staff_sessions (
    session bytea       PRIMARY KEY,  -- SHA-256 of the cookie
    person  text        NOT NULL COLLATE "C",
    name    text        NOT NULL,
    roles   text[]      NOT NULL,
    site    text,                     -- where he last received something
    ends_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS rma_http.staff_sign_ins (
    session bytea       PRIMARY KEY,  -- SHA-256 of the cookie of whoever began to sign in
    state   jsonb       NOT NULL,     -- what the provider's answer has to fit
    next    text        NOT NULL,
    ends_at timestamptz NOT NULL
);
"""
BEGIN: Final = """
    INSERT INTO rma_http.staff_sessions (session, person, name, roles, ends_at) VALUES (%s, %s, %s, %s, %s)
"""
SESSION: Final = "SELECT person, name, roles, site FROM rma_http.staff_sessions WHERE session = %s AND ends_at > %s"
KEEP: Final = """
    INSERT INTO rma_http.staff_sign_ins (session, state, next, ends_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (session) DO UPDATE SET state = excluded.state, next = excluded.next, ends_at = excluded.ends_at
"""
TAKE: Final = "DELETE FROM rma_http.staff_sign_ins WHERE session = %s AND ends_at > %s RETURNING state, next"
FORGET: Final = (
    "DELETE FROM rma_http.staff_sessions WHERE ends_at < now()",
    "DELETE FROM rma_http.staff_sign_ins WHERE ends_at < now()",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here: ``person`` is what commands name him by, ``name`` what he is called.

    ``site`` is where he last received something since he signed in.
    """

    person: str
    name: str
    roles: frozenset[Role]
    site: str | None = None

    def has(self, *roles: Role) -> bool:
        """Tell whether he has one of these roles."""
        return not self.roles.isdisjoint(roles)

    @property
    def acts(self) -> bool:
        """Whether he may send an agent's commands, and not only look."""
        return self.has("agent", "supervisor")


DEMO_PEOPLE: Final = (
    Person("ada", "Ada", frozenset({"agent"})),
    Person("sol", "Sol", frozenset({"agent", "supervisor"})),
    Person("wei", "Wei", frozenset({"warehouse"})),
    Person("olu", "Olu", frozenset({"auditor"})),
)
"""Whom anybody may be on a laptop."""


def roles_in(names: Iterable[object]) -> frozenset[Role]:
    """Return those of these names that are roles here."""
    return frozenset(name for name in names if name in ROLES)


def begin_session(connection: Connection, token: str, person: Person, now: datetime) -> None:
    """Let the holder of a new cookie in as a person, for eight hours."""
    roles = sorted(person.roles)
    connection.execute(BEGIN, (hashed(token), person.person, person.name, roles, now + SESSION_FOR))


def person_of(connection: Connection, token: str, now: datetime) -> Person | None:
    """Return whom a cookie lets in, or None."""
    row = connection.execute(SESSION, (hashed(token), now)).fetchone()
    return None if row is None else Person(row[0], row[1], roles_in(row[2]), row[3])


def note_site(connection: Connection, token: str, site: str) -> None:
    """Remember where somebody works, for the forms of his session."""
    connection.execute("UPDATE rma_http.staff_sessions SET site = %s WHERE session = %s", (site, hashed(token)))


def end_session(connection: Connection, token: str) -> None:
    """Let the holder of a cookie in no more."""
    connection.execute("DELETE FROM rma_http.staff_sessions WHERE session = %s", (hashed(token),))


def keep_sign_in(connection: Connection, token: str, state: dict[str, Any], following: str, now: datetime) -> None:
    """Keep what the answer to a sign-in that has begun must fit, and where it leads."""
    connection.execute(KEEP, (hashed(token), orjson.dumps(state).decode(), following, now + SIGN_IN_FOR))


def take_sign_in(connection: Connection, token: str, now: datetime) -> tuple[dict[str, Any], str] | None:
    """Return what was kept of a sign-in, once; None where none has begun, or too long ago."""
    row = connection.execute(TAKE, (hashed(token), now)).fetchone()
    return None if row is None else (row[0], row[1])


def forget_staff(connection: Connection) -> None:
    """Forget sessions that have ended, and sign-ins that were never finished."""
    for statement in FORGET:
        connection.execute(statement.encode())
