"""What people did about dead letters, kept beside the log: who sent again or dropped which, when and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

Action = Literal["redriven", "mended", "dropped"]
Place = tuple[int, int]
"""Partition and offset on the topic of dead letters."""

ONE_AT_A_TIME: Final = 0x524D4107
"""Advisory lock of whoever acts on dead letters, so that two people do not send one again."""

LATEST: Final = """
    SELECT DISTINCT ON (partition, record_offset) partition, record_offset, action, acted_at, actor, reason
    FROM rma_log.dead_letter_actions JOIN unnest(%s::int[], %s::bigint[]) AS kept (partition, first_offset)
    USING (partition) WHERE topic = %s AND (topic_id IS NULL OR topic_id = %s) AND record_offset >= first_offset
    ORDER BY partition, record_offset, seq DESC
"""
RECORD: Final = """
    INSERT INTO rma_log.dead_letter_actions (topic, topic_id, partition, record_offset, action, acted_at, actor, reason)
    SELECT %s, %s, partition, record_offset, %s, clock_timestamp(), %s, %s
    FROM unnest(%s::int[], %s::bigint[]) AS acted (partition, record_offset)
"""


class DeadTopic(NamedTuple):
    """The topic of dead letters, and Kafka's own id of it: one that was made anew holds none of the old letters."""

    name: str
    topic_id: UUID | None


class ActionTaken(NamedTuple):
    """What was done about one dead letter last."""

    partition: int
    record_offset: int
    action: Action
    acted_at: datetime
    actor: str
    reason: str | None


def actions_taken(connection: Connection, topic: DeadTopic, first: Mapping[int, int]) -> dict[Place, ActionTaken]:
    """Return the last action on each letter that the topic still holds, from its first offset by partition on."""
    with connection.cursor(row_factory=class_row(ActionTaken)) as cursor:
        found = cursor.execute(LATEST, (list(first), list(first.values()), *topic)).fetchall()
    return {(taken.partition, taken.record_offset): taken for taken in found}


def act_alone(connection: Connection) -> None:
    """Let nobody else act on dead letters until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))


def record_action(
    connection: Connection, topic: DeadTopic, places: Iterable[Place], *, action: Action, actor: str, reason: str | None
) -> None:
    """Record what was done about letters, of which there is at least one; those dropped need a ``reason``."""
    partitions, offsets = zip(*places, strict=True)
    connection.execute(RECORD, (*topic, action, actor, reason, list(partitions), list(offsets)))
