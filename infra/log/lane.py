"""Where relays stand: how far the log and the messages beside it have been published, kept beside both."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row, tuple_row

from domain.values import dataclass
from infra.log.event_log import GROWN

LANE: Final = "main"
"""The one lane there is."""

EVENTS: Final = "rma_log.events"
OUTBOX: Final = "rma_log.outbox"
"""What a lane is read from, by the names that figures of it bear."""

BEGIN: Final = "UPDATE rma_log.relays SET epoch = epoch + 1 WHERE lane = %s RETURNING epoch, position, outbox_seq"
ADVANCE: Final = """
    WITH moved AS (
        UPDATE rma_log.relays SET position = %s, outbox_seq = %s, updated_at = now() WHERE lane = %s AND epoch = %s
        RETURNING outbox_seq
    ), emptied AS (
        DELETE FROM rma_log.outbox USING moved WHERE outbox.seq <= moved.outbox_seq
    )
    SELECT count(*) FROM moved
"""
"""One statement, so that no relay that stands still holds up others in the middle of it."""

ENDS: Final = """
    SELECT 'rma_log.events', coalesce(max(position), 0) FROM rma_log.events
    UNION ALL SELECT 'rma_log.outbox', outbox_seq FROM rma_log.tail
"""
STANDING: Final = "SELECT lane, position, updated_at FROM rma_log.relays ORDER BY lane"
WAITING: Final = "SELECT count(*) FROM rma_log.outbox"
WAITING_FOR: Final = "SELECT value FROM rma_log.outbox WHERE topic = %s ORDER BY seq"


@dataclass(frozen=True, slots=True)
class LanePosition:
    """How far a lane has come, in the log and in the outbox; ``epoch`` counts the relays that led it."""

    epoch: int
    position: int
    outbox_seq: int


class Standing(NamedTuple):
    """How far a lane has come in the log, and when it last moved."""

    lane: str
    position: int
    updated_at: datetime


def begin_epoch(connection: Connection, lane: str) -> LanePosition:
    """Begin another epoch of a lane, and return where it stands: whoever led it before can no longer move it."""
    [row] = connection.execute(BEGIN, (lane,)).fetchall()
    return LanePosition(*row)


def advance(
    connection: Connection, lane: str, at: LanePosition, *, position: int, outbox_seq: int
) -> LanePosition | None:
    """Move a lane on and empty the outbox up to there; None, and nothing done, where another epoch has begun."""
    parameters = (position, outbox_seq, lane, at.epoch)
    [(moved,)] = connection.execute(ADVANCE, parameters, prepare=True).fetchall()
    return LanePosition(at.epoch, position, outbox_seq) if moved else None


def listen(connection: Connection) -> None:
    """Let PostgreSQL tell this session, from now on, that the log has grown."""
    connection.execute(f"LISTEN {GROWN}")


def await_growth(connection: Connection, longest_s: float) -> None:
    """Return once the log has grown since this was last asked, at the latest after so long.

    Raises:
        psycopg.OperationalError: PostgreSQL is away.
    """
    for _ in connection.notifies(timeout=longest_s, stop_after=1):
        pass


def lane_ends(connection: Connection) -> dict[str, int]:
    """Return the last position of ``EVENTS``, and the last sequence number of ``OUTBOX``."""
    return dict(connection.execute(ENDS, prepare=True).fetchall())


def standing(connection: Connection[Any]) -> list[Standing]:
    """Return how far each lane has come, by name."""
    return connection.cursor(row_factory=class_row(Standing)).execute(STANDING).fetchall()


def messages_waiting(connection: Connection[Any]) -> int:
    """Return how many messages beside the events are still to be published."""
    [(waiting,)] = connection.cursor(row_factory=tuple_row).execute(WAITING).fetchall()
    return int(waiting)


def values_waiting(connection: Connection, topic: str) -> list[bytes]:
    """Return the values of the messages that are still to be published to a topic, in order."""
    return [value for (value,) in connection.execute(WAITING_FOR, (topic,))]
