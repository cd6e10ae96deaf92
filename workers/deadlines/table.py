"""The deadline worker's memory in PostgreSQL: one row per deadline, moved with the topic's position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.recorded import RecordedEvent
from domain.rma import Rma

KINDS: Final = frozenset({Rma.DeadlinesMoved, Rma.DeadlinePassed, Rma.DeadlineExtended})
TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS rma_deadlines;
CREATE TABLE IF NOT EXISTS rma_deadlines.deadlines (
    deadline_id uuid        PRIMARY KEY,
    stream      text        NOT NULL,
    order_id    text        NOT NULL,
    due_at      timestamptz NOT NULL,
    open        boolean     NOT NULL,
    overdue     boolean     NOT NULL,  -- already past when it was recorded: shown, never fired
    fired_for   timestamptz            -- the instant for which it was fired last
);
-- the log position of the event that set the instant; 0 where an earlier version read it
ALTER TABLE rma_deadlines.deadlines ADD COLUMN IF NOT EXISTS set_at bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS deadlines_to_fire ON rma_deadlines.deadlines (due_at)
    WHERE open AND NOT overdue AND fired_for IS DISTINCT FROM due_at;
"""
OPEN: Final = """
    INSERT INTO rma_deadlines.deadlines (deadline_id, stream, order_id, due_at, open, overdue, set_at)
    VALUES (%s, %s, %s, %s, true, %s, %s) ON CONFLICT (deadline_id) DO NOTHING
"""
MOVE: Final = "UPDATE rma_deadlines.deadlines SET due_at = %s, overdue = %s, set_at = %s WHERE deadline_id = %s"
END: Final = "UPDATE rma_deadlines.deadlines SET open = false WHERE deadline_id = %s"
DUE: Final = """
    SELECT deadline_id, stream, order_id, due_at, set_at FROM rma_deadlines.deadlines
    WHERE open AND NOT overdue AND fired_for IS DISTINCT FROM due_at AND due_at <= %s ORDER BY due_at LIMIT %s
"""
FIRED: Final = """
    UPDATE rma_deadlines.deadlines AS d SET fired_for = f.due_at
    FROM unnest(%s::uuid[], %s::timestamptz[]) AS f (deadline_id, due_at) WHERE d.deadline_id = f.deadline_id
"""


@dataclass(frozen=True, slots=True)
class DueDeadline:
    """A deadline whose instant has come; ``set_at`` is the log position of the event that set it (0: not kept)."""

    deadline_id: UUID
    stream: str
    order_id: str
    due_at: datetime
    set_at: int

    @property
    def rma_id(self) -> str:
        return self.stream.removeprefix("rma/")


class DeadlineTable:
    """The inbox of the deadline worker."""

    name = "deadlines"
    version = 1
    tables_sql = TABLES
    views = ()

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Let a batch of facts open, move and end deadlines."""
        for event in events:
            if event.kind in KINDS:
                for statement, parameters in _changes(event):
                    connection.execute(statement, parameters)


def _changes(event: RecordedEvent) -> Iterator[tuple[Any, tuple[object, ...]]]:
    fact = event.fact
    if isinstance(fact, Rma.DeadlinesMoved):
        for new in fact.opened:
            overdue = new.due_at < event.recorded_at
            yield OPEN, (new.deadline_id, event.stream, event.partition_key, new.due_at, overdue, event.position)
        for end in fact.ended:
            yield END, (end.deadline_id,)
    elif isinstance(fact, Rma.DeadlineExtended):
        yield MOVE, (fact.due_at, fact.due_at < event.recorded_at, event.position, fact.deadline_id)
    elif isinstance(fact, Rma.DeadlinePassed):
        yield END, (fact.deadline_id,)


def due(connection: Connection, now: datetime, *, limit: int) -> list[DueDeadline]:
    """Return deadlines whose instant has come and that were not fired for it, earliest first."""
    return [DueDeadline(*row) for row in connection.execute(DUE, (now, limit))]


def mark_fired(connection: Connection, fired: Sequence[DueDeadline]) -> None:
    """Remember for which instants deadlines were fired."""
    connection.execute(FIRED, ([d.deadline_id for d in fired], [d.due_at for d in fired]))
