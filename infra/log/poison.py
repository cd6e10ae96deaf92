"""Records that made a worker fail, counted until they are parked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Protocol

from psycopg import Connection

from infra.log.event_log import EventLog

ERROR_CHARACTERS_MAX: Final = 1_000

COUNT: Final = """
    INSERT INTO rma_log.poison AS known (topic, partition, record_offset, attempts, error, record_sha256)
    VALUES (%s, %s, %s, 1, %s, %s) ON CONFLICT (topic, partition, record_offset) DO UPDATE SET
        attempts = CASE WHEN known.record_sha256 = excluded.record_sha256 THEN known.attempts + 1 ELSE 1 END,
        error = excluded.error,
        record_sha256 = excluded.record_sha256
"""
FAILED: Final = """
    SELECT topic, partition, record_offset, record_sha256
    FROM rma_log.poison JOIN unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[])
        AS asked (topic, partition, first_offset, last_offset) USING (topic, partition)
    WHERE record_offset BETWEEN first_offset AND last_offset AND attempts >= %s
"""
FORGET: Final = (
    "DELETE FROM rma_log.poison WHERE topic = %s AND partition = %s AND record_offset = %s AND attempts < %s"
)


class Placed(Protocol):
    """Anything that has a place in a topic."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...


class Written(Placed, Protocol):
    """What was written there, and when, in milliseconds since 1970."""

    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


Place = tuple[str, int, int]
"""Topic, partition, offset."""


def place_of(record: Placed) -> Place:
    """Return where a record lies: topic, partition, offset."""
    return record.topic, record.partition, record.offset


def place_text(record: Placed) -> str:
    """Return where a record lies, for people."""
    return f"{record.topic}/{record.partition}@{record.offset}"


class PoisonRecords:
    """How often each record made a worker fail, in PostgreSQL, so that it outlives the worker.

    A record is known by its place and by what it is: a topic that is made anew gives its places out again.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def count(self, record: Written, error: str) -> None:
        """Count one more failure of a record, in a transaction of its own."""
        said = error.replace("\x00", "").encode(errors="replace").decode()[:ERROR_CHARACTERS_MAX]
        self._log.connection.execute(COUNT, (*place_of(record), said, _identity(record)))

    def parked(self, records: Sequence[Written], attempts_max: int) -> set[Place]:
        """Return the places of those records that failed so often."""
        offsets: dict[tuple[str, int], list[int]] = {}
        for record in records:
            offsets.setdefault((record.topic, record.partition), []).append(record.offset)
        ranges = [(topic, partition, min(of), max(of)) for (topic, partition), of in offsets.items()]
        asked = [list(column) for column in zip(*ranges, strict=True)] or [[], [], [], []]
        failed = self._log.connection.execute(FAILED, (*asked, attempts_max), prepare=True).fetchall()
        if not failed:
            return set()
        by_place = {place_of(record): record for record in records}
        known = {(topic, partition, offset): sha256 for topic, partition, offset, sha256 in failed}
        return {place for place in by_place.keys() & known if known[place] == _identity(by_place[place])}

    def forget(self, record: Placed, attempts_max: int) -> None:
        """Let a record that was handled after all count for nothing; one that failed so often stays known."""
        self._log.connection.execute(FORGET, (*place_of(record), attempts_max))


def _identity(record: Written) -> bytes:
    """Return a SHA-256 over when a record was written and all that it holds."""
    hashed = hashlib.sha256(str(record.timestamp).encode())
    for part in (record.key, record.value, *(part for name, held in record.headers for part in (name.encode(), held))):
        hashed.update(b"-" if part is None else b"%d:" % len(part))
        hashed.update(part or b"")
    return hashed.digest()


def forget_poison(connection: Connection) -> None:
    """Forget which records made a worker fail, or were in hand: their places are those of a topic that is gone."""
    connection.execute("DELETE FROM rma_log.poison")
    connection.execute("DELETE FROM rma_log.in_hand")


def failures(connection: Connection) -> list[tuple[str, int, int, int, str]]:
    """Return where each record lies that made a worker fail, how often it did, and the last error."""
    query = "SELECT topic, partition, record_offset, attempts, error FROM rma_log.poison ORDER BY 1, 2, 3"
    return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(query)]
