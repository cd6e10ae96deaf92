"""Rows on their way into a table, one parameter a column: written in a fraction of the time that arrays of values take.

Not COPY: while the server copies in it waits for its client without any bound, and the lock of the log with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

BETWEEN: Final = "\n"
"""Stands between the texts of a column: a control character, which nothing that is recorded as a text may hold."""

BYTES: Final = "bytea"
OPTIONAL: Final = "?"
"""Ends the kind of a column of texts of which some are null, and none is empty."""

BYTEA_OID: Final = 17
BYTEA_ARRAY_OID: Final = 1001
ARRAY_HEAD: Final = Struct("!iiIii")
"""Dimensions, whether there are nulls, the elements' type, their count, the first one's index."""
LENGTH: Final = Struct("!i")
NULL: Final = LENGTH.pack(-1)


class BytesColumn(bytes):
    """An array of byte strings as PostgreSQL takes it in: one parameter, no escapes."""

    __slots__ = ()


class _BytesDumper(Dumper):
    format = Format.BINARY
    oid = BYTEA_ARRAY_OID

    def dump(self, obj: BytesColumn) -> bytes:
        return obj


psycopg.adapters.register_dumper(BytesColumn, _BytesDumper)


class Insert(NamedTuple):
    """A statement that writes rows of a table, and of which kind each of its columns is."""

    statement: bytes
    kinds: tuple[str, ...]

    @classmethod
    def into(cls, table: str, columns: str, kinds: str, ending: str = "") -> Insert:
        """Return what writes these columns (comma between them) of these kinds (a space); ``ending`` ends it."""
        names, given = columns.split(", "), tuple(kinds.split())
        taken = ", ".join(f"new.{name}::{kind.rstrip(OPTIONAL)}" for name, kind in zip(names, given, strict=True))
        arrays = ", ".join(map(_array_of, given))
        selected = f"SELECT {taken} FROM unnest({arrays}) AS new ({columns})"  # noqa: S608
        return cls(f"INSERT INTO {table} ({columns}) {selected} {ending}".encode(), given)

    def parameters(self, rows: Sequence[Sequence[object]]) -> list[str | BytesColumn]:
        """Return rows as the statement's parameters; raises ``ValueError`` for a text that holds a line feed."""
        return [_column(kind, column) for kind, column in zip(self.kinds, zip(*rows, strict=True), strict=True)]


def may_be_recorded(text: str) -> bool:
    """Tell whether anything may be recorded under this text; nobody need look for another."""
    return text != "" and BETWEEN not in text


def texts(values: Sequence[str]) -> str:
    """Return texts as one, for ``string_to_array``; raises ``ValueError`` for one that holds a line feed."""
    joined = BETWEEN.join(values)
    if joined.count(BETWEEN) >= max(len(values), 1):
        raise ValueError("a text that is recorded holds a line feed")
    return joined


def bytes_array(values: Sequence[bytes | None]) -> BytesColumn:
    """Return byte strings as an array of them."""
    size = LENGTH.pack
    parts = [NULL if value is None else size(len(value)) + value for value in values]
    return BytesColumn(ARRAY_HEAD.pack(1, 1, BYTEA_OID, len(parts), 1) + b"".join(parts))


def _array_of(kind: str) -> str:
    if kind == BYTES:
        return "%b"
    return r"string_to_array(%t, E'\n', '')" if kind.endswith(OPTIONAL) else r"string_to_array(%t, E'\n')"


def _column(kind: str, values: Sequence[object]) -> str | BytesColumn:
    if kind == BYTES:
        return bytes_array(values)  # type: ignore[arg-type]  # of a column of bytes
    if kind.endswith(OPTIONAL):
        return texts([str(value or "") for value in values])
    return texts(list(map(str, values)))
