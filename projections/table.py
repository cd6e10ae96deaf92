"""Tables of a read model: what they hold, and how they are written, a batch of rows by one statement as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import orjson
from psycopg import Connection, sql

REPLACE: Final = "{0} = excluded.{0}"
ADD: Final = "{0} = known.{0} + excluded.{0}"
GREATEST: Final = "{0} = greatest(known.{0}, excluded.{0})"
LEAST: Final = "{0} = least(known.{0}, excluded.{0})"

Row = Mapping[str, object]
Rows = dict[object, Row]
"""Rows by what tells them apart."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or view: its name, its PostgreSQL type, and what it says, with its unit.

    ``null``: whether it may be empty. ``generated``: the expression by which PostgreSQL fills it.
    """

    name: str
    kind: str
    says: str
    null: bool = False
    generated: str = ""

    @property
    def definition(self) -> str:
        """Return the column as the statement names it that creates its table."""
        derived = f" GENERATED ALWAYS AS ({self.generated}) STORED" if self.generated else ""
        return f"{self.name} {self.kind}{'' if self.null else ' NOT NULL'}{derived}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a projection's schema: its columns in order, and the key by which a row is known.

    ``rules`` are further constraints, ``indexes`` by a short name what each is over. ``moves``: rows are changed often,
    so that pages keep room for their next versions.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[str, ...] = ()
    indexes: Mapping[str, str] = field(default_factory=dict)
    moves: bool = False

    @property
    def statements(self) -> str:
        """Return the statements that create the table and its indexes; safe to repeat."""
        parts = [*(column.definition for column in self.columns), f"PRIMARY KEY ({', '.join(self.key)})", *self.rules]
        room = " WITH (fillfactor = 70)" if self.moves else ""
        table = f"CREATE TABLE IF NOT EXISTS {self.schema}.{self.name} ({', '.join(parts)}){room};"
        indexes = (
            f"CREATE INDEX IF NOT EXISTS {self.name}_{short} ON {self.schema}.{self.name} {over};"
            for short, over in self.indexes.items()
        )
        return "\n".join((table, *indexes))

    @property
    def _written(self) -> tuple[str, ...]:
        return tuple([column.name for column in self.columns if not column.generated])

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows whose keys are new."""
        if rows:
            connection.execute(_insert(self.schema, self.name, self._written), [_document(rows)])

    def upsert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows, in the place of those with the same key."""
        columns = [column for column in self._written if column not in self.key]
        self._merge(connection, rows, dict.fromkeys(columns, REPLACE))

    def add(
        self,
        connection: Connection,
        rows: Iterable[Row],
        *,
        counters: Sequence[str],
        latest: Sequence[str] = (),
        earliest: Sequence[str] = (),
    ) -> None:
        """Write rows, or merge them into those with the same key.

        ``counters`` are added up, of ``latest`` and ``earliest`` the greater and the lesser stays, all others stay as
        they are.
        """
        # sorted, so that two projectors that count in the same rows take their locks in the same order
        ordered = sorted(rows, key=lambda row: tuple(str(row[column]) for column in self.key))
        changes = dict.fromkeys(counters, ADD) | dict.fromkeys(latest, GREATEST) | dict.fromkeys(earliest, LEAST)
        self._merge(connection, ordered, changes)

    def _merge(self, connection: Connection, rows: Sequence[Row], changes: Mapping[str, str]) -> None:
        if rows:
            query = _insert(self.schema, self.name, self._written, self.key, tuple(changes.items()))
            connection.execute(query, [_document(rows)])

    def update(self, connection: Connection, rows: Sequence[Row], *, columns: Sequence[str]) -> None:
        """Assign columns of rows that exist, by key."""
        if rows:
            connection.execute(_update(self.schema, self.name, tuple(columns), self.key), [_document(rows)])

    def show(self, connection: Connection, changes: Iterable[tuple[Rows, Rows]]) -> None:
        """Turn rows that were shown into those that should be: write what differs, remove what is no more."""
        gone: list[Row] = []
        differing: list[Row] = []
        for before, now in changes:
            gone += [row for key, row in before.items() if key not in now]
            differing += [row for key, row in now.items() if before.get(key) != row]
        if gone:
            connection.execute(_delete(self.schema, self.name, self.key), [_document(gone)])
        self.upsert(connection, differing)


Names = tuple[str, ...]


@cache
def _insert(
    schema: str, table: str, written: Names, key: Names = (), changes: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """Return the statement that writes rows; with ``changes``, what becomes of those whose key is there already.

    Written out once: putting a statement together takes as long as folding some ten events.
    """
    query = sql.SQL(
        "INSERT INTO {table} AS known ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"
    ).format(table=sql.Identifier(schema, table), names=_listed(written))
    if changes:
        changed = sql.SQL(", ").join([sql.SQL(change).format(sql.Identifier(column)) for column, change in changes])
        query += sql.SQL(" ON CONFLICT ({key}) DO UPDATE SET {changes}").format(key=_listed(key), changes=changed)
    return query.as_bytes()


@cache
def _update(schema: str, table: str, columns: Names, key: Names) -> bytes:
    changed = [sql.SQL("{0} = new.{0}").format(sql.Identifier(column)) for column in columns]
    return (
        sql.SQL(
            "UPDATE {table} AS known SET {changes} FROM json_populate_recordset(NULL::{table}, %s) AS new WHERE {match}"
        )
        .format(table=sql.Identifier(schema, table), changes=sql.SQL(", ").join(changed), match=_match(key, "new"))
        .as_bytes()
    )


@cache
def _delete(schema: str, table: str, key: Names) -> bytes:
    return (
        sql.SQL("DELETE FROM {table} AS known USING json_populate_recordset(NULL::{table}, %s) AS gone WHERE {match}")
        .format(table=sql.Identifier(schema, table), match=_match(key, "gone"))
        .as_bytes()
    )


def _listed(names: Names) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _match(key: Names, other: str) -> sql.Composed:
    same = sql.SQL("known.{0} = {1}.{0}")
    return sql.SQL(" AND ").join([same.format(sql.Identifier(name), sql.Identifier(other)) for name in key])


def _document(rows: Sequence[Row]) -> str:
    return orjson.dumps(rows).decode()


def tables_sql(schema: str, tables: Iterable[Table]) -> str:
    """Return the statements that create a projection's schema and its tables; safe to repeat."""
    return "\n".join((f"CREATE SCHEMA IF NOT EXISTS {schema};", *(table.statements for table in tables)))
