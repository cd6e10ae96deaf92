"""Looking up what a command was answered, for people who ask by its id."""

from __future__ import annotations

from typing import Final

from psycopg import Connection

ANSWERS_MAX: Final = 100
"""Most answers told for one id: two systems may use the same, a hundred hardly do."""

BY_ID: Final = "SELECT result FROM rma_log.outcomes WHERE command_id = %s ORDER BY source LIMIT %s"
BY_SOURCE_AND_ID: Final = "SELECT result FROM rma_log.outcomes WHERE source = %s AND command_id = %s"
OUTCOME: Final = "SELECT fingerprint, result FROM rma_log.outcomes WHERE source = %s AND command_id = %s"


def stored_outcome(connection: Connection, source: str, command_id: str) -> tuple[bytes, bytes] | None:
    """Return the fingerprint of the command that used up an id, and its answer; None where none has."""
    row = connection.execute(OUTCOME, (source, command_id)).fetchone()
    return None if row is None else (bytes(row[0]), bytes(row[1]))


def stored_answers(connection: Connection, command_id: str, source: str | None) -> list[bytes]:
    """Return the stored answers to commands of this id, of every source or of one, as the bytes that were published."""
    if source is None:
        rows = connection.execute(BY_ID, (command_id, ANSWERS_MAX))
    else:
        rows = connection.execute(BY_SOURCE_AND_ID, (source, command_id))
    return [bytes(row[0]) for row in rows]
