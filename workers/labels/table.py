"""The label worker's memory in PostgreSQL: returns to be looked at, and the labels that were made, once each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg import Connection

from domain.recorded import RecordedEvent
from domain.rma import Rma
from infra.labels.port import MadeLabel

KINDS: Final = frozenset(
    {Rma.Authorized, Rma.ReviewDecided, Rma.DecisionOverridden, Rma.RemedyDeclined, Rma.RemedyLapsed, Rma.Revived}
)
"""Facts by which goods may have to be sent."""
TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS rma_labels;
CREATE TABLE IF NOT EXISTS rma_labels.returns (
    rma_id  uuid        PRIMARY KEY,
    decided bigint      NOT NULL,  -- the log position of the last fact by which goods may have to be sent
    looked  bigint      NOT NULL DEFAULT 0,  -- and of that one up to which all labels are asked for
    tries   integer     NOT NULL DEFAULT 0,
    due_at  timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS returns_to_look_at ON rma_labels.returns (due_at) WHERE looked < decided;
CREATE TABLE IF NOT EXISTS rma_labels.made (
    label_id        uuid PRIMARY KEY,
    rma_id          uuid NOT NULL,
    carrier         text NOT NULL,
    tracking_number text NOT NULL
);
"""
DECIDED: Final = """
    INSERT INTO rma_labels.returns AS known (rma_id, decided, due_at)
    SELECT rma_id, decided, clock_timestamp() FROM unnest(%s::uuid[], %s::bigint[]) AS told (rma_id, decided)
    ORDER BY rma_id
    ON CONFLICT (rma_id) DO UPDATE SET decided = excluded.decided, tries = 0, due_at = excluded.due_at
    WHERE known.decided < excluded.decided
"""
DUE: Final = """
    SELECT rma_id, decided, tries FROM rma_labels.returns
    WHERE looked < decided AND due_at <= clock_timestamp() ORDER BY due_at LIMIT %s
"""
LOOKED: Final = "UPDATE rma_labels.returns SET looked = %s, tries = 0 WHERE rma_id = %s AND looked < %s"
WAIT: Final = """
    UPDATE rma_labels.returns SET tries = tries + 1, due_at = clock_timestamp() + %s * interval '1 second'
    WHERE rma_id = %s AND decided = %s
"""
MADE: Final = "SELECT carrier, tracking_number FROM rma_labels.made WHERE label_id = %s"
KEEP: Final = """
    INSERT INTO rma_labels.made (label_id, rma_id, carrier, tracking_number) VALUES (%s, %s, %s, %s)
    ON CONFLICT (label_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class DueReturn:
    """A return of which labels may be wanted since the event at a log position; ``tries`` in vain so far."""

    rma_id: UUID
    decided: int
    tries: int


class LabelTable:
    """The inbox of the label worker."""

    name = "labels"
    version = 1
    tables_sql = TABLES
    views = ()

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Note the returns of a batch of which something was decided."""
        found = {UUID(event.stream.removeprefix("rma/")): event.position for event in events if event.kind in KINDS}
        if found:
            connection.execute(DECIDED, (list(found), list(found.values())))


def due(connection: Connection, *, limit: int) -> list[DueReturn]:
    """Return returns that are to be looked at now."""
    return [DueReturn(*row) for row in connection.execute(DUE, (limit,)).fetchall()]


def looked_at(connection: Connection, one: DueReturn) -> None:
    """Remember that all labels which a return wants are asked for."""
    connection.execute(LOOKED, (one.decided, one.rma_id, one.decided))


def wait(connection: Connection, one: DueReturn, wait_s: float) -> None:
    """Look at a return again after a while."""
    connection.execute(WAIT, (wait_s, one.rma_id, one.decided))


def made(connection: Connection, label_id: UUID) -> MadeLabel | None:
    """Return a label that was made before."""
    row = connection.execute(MADE, (label_id,)).fetchone()
    return None if row is None else MadeLabel(*row)


def keep(connection: Connection, label_id: UUID, rma_id: UUID, label: MadeLabel) -> None:
    """Remember a label, before anybody is told of it."""
    connection.execute(KEEP, (label_id, rma_id, label.carrier, label.tracking_number))
