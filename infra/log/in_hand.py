"""What a command worker has in hand, noted before it is handled, so that the next knows what it may have died of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar
from uuid import UUID, uuid4

from kafka.structs import TopicPartition

from infra.log.event_log import EventLog
from infra.log.poison import Placed

PIECES: Final = 25
"""Into how many pieces the records are taken apart that somebody may have died of: two deaths tell one out of 500."""

TAKE: Final = """
    INSERT INTO rma_log.in_hand AS known (topic, partition, first_offset, next_offset, holder, taken_at)
    SELECT topic, partition, first_offset, next_offset, %s, clock_timestamp()
    FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[])
        AS taken (topic, partition, first_offset, next_offset)
    ON CONFLICT (topic, partition) DO UPDATE SET first_offset = excluded.first_offset,
        next_offset = excluded.next_offset, holder = excluded.holder, taken_at = excluded.taken_at
"""
WHERE_NOBODY_ELSE_HAS_THEM: Final = """
    WHERE known.holder = excluded.holder
        OR known.next_offset <= excluded.first_offset OR known.first_offset >= excluded.next_offset
    RETURNING topic, partition
"""
HELD: Final = """
    SELECT topic, partition, first_offset, next_offset
    FROM rma_log.in_hand JOIN unnest(%s::text[], %s::int[]) AS asked (topic, partition) USING (topic, partition)
"""
LET_GO: Final = """
    DELETE FROM rma_log.in_hand USING unnest(%s::text[], %s::int[]) AS gone (topic, partition)
    WHERE in_hand.topic = gone.topic AND in_hand.partition = gone.partition AND holder = %s
"""


Record = TypeVar("Record", bound=Placed)
Batch = Mapping[TopicPartition, Sequence[Placed]]


class Hand(NamedTuple):
    """Records of one partition that another worker had in hand, and may have died of: from an offset up to another."""

    first_offset: int
    next_offset: int

    def alone(self, records: Sequence[Record]) -> Record | None:
        """Return the one record of these that was all that it had; None where it had several, or another."""
        is_one = self.next_offset == self.first_offset + 1
        return next((record for record in records if is_one and record.offset == self.first_offset), None)

    def pieces(self, records: Sequence[Record]) -> list[Sequence[Record]]:
        """Return records in order: what was in this hand in small pieces, what lies before and behind it together."""
        size = -(-(self.next_offset - self.first_offset) // PIECES)
        begin = sum(record.offset < self.first_offset for record in records)
        end = sum(record.offset < self.next_offset for record in records)
        cuts = [0, *range(begin, end, size), end, len(records)]
        return [records[start:stop] for start, stop in pairwise(cuts) if start < stop]


class InHand:
    """The records that one worker has in hand, in PostgreSQL; what it notes costs no write to disk."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._holder: UUID = uuid4()

    def take(self, batch: Batch) -> dict[TopicPartition, Hand]:
        """Note a batch as in hand, but for partitions of which another has some in hand; return what those have."""
        noted = self._log.connection.execute(TAKE + WHERE_NOBODY_ELSE_HAS_THEM, self._rows(batch)).fetchall()
        others = set(batch) - {TopicPartition(*row) for row in noted}
        if not others:
            return {}
        asked = ([one.topic for one in others], [one.partition for one in others])
        held = self._log.connection.execute(HELD, asked).fetchall()
        return {TopicPartition(topic, partition): Hand(*offsets) for topic, partition, *offsets in held}

    def take_over(self, partition: TopicPartition, records: Sequence[Placed]) -> None:
        """Note records as in hand, whoever else has any of their partition."""
        self._log.connection.execute(TAKE, self._rows({partition: records}))

    def let_go(self, partitions: Collection[TopicPartition]) -> None:
        """Forget what this worker has in hand of partitions at which it stops, alive: nobody died of it."""
        asked = ([one.topic for one in partitions], [one.partition for one in partitions])
        self._log.connection.execute(LET_GO, (*asked, self._holder))

    def _rows(self, batch: Batch) -> tuple[UUID, list[str], list[int], list[int], list[int]]:
        return (
            self._holder,
            [one.topic for one in batch],
            [one.partition for one in batch],
            [records[0].offset for records in batch.values()],
            [records[-1].offset + 1 for records in batch.values()],
        )
