"""Records that made a worker fail, counted until they are parked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from psycopg import Connection

from infra.log.event_log import EventLog

ERROR_CHARACTERS_MAX: Final = 1_000


class Placed(Protocol):
    """Anything that has a place in a topic."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...


Place = tuple[str, int, int]
"""Topic, partition, offset."""


def place_of(record: Placed) -> Place:
    """Return where a record lies: topic, partition, offset."""
    return record.topic, record.partition, record.offset


def place_text(record: Placed) -> str:
    """Return where a record lies, for people."""
    return f"{record.topic}/{record.partition}@{record.offset}"


class PoisonRecords:
    """How often each record made a worker fail, in PostgreSQL, so that it outlives the worker."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def count(self, record: Placed, error: str) -> None:
        """Count one more failure of a record, in a transaction of its own."""
        self._log.connection.execute(
            "INSERT INTO rma_log.poison AS known (topic, partition, record_offset, attempts, error) "
            "VALUES (%s, %s, %s, 1, %s) ON CONFLICT (topic, partition, record_offset) "
            "DO UPDATE SET attempts = known.attempts + 1, error = excluded.error",
            (record.topic, record.partition, record.offset, error.replace("\x00", "")[:ERROR_CHARACTERS_MAX]),
        )

    def parked(self, records: Iterable[Placed], attempts_max: int) -> set[Place]:
        """Return the places of those records that failed too often."""
        places = {place_of(record) for record in records}
        rows = self._log.connection.execute(
            "SELECT topic, partition, record_offset FROM rma_log.poison WHERE attempts >= %s", (attempts_max,)
        )
        return {(row[0], row[1], row[2]) for row in rows} & places


def forget_poison(connection: Connection) -> None:
    """Forget every record that made a worker fail: their places are those of a topic that is gone."""
    connection.execute("DELETE FROM rma_log.poison")


def failures(connection: Connection) -> list[tuple[str, int, int, int, str]]:
    """Return where each record lies that made a worker fail, how often it did, and the last error."""
    query = "SELECT topic, partition, record_offset, attempts, error FROM rma_log.poison ORDER BY 1, 2, 3"
    return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(query)]
