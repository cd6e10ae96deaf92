"""The roles of the workers, made and given their rights by `rma init`; logins stay the operator's."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from psycopg import Connection, errors, sql

from infra.migrate import MIGRATION_LOCK
from infra.roles import missing_roles, role_of
from projections.read_models import PROJECTIONS
from workers.operating.rights import OWN_ROWS, RIGHTS, rights_on

TABLES: Final = """
    SELECT n.nspname || '.' || c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm')
    AND (n.nspname ~ %s OR (n.nspname, c.relname) = ('public', 'rma_migrations'))
"""
WORDS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
BOUND: Final = """
    SELECT relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'own_rows')
    FROM pg_class AS c WHERE c.oid = %s::regclass
"""
BIND_ROWS: Final = sql.SQL("""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY every_row ON {table} FOR SELECT USING (true);
    CREATE POLICY own_rows ON {table} USING (current_user = {beginning} || projection);
""")
"""Its owner, who makes it, is not bound."""

OWN_SCHEMAS: Final = rf"^(rma_[a-z_]+|({'|'.join(PROJECTIONS)})_v[0-9]+)$"


def make_roles(connection: Connection) -> list[str]:
    """Make the roles that there are not, and give each the rights of the table, and no other; return those made.

    Safe to repeat and to run from several processes at once.

    Raises:
        psycopg.errors.InsufficientPrivilege: This login may not make a role, or does not own the tables.
    """
    made = [role for role in missing_roles(connection, list(RIGHTS)) if _make(connection, role)]
    with connection.transaction():
        grant_rights(connection, OWN_SCHEMAS)
        _bind_rows(connection)
    return made


def grant_rights(connection: Connection, schemas: str) -> None:
    """Give each role its rights, and no other, on the tables of schemas of ours that a regular expression fits.

    To be called in a transaction; two of them wait for each other.

    Raises:
        psycopg.errors.InsufficientPrivilege: This login does not own the tables.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
    tables = [table for (table,) in connection.execute(TABLES, (schemas,)).fetchall()]
    for role in RIGHTS:
        _grant(connection, role, tables)


def _bind_rows(connection: Connection) -> None:
    """Let each role write its own rows alone, where several write to a table; those of others it reads."""
    for table in OWN_ROWS:
        [(is_bound,)] = connection.execute(BOUND, (table,)).fetchall()
        if not is_bound:
            bind = BIND_ROWS.format(table=_named(table), beginning=sql.Literal(role_of("")))
            connection.execute(bind)


def _make(connection: Connection, role: str) -> bool:
    try:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    except (errors.DuplicateObject, errors.UniqueViolation):  # roles belong to the server: another init was faster
        return False
    return True


def _grant(connection: Connection, role: str, tables: list[str]) -> None:
    """Give a role its rights on these tables, and take away any other that it has on them."""
    alike: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for table in tables:
        alike[rights_on(role, table)].append(table)
    to = sql.Identifier(role)
    connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(_all(tables), to))
    for rights, where in alike.items():
        if rights:
            words = sql.SQL(", ").join(map(_word, sorted(rights)))
            connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(words, _all(where), to))
            schemas = sql.SQL(", ").join(sql.Identifier(name) for name in {table.partition(".")[0] for table in where})
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schemas, to))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA rma_sessions TO {}").format(to))
    connection.execute(sql.SQL("GRANT EXECUTE ON FUNCTION rma_sessions.end_silent(integer) TO {}").format(to))


def _all(tables: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(_named, tables))


def _named(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split(".", 1))


def _word(right: str) -> sql.SQL:
    return {word: sql.SQL(word) for word in WORDS}[right]
