"""Where proofs are kept, in schema ``rma_audit``: the tree's tiles, checkpoints, keys, what stopped the signing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, tuple_row

from infra.proofs.merkle import HASH_BYTES, TILE_HASHES, ProofError, ProvableTree, Tile
from infra.proofs.signed_note import VerifierKey

PAGE_ROWS: Final = 1_000
COLUMNS: Final = "number, tree_size, root, note, signed_at"
NEWEST: Final = f"SELECT {COLUMNS} FROM rma_audit.checkpoints ORDER BY number DESC LIMIT 1"  # noqa: S608 - our columns
PAGE: Final = f"SELECT {COLUMNS} FROM rma_audit.checkpoints WHERE number > %s ORDER BY number LIMIT %s"  # noqa: S608
AT_OR_BELOW: Final = f"""
    SELECT {COLUMNS} FROM rma_audit.checkpoints WHERE tree_size <= %s ORDER BY tree_size DESC, number DESC LIMIT 1
"""  # noqa: S608
AT_OR_ABOVE: Final = f"""
    SELECT {COLUMNS} FROM rma_audit.checkpoints WHERE tree_size >= %s ORDER BY tree_size, number LIMIT 1
"""  # noqa: S608
NUMBERED: Final = f"SELECT {COLUMNS} FROM rma_audit.checkpoints WHERE number = %s"  # noqa: S608
SAVE: Final = f"INSERT INTO rma_audit.checkpoints ({COLUMNS}) VALUES (%s, %s, %s, %s, %s)"  # noqa: S608
TILE: Final = "SELECT hashes FROM rma_audit.tiles WHERE level = %s AND place = %s"
LAST_LEAVES: Final = """
    SELECT place, octet_length(hashes) FROM rma_audit.tiles WHERE level = 0 ORDER BY place DESC LIMIT 1
"""
SAVE_TILES: Final = """
    INSERT INTO rma_audit.tiles (level, place, hashes)
    SELECT * FROM unnest(%b::smallint[], %b::bigint[], %b::bytea[])
    ON CONFLICT (level, place) DO UPDATE SET hashes = excluded.hashes
"""
SAVE_OFFSETS: Final = """
    INSERT INTO rma_audit.offsets (partition, next_offset) SELECT * FROM unnest(%s::integer[], %s::bigint[])
    ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset
"""
SAVE_KEY: Final = "INSERT INTO rma_audit.keys VALUES (%s, %s) ON CONFLICT DO NOTHING"
KEYS: Final = """
    SELECT verifier_key, first_number, lead(first_number) OVER (ORDER BY first_number) - 1 FROM rma_audit.keys
"""
SIZES: Final = """
    SELECT min(tree_size), max(tree_size), count(*) FROM rma_audit.checkpoints WHERE number BETWEEN %s AND %s
"""
OPEN_STOP: Final = """
    SELECT seq, stopped_at, fault FROM rma_audit.stops WHERE resumed_at IS NULL ORDER BY seq LIMIT 1
"""
STOP: Final = "INSERT INTO rma_audit.stops (stopped_at, fault) VALUES (clock_timestamp(), %s)"
RESUME: Final = """
    UPDATE rma_audit.stops SET resumed_at = clock_timestamp(), resumed_by = %s WHERE resumed_at IS NULL
"""
MAY_READ: Final = """
    SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = 'rma_audit'
"""
LAST_NUMBER: Final = 2**63 - 1


class SignedCheckpoint(NamedTuple):
    """A row of ``rma_audit.checkpoints``: what the note says, beside the note; ``root`` in hex."""

    number: int
    tree_size: int
    root: str
    note: str
    signed_at: datetime


class Stop(NamedTuple):
    """Why nothing is signed any more, as JSON, and since when."""

    seq: int
    stopped_at: datetime
    fault: str


class KeyPeriod(NamedTuple):
    """A key, the first and the last tree that it signed, and how many checkpoints."""

    verifier_key: str
    first_size: int | None
    last_size: int | None
    checkpoints: int


def newest(connection: Connection[Any]) -> SignedCheckpoint | None:
    """Return the checkpoint that was signed last, None where none was."""
    return _one(connection, NEWEST, ())


def newest_up_to(connection: Connection, position: int) -> SignedCheckpoint | None:
    """Return the newest checkpoint of a tree that ends at a position or before it."""
    return _one(connection, AT_OR_BELOW, (position,))


def first_over(connection: Connection, position: int) -> SignedCheckpoint | None:
    """Return the first checkpoint that covers a position."""
    return _one(connection, AT_OR_ABOVE, (position,))


def _one(connection: Connection, query: str, parameters: tuple[int, ...]) -> SignedCheckpoint | None:
    return connection.cursor(row_factory=class_row(SignedCheckpoint)).execute(query.encode(), parameters).fetchone()


def checkpoints(connection: Connection, after_number: int = 0) -> Iterator[SignedCheckpoint]:
    """Yield the checkpoints after a number, in order, a page at a time."""
    while True:
        cursor = connection.cursor(row_factory=class_row(SignedCheckpoint))
        page = cursor.execute(PAGE, (after_number, PAGE_ROWS)).fetchall()
        yield from page
        if len(page) < PAGE_ROWS:
            return
        after_number = page[-1].number


def save(connection: Connection, signed: SignedCheckpoint, tiles: Sequence[Tile], key: VerifierKey) -> None:
    """Keep a checkpoint, what the tree gained by it, and whose it is; to be called in a transaction."""
    connection.execute(SAVE, signed)
    connection.execute(SAVE_KEY, (str(key), signed.number))
    if tiles:
        levels, placees, hashes = (list(column) for column in zip(*tiles, strict=True))
        connection.execute(SAVE_TILES, (levels, placees, hashes))


def save_offsets(connection: Connection, next_offsets: Mapping[int, int]) -> None:
    """Keep up to where the topic was compared, by partition."""
    connection.execute(SAVE_OFFSETS, (list(next_offsets), list(next_offsets.values())))


def read_offsets(connection: Connection) -> dict[int, int]:
    """Return up to where the topic was compared, by partition; empty where nothing was."""
    query = "SELECT partition, next_offset FROM rma_audit.offsets"
    return dict(connection.cursor(row_factory=tuple_row).execute(query).fetchall())


class Tiles:
    """Reads tiles, each of them once."""

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.cursor(row_factory=tuple_row, binary=True)
        self._known: dict[tuple[int, int], bytes] = {}

    def __call__(self, level: int, place: int) -> bytes:
        """Return the hashes of a tile; raises ``ProofError`` where there is none."""
        if (level, place) not in self._known:
            row = self._cursor.execute(TILE, (level, place), prepare=True).fetchone()
            if row is None:
                raise ProofError(f"the tree lacks tile {place} of level {level}: run: rma audit verify")
            self._known[level, place] = row[0]
        return self._known[level, place]


def tree_of(connection: Connection, size: int) -> ProvableTree:
    """Return the tree as it was at a size."""
    return ProvableTree(size, Tiles(connection))


def key_periods(connection: Connection) -> list[KeyPeriod]:
    """Return every key that ever signed, the oldest first, with what it signed."""
    cursor, found = connection.cursor(row_factory=tuple_row), []
    for key, first, last in cursor.execute(KEYS).fetchall():
        [(begins, ends, count)] = cursor.execute(SIZES, (first, last or LAST_NUMBER)).fetchall()
        found.append(KeyPeriod(key, begins, ends, count))
    return found


def known_keys(connection: Connection) -> list[VerifierKey]:
    """Return the keys that signed so far, the newest last, as the database has them."""
    return [VerifierKey.parse(period.verifier_key) for period in key_periods(connection)]


def open_stop(connection: Connection[object]) -> Stop | None:
    """Return what the auditor stopped at and nobody let it go on from, or None."""
    return connection.cursor(row_factory=class_row(Stop)).execute(OPEN_STOP).fetchone()


def stop_signing(connection: Connection, fault: str) -> None:
    """Remember that nothing is to be signed, and why (JSON)."""
    connection.execute(STOP, (fault,))


def resume_signing(connection: Connection, person: str) -> None:
    """Let the auditor go on, by a person's word; to be called where ``verify`` found nothing."""
    connection.execute(RESUME, (person,))


def may_read_proofs(connection: Connection[object]) -> bool:
    """Tell whether this user may see the tables of proofs."""
    row = connection.cursor(row_factory=tuple_row).execute(MAY_READ).fetchone()
    return bool(row and row[0])


def tile_at(connection: Connection, level: int, place: int) -> bytes | None:
    """Return the hashes of a tile as they are kept, or None."""
    row = connection.execute(TILE, (level, place), prepare=True, binary=True).fetchone()
    return None if row is None else bytes(row[0])


def kept_size(connection: Connection) -> int:
    """Return how many leaves are kept."""
    row = connection.execute(LAST_LEAVES, binary=True).fetchone()
    return 0 if row is None else row[0] * TILE_HASHES + row[1] // HASH_BYTES


def checkpoint_numbered(connection: Connection, number: int) -> SignedCheckpoint | None:
    """Return the checkpoint with a number."""
    return _one(connection, NUMBERED, (number,))
