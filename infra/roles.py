"""Roles at PostgreSQL: a worker does its work as one that may do that and nothing else."""

from __future__ import annotations

from typing import Final

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from domain.errors import RmaError
from infra.addresses import postgres_address
from infra.settings import Settings

MISSING: Final = """
    SELECT asked.role FROM unnest(%s::text[]) AS asked (role)
    WHERE asked.role NOT IN (SELECT rolname FROM pg_roles) ORDER BY 1
"""
MAY_MAKE: Final = "SELECT has_database_privilege(current_database(), 'CREATE')"
IS_MEMBER: Final = "SELECT session_user, pg_has_role(session_user, %s, 'MEMBER')"


class RoleMissingError(RmaError):
    """A worker cannot take its role."""

    code = "role_missing"


def role_of(worker: str) -> str:
    """Return the role of a worker by its name."""
    return f"rma_{worker}"


def as_role(conninfo: str, role: str) -> str:
    """Return what to connect with to be a role from the start of each session on; whoever logs in is its member.

    ``RESET ROLE`` comes back to it. A login of one's own for each worker, member of no other role, keeps a worker from
    taking another's.
    """
    options = str(conninfo_to_dict(conninfo).get("options") or "")
    return make_conninfo(conninfo, options=f"{options} -c role={role}".strip())


def in_role(settings: Settings, worker: str) -> Settings:
    """Return settings with which a worker is what it may be, where roles are asked for."""
    if not settings.postgres_roles:
        return settings
    dsn = SecretStr(as_role(postgres_address(settings), role_of(worker)))
    return settings.model_copy(update={"postgres_dsn": dsn})


def missing_roles(connection: Connection, roles: list[str]) -> list[str]:
    """Return those of the roles that there are not."""
    return [name for (name,) in connection.execute(MISSING, (roles,)).fetchall()]


def require_role(connection: Connection, role: str) -> None:
    """Raise ``RoleMissingError`` where there is no such role, or who is logged in is no member of it."""
    if missing_roles(connection, [role]):
        raise RoleMissingError(f"there is no role {role}, run: rma init (with RMA_POSTGRES_ROLES=yes)")
    [(login, is_member)] = connection.execute(IS_MEMBER, (role,)).fetchall()
    if not is_member:
        raise RoleMissingError(f"{login} is no member of {role}, run as its owner: GRANT {role} TO {login}")


def may_make_tables(connection: Connection) -> bool:
    """Tell whether who is logged in may make the schemas that are missing; else `rma init` has to have made them."""
    [(may,)] = connection.execute(MAY_MAKE).fetchall()
    return bool(may)
