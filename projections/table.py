"""Tables of a read model, written by one statement per batch: the rows travel as one JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from psycopg import Connection, sql

READ_SCHEMA: Final = "rma_read"
"""The schema of the stable views, the contract for analytics."""

REPLACE: Final = sql.SQL("{0} = excluded.{0}")
ADD: Final = sql.SQL("{0} = known.{0} + excluded.{0}")
GREATEST: Final = sql.SQL("{0} = greatest(known.{0}, excluded.{0})")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a projection's schema: its columns in order, and the key by which a row is known."""

    schema: str
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def _select(self) -> sql.Composed:
        names = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        return sql.SQL(
            "INSERT INTO {table} AS known ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"
        ).format(table=self._table, names=names)

    def insert(self, connection: Connection[Any], rows: Sequence[Row]) -> None:
        """Write rows whose keys are new."""
        if rows:
            connection.execute(self._select(), [_document(rows)])

    def upsert(self, connection: Connection[Any], rows: Sequence[Row]) -> None:
        """Write rows, in the place of those with the same key."""
        columns = [column for column in self.columns if column not in self.key]
        self._merge(connection, rows, dict.fromkeys(columns, REPLACE))

    def add(
        self,
        connection: Connection[Any],
        rows: Iterable[Row],
        *,
        counters: Sequence[str],
        latest: Sequence[str] = (),
    ) -> None:
        """Write rows, or merge them into those with the same key.

        ``counters`` are added up, of columns in ``latest`` the greater stays, all others stay as they are.
        """
        # sorted, so that two projectors that count in the same rows take their locks in the same order
        ordered = sorted(rows, key=lambda row: tuple(str(row[column]) for column in self.key))
        self._merge(connection, ordered, dict.fromkeys(counters, ADD) | dict.fromkeys(latest, GREATEST))

    def _merge(self, connection: Connection[Any], rows: Sequence[Row], changes: Mapping[str, sql.SQL]) -> None:
        if not rows:
            return
        query = self._select() + sql.SQL(" ON CONFLICT ({key}) DO UPDATE SET {changes}").format(
            key=sql.SQL(", ").join(map(sql.Identifier, self.key)),
            changes=sql.SQL(", ").join(change.format(sql.Identifier(column)) for column, change in changes.items()),
        )
        connection.execute(query, [_document(rows)])

    def update(self, connection: Connection[Any], rows: Sequence[Row], *, columns: Sequence[str]) -> None:
        """Assign columns of rows that exist, by key."""
        if not rows:
            return
        query = sql.SQL(
            "UPDATE {table} AS known SET {changes} FROM json_populate_recordset(NULL::{table}, %s) AS new WHERE {match}"
        ).format(
            table=self._table,
            changes=sql.SQL(", ").join(sql.SQL("{0} = new.{0}").format(sql.Identifier(c)) for c in columns),
            match=sql.SQL(" AND ").join(sql.SQL("known.{0} = new.{0}").format(sql.Identifier(c)) for c in self.key),
        )
        connection.execute(query, [_document(rows)])

    def delete(self, connection: Connection[Any], column: str, values: Sequence[Any]) -> None:
        """Remove all rows with one of these values."""
        if values:
            query = sql.SQL("DELETE FROM {table} WHERE {column} = ANY(%s)").format(
                table=self._table, column=sql.Identifier(column)
            )
            connection.execute(query, [list(values)])


def _document(rows: Sequence[Row]) -> str:
    return orjson.dumps(rows).decode()


def views_of(schema: str, names: Iterable[str]) -> str:
    """Return the statements that point stable views at tables or views of the same names."""
    views = (f"CREATE OR REPLACE VIEW {READ_SCHEMA}.{name} AS SELECT * FROM {schema}.{name};" for name in names)
    return "\n".join((f"CREATE SCHEMA IF NOT EXISTS {READ_SCHEMA};", *views))
