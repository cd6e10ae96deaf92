"""The deadline worker's memory in PostgreSQL: deadlines, and returns that are over; moved with the topic's position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.case.notices import OF_THE_CUSTOMER
from domain.recorded import RecordedEvent
from domain.rma import Rma
from domain.rma.outcome_facts import DeadlinesMoved

KINDS: Final = frozenset(
    {
        Rma.DeadlinesMoved,
        Rma.DeadlinePassed,
        Rma.DeadlineExtended,
        Rma.Closed,
        Rma.Reopened,
        Rma.FeedbackAsked,
        Rma.FeedbackGiven,
    }
)
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
-- of the customer's own: when the instant became known (empty: nobody is reminded); for which he was reminded last
ALTER TABLE rma_deadlines.deadlines ADD COLUMN IF NOT EXISTS his_since timestamptz;
ALTER TABLE rma_deadlines.deadlines ADD COLUMN IF NOT EXISTS reminded_for timestamptz;
CREATE INDEX IF NOT EXISTS deadlines_to_remind ON rma_deadlines.deadlines (due_at)
    WHERE open AND NOT overdue AND his_since IS NOT NULL AND reminded_for IS DISTINCT FROM due_at;
-- returns that are over, and whose customers were not asked how it went
CREATE TABLE IF NOT EXISTS rma_deadlines.over (
    rma_id      uuid        PRIMARY KEY,
    order_id    text        NOT NULL,
    resolved_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    set_at      bigint      NOT NULL,  -- the log position of the event that says so
    closed      boolean     NOT NULL DEFAULT false,
    ask_at      timestamptz            -- empty: not worked out yet
);
CREATE INDEX IF NOT EXISTS over_to_ask ON rma_deadlines.over (ask_at);
"""
OPEN: Final = """
    INSERT INTO rma_deadlines.deadlines (deadline_id, stream, order_id, due_at, open, overdue, set_at, his_since)
    VALUES (%s, %s, %s, %s, true, %s, %s, %s) ON CONFLICT (deadline_id) DO NOTHING
"""
MOVE: Final = """
    UPDATE rma_deadlines.deadlines SET due_at = %s, overdue = %s, set_at = %s,
        his_since = CASE WHEN his_since IS NOT NULL THEN %s END
    WHERE deadline_id = %s
"""
END: Final = "UPDATE rma_deadlines.deadlines SET open = false WHERE deadline_id = %s"
DUE: Final = """
    SELECT deadline_id, stream, order_id, due_at, set_at FROM rma_deadlines.deadlines
    WHERE open AND NOT overdue AND fired_for IS DISTINCT FROM due_at AND due_at <= %s ORDER BY due_at LIMIT %s
"""
FIRED: Final = """
    UPDATE rma_deadlines.deadlines AS d SET fired_for = f.due_at
    FROM unnest(%s::uuid[], %s::timestamptz[]) AS f (deadline_id, due_at) WHERE d.deadline_id = f.deadline_id
"""
NEAR: Final = """
    SELECT deadline_id, stream, order_id, due_at, set_at FROM rma_deadlines.deadlines
    WHERE open AND NOT overdue AND his_since IS NOT NULL AND reminded_for IS DISTINCT FROM due_at
    AND due_at <= %(now)s + %(near)s AND due_at > %(now)s AND his_since <= due_at - %(near)s
    ORDER BY due_at LIMIT %(limit)s
"""
REMINDED: Final = """
    UPDATE rma_deadlines.deadlines AS d SET reminded_for = f.due_at
    FROM unnest(%s::uuid[], %s::timestamptz[]) AS f (deadline_id, due_at) WHERE d.deadline_id = f.deadline_id
"""
RESOLVE: Final = """
    INSERT INTO rma_deadlines.over (rma_id, order_id, resolved_at, recorded_at, set_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (rma_id) DO NOTHING
"""
NO_LONGER_OVER: Final = "DELETE FROM rma_deadlines.over WHERE rma_id = %s AND NOT closed"
CLOSE: Final = "UPDATE rma_deadlines.over SET closed = %s WHERE rma_id = %s"
NOT_TO_ASK: Final = "DELETE FROM rma_deadlines.over WHERE rma_id = ANY(%s)"
NEW: Final = """
    SELECT rma_id, order_id, resolved_at, recorded_at, set_at FROM rma_deadlines.over
    WHERE ask_at IS NULL ORDER BY set_at LIMIT %s
"""
ASK_AT: Final = "UPDATE rma_deadlines.over SET ask_at = %s WHERE rma_id = %s"
TO_ASK: Final = """
    SELECT rma_id, order_id, resolved_at, recorded_at, set_at FROM rma_deadlines.over
    WHERE ask_at <= %s ORDER BY ask_at LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class OverReturn:
    """A return that is over; ``set_at`` is the log position of the event that says so."""

    rma_id: UUID
    order_id: str
    resolved_at: datetime
    recorded_at: datetime
    set_at: int


@dataclass(frozen=True, slots=True)
class DueDeadline:
    """A deadline whose instant has come, or is near; ``set_at``: the position of what set it (0: not kept)."""

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
        """Let a batch of facts open, move and end deadlines, and returns be over."""
        for event in events:
            if event.kind in KINDS:
                for statement, parameters in _changes(event):
                    connection.execute(statement, parameters)


def _changes(event: RecordedEvent) -> Iterator[tuple[Any, tuple[object, ...]]]:
    rma_id = UUID(event.stream.removeprefix("rma/"))
    match event.fact:
        case DeadlinesMoved() as fact:
            yield from _moved(event, fact, rma_id)
        case Rma.DeadlineExtended() as fact:
            overdue = fact.due_at < event.recorded_at
            yield MOVE, (fact.due_at, overdue, event.position, event.recorded_at, fact.deadline_id)
        case Rma.DeadlinePassed() as fact:
            yield END, (fact.deadline_id,)
        case Rma.Closed():
            yield CLOSE, (True, rma_id)
        case Rma.Reopened():
            yield CLOSE, (False, rma_id)
        case Rma.FeedbackAsked() | Rma.FeedbackGiven():
            yield NOT_TO_ASK, ([rma_id],)


def _moved(event: RecordedEvent, fact: DeadlinesMoved, rma_id: UUID) -> Iterator[tuple[Any, tuple[object, ...]]]:
    for new in fact.opened:
        overdue, his_since = new.due_at < event.recorded_at, event.recorded_at if new.kind in OF_THE_CUSTOMER else None
        about = (new.deadline_id, event.stream, event.partition_key, new.due_at)
        yield OPEN, (*about, overdue, event.position, his_since)
    for end in fact.ended:
        yield END, (end.deadline_id,)
    if fact.resolved:
        yield RESOLVE, (rma_id, event.partition_key, event.occurred_at, event.recorded_at, event.position)
    else:
        yield NO_LONGER_OVER, (rma_id,)


def due(connection: Connection, now: datetime, *, limit: int) -> list[DueDeadline]:
    """Return deadlines whose instant has come and that were not fired for it, earliest first."""
    return [DueDeadline(*row) for row in connection.execute(DUE, (now, limit))]


def mark_fired(connection: Connection, fired: Sequence[DueDeadline]) -> None:
    """Remember for which instants deadlines were fired."""
    connection.execute(FIRED, ([d.deadline_id for d in fired], [d.due_at for d in fired]))


def near(connection: Connection, now: datetime, *, ahead: timedelta, limit: int) -> list[DueDeadline]:
    """Return the customers' deadlines that are to come within so long, and that no reminder was sent of.

    Not those that were set so late that whoever set them has only just told of them.
    """
    return [DueDeadline(*row) for row in connection.execute(NEAR, {"now": now, "near": ahead, "limit": limit})]


def mark_reminded(connection: Connection, reminded: Sequence[DueDeadline]) -> None:
    """Remember of which instants customers were reminded."""
    connection.execute(REMINDED, ([d.deadline_id for d in reminded], [d.due_at for d in reminded]))


def newly_over(connection: Connection, *, limit: int) -> list[OverReturn]:
    """Return returns that are over, and of which it is not worked out when to ask."""
    return [OverReturn(*row) for row in connection.execute(NEW, (limit,))]


def ask_at(connection: Connection, over: OverReturn, at: datetime) -> None:
    """Remember when a customer is to be asked how it went."""
    connection.execute(ASK_AT, (at, over.rma_id))


def to_ask(connection: Connection, now: datetime, *, limit: int) -> list[OverReturn]:
    """Return returns whose customers are to be asked now."""
    return [OverReturn(*row) for row in connection.execute(TO_ASK, (now, limit))]


def forget(connection: Connection, over: Sequence[OverReturn]) -> None:
    """Forget returns that need nothing more."""
    connection.execute(NOT_TO_ASK, ([one.rma_id for one in over],))
