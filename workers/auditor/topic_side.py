"""The topic of events, read in the log's order without holding much of it, and compared record by record."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from kafka.errors import KafkaTimeoutError

from infra.kafka.partitioner import Placement
from infra.kafka.record import Offsets, Record
from infra.kafka.topic_reader import PartitionReaders
from infra.records import StoredEvent
from workers.auditor.chain import hashed_of
from workers.auditor.faults import AuditFault, FaultFoundError

POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60
ATTRIBUTE: Final = "ce_"
POSITION: Final = "ce_position"
PREV_HASH: Final = "ce_prevhash"
CONTENT_TYPE: Final = ("content-type", b"application/json")

LookUp = Callable[[int], StoredEvent | None]
"""Returns the event at a position of the log."""


class TopicSide:
    """Records as the log's order asks for them.

    Args:
        reader: Of the topic, at the offsets to begin at.
        placement: Where each key belongs.
        look_up: Finds the event that a repeated record repeats.
        position: The last position that was compared before; a record up to there is a repeat.
    """

    def __init__(self, reader: PartitionReaders, placement: Placement, look_up: LookUp, position: int = 0) -> None:
        self.records = 0
        self._reader = reader
        self._placement = placement
        self._look_up = look_up
        self._position = position
        self._ends: Offsets = {}
        self._held: dict[int, deque[Record]] = {one.partition: deque() for one in reader.partitions}
        self._partitions = {one.partition: one for one in reader.partitions}

    def read_to(self, ends: Offsets) -> None:
        """Let records up to these offsets be seen."""
        self._ends = ends

    def expect(self, event: StoredEvent, hashed: bytes, *, is_published: bool) -> None:
        """Hold the next event of the log against its record; raises ``FaultFoundError``.

        Args:
            event: Follows the one before in the log.
            hashed: What ``hashed_of`` says of it.
            is_published: The relay is past it. Of one that it is not past the record may be missing.
        """
        self._position = event.position
        partition = self._placement.of(event.partition_key.encode())
        while (record := self._peek(partition)) is not None:
            position = self._position_of(record)
            if position < event.position:
                self._check_repeat(record, position)
            elif position == event.position:
                self._check(record, event, hashed)
                self._drop(partition)
                return
            else:
                break
            self._drop(partition)
        if record is not None:
            self._refuse_stranger(record)
        if is_published or record is not None:
            found = None if record is None else f"position {self._position_of(record)} next in partition {partition}"
            said = f"a record in partition {partition}"
            raise FaultFoundError(
                AuditFault("topic_missing", {"position": event.position}, said, found, event.position)
            )

    def drain(self, last: StoredEvent | None, log_end: int) -> None:
        """Check what the topic holds behind the last event that was told; raises ``FaultFoundError``.

        Args:
            last: That event, None where there was none.
            log_end: The log's last position, read after the ends of the topic. No record can be behind it.
        """
        for partition in self._held:
            while (record := self._peek(partition)) is not None:
                position = self._position_of(record)
                if position > log_end:
                    raise FaultFoundError(self._beyond(record, position, last))
                if position > self._position:
                    break
                self._check_repeat(record, position)
                self._drop(partition)

    def standing(self) -> dict[int, int]:
        """Return the offset of the next record that was not compared yet, by partition."""
        return {
            number: held[0].offset if held else self._reader.position(self._partitions[number])
            for number, held in self._held.items()
        }

    def _drop(self, partition: int) -> None:
        self._held[partition].popleft()
        self.records += 1

    def _peek(self, partition: int) -> Record | None:
        held, here = self._held[partition], self._partitions[partition]
        end = self._ends.get(here, 0)
        empty_polls = 0
        while not held and self._reader.position(here) < end:
            held.extend(self._reader.poll(here, POLL_MS))
            empty_polls = 0 if held else empty_polls + 1
            if empty_polls > EMPTY_POLLS_MAX:
                raise KafkaTimeoutError(f"partition {partition} holds records that do not come")
        return held[0] if held and held[0].offset < end else None

    def _position_of(self, record: Record) -> int:
        """Return the log position that a record bears; raises ``FaultFoundError`` where it bears none."""
        value = next((value for name, value in record.headers if name == POSITION), None)
        if value is None or not value.isdigit():
            raise FaultFoundError(self._at(record, "a record with a position", "one without"))
        return int(value)

    def _check_repeat(self, record: Record, position: int) -> None:
        event = self._look_up(position)
        if event is None:
            raise FaultFoundError(self._at(record, f"the log's event at position {position}", "one that it lacks"))
        self._refuse_stranger(record)
        if not is_record_of(record, event, hashed_of(event)):
            raise FaultFoundError(self._at(record, f"position {position} as the log has it", "another one"))

    def _check(self, record: Record, event: StoredEvent, hashed: bytes) -> None:
        if not is_record_of(record, event, hashed):
            where = {"position": event.position, "partition": record.partition, "offset": record.offset}
            found = "another key, header or body"
            raise FaultFoundError(AuditFault("topic_differs", where, f"event {event.event_id}", found, event.position))

    def _refuse_stranger(self, record: Record) -> None:
        """Raise where a record lies in a partition that is not its key's."""
        belongs = self._placement.of(record.key)
        if belongs != record.partition:
            raise FaultFoundError(self._at(record, f"its key in partition {belongs}", f"in {record.partition}"))

    def _beyond(self, record: Record, position: int, last: StoredEvent | None) -> AuditFault:
        """Return what a record behind the log's end means: the log was cut, or the record is one too many."""
        prev_hash = dict(record.headers).get(PREV_HASH)
        if position == self._position + 1 and last is not None and prev_hash == last.hash.hex().encode():
            said = f"the event of offset {record.offset} of partition {record.partition}"
            return AuditFault("event_missing", {"position": position}, said, None, position)
        return self._at(record, f"no position above {self._position}", f"position {position}")

    def _at(self, record: Record, expected: str, found: str) -> AuditFault:
        where = {"partition": record.partition, "offset": record.offset}
        return AuditFault("topic_differs", where, expected, found, self._position)


def is_record_of(record: Record, event: StoredEvent, hashed: bytes) -> bool:
    """Tell whether a record is an event, to the last byte of key, headers and body."""
    key = event.partition_key.encode()
    if record.key != key or record.value is None:
        return False
    prev_hash, content, lines = None, [], []
    for name, value in record.headers:
        if value is None:
            return False
        if name == PREV_HASH and prev_hash is None:
            prev_hash = value
        elif name.startswith(ATTRIBUTE):
            lines.append(name[3:].encode() + b"=" + value + b"\n")
        else:
            content.append((name, value))
    lines.sort()
    told = b"".join((*lines, b"key=", key, b"\n\n", record.value))
    return told == hashed and prev_hash == event.prev_hash.hex().encode() and content == [CONTENT_TYPE]
