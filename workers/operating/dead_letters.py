"""Records that were malformed, or parked because they made a worker fail: listed, looked at, and published again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Self

import orjson
from kafka.structs import TopicPartition

from domain.errors import RmaError, UnusableInputError
from infra.addresses import addresses
from infra.envelope.command_record import read_command
from infra.kafka.publisher import publisher_of
from infra.kafka.record import DatedRecord, Offsets
from infra.kafka.topic_reader import TopicReader
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from workers.command_worker.intake import DEAD_HEADER_PREFIX

KAFKA_TIMEOUT_MS: Final = 5_000
POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 20
VALUE_CHARS_MAX: Final = 20_000
SEARCHED_MAX: Final = 10_000

Header = tuple[str, bytes]


class UnknownDeadLetterError(RmaError):
    """There is no dead letter under an id."""

    code: ClassVar[str] = "unknown_dead_letter"


class LetterIdError(UnusableInputError):
    """What was given as the id of a dead letter is none."""

    code: ClassVar[str] = "letter_id"


class CutDeadLetterError(RmaError):
    """Only the beginning of a record was kept; it cannot be sent again from here."""

    code: ClassVar[str] = "cut_dead_letter"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of the topic of dead letters: the original record, where it came from, and why it is here."""

    letter_id: str
    """``partition:offset`` on the topic of dead letters."""
    dead_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    found: dict[str, bytes]

    @classmethod
    def of(cls, record: DatedRecord) -> Self:
        """Return a Kafka record as a dead letter, our own headers apart from the original's."""
        headers = [(name, value or b"") for name, value in record.headers]
        own = {
            name.removeprefix(DEAD_HEADER_PREFIX): value
            for name, value in headers
            if name.startswith(DEAD_HEADER_PREFIX)
        }
        return cls(
            letter_id=f"{record.partition}:{record.offset}",
            dead_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            key=record.key,
            value=None if "tombstone" in own else record.value,
            headers=[header for header in headers if not header[0].startswith(DEAD_HEADER_PREFIX)],
            found=own,
        )

    @property
    def origin(self) -> str:
        """Where the record was: topic, partition and offset."""
        return "/".join(self.found.get(name, b"?").decode() for name in ("topic", "partition", "offset"))

    @property
    def cut(self) -> bool:
        """Whether only the beginning of the record was kept."""
        return "cut" in self.found

    @property
    def reason(self) -> dict[str, Any]:
        """Why it is here: a word, and the faults by JSON path or the number of attempts."""
        loaded = orjson.loads(self.found.get("reason", b"{}"))
        return loaded if isinstance(loaded, dict) else {"reason": loaded}

    @property
    def why(self) -> str:
        """The reason in one line."""
        faults = "; ".join(f"{fault['path']}: {fault['message']}" for fault in self.reason.get("faults", ()))
        return f"{self.reason.get('reason', 'unknown')}: {faults}" if faults else str(self.reason.get("reason", "?"))

    @property
    def command(self) -> tuple[str | None, str | None]:
        """Source and id of the command that it was, each None where it cannot be read."""
        attributes = read_command(self.headers, self.value).attributes
        return attributes.get("source"), attributes.get("id")

    def as_dict(self) -> dict[str, Any]:
        """Return everything, bytes as text."""
        return {
            "id": self.letter_id,
            "dead_at": self.dead_at,
            "origin": self.origin,
            "reason": self.reason,
            "key": None if self.key is None else self.key.decode(errors="replace"),
            "headers": [[name, value.decode(errors="replace")] for name, value in self.headers],
            "value": None if self.value is None else self.value.decode(errors="replace")[:VALUE_CHARS_MAX],
        }


class DeadLetters:
    """The topic of dead letters; to be closed."""

    def __init__(self, settings: Settings) -> None:
        """Connect; raises ``ServiceUnreachableError`` or ``kafka.errors.KafkaError`` where Kafka is away."""
        self._topics = TopicNames(settings.topic_prefix)
        self._settings = settings
        bootstrap = addresses(settings).kafka_bootstrap
        self._reader = TopicReader(bootstrap, self._topics.dead, timeout_ms=KAFKA_TIMEOUT_MS)

    def close(self) -> None:
        self._reader.close()

    def newest(self, limit: int) -> list[DeadLetter]:
        """Return the last ``limit`` dead letters, oldest first."""
        first, ends = self._reader.begins(), self._reader.ends()
        begin = {partition: max(offset, ends[partition] - limit) for partition, offset in first.items()}
        letters = sorted(self._between(begin, ends), key=lambda letter: (letter.dead_at, letter.letter_id))
        return letters[-limit:]

    def of_command(self, command_id: str, source: str | None) -> list[DeadLetter]:
        """Return what is kept of a command by its id, of every source or of one, oldest first.

        The newest ``SEARCHED_MAX`` dead letters are looked through.
        """
        letters = ((letter, *letter.command) for letter in self.newest(SEARCHED_MAX))
        return [letter for letter, of, its_id in letters if its_id == command_id and source in {None, of}]

    def one(self, letter_id: str) -> DeadLetter:
        """Return a dead letter by its id.

        Raises:
            UnknownDeadLetterError: There is none.
            LetterIdError: It is no id at all.
        """
        partition, offset = _place(letter_id, self._topics.dead)
        first, ends = self._reader.begins(), self._reader.ends()
        if partition in first and first[partition] <= offset < ends[partition]:
            for letter in self._between({partition: offset}, {partition: offset + 1}):
                return letter
        raise UnknownDeadLetterError(f"there is no dead letter {letter_id}, see: rma dead list")

    def redrive(self, letters: Sequence[DeadLetter]) -> None:
        """Publish the original records again, to the topic of commands.

        Raises:
            CutDeadLetterError: One was too large to be kept whole; none was sent.
            kafka.errors.KafkaError: Kafka is away.
        """
        for letter in letters:
            if letter.cut:
                what = f"{letter.letter_id} was too large to be kept whole; the record is at {letter.origin}"
                raise CutDeadLetterError(what)
        with closing(publisher_of(self._settings)) as publisher:
            publisher.deliver(self._topics.commands, [(one.key, one.value, one.headers) for one in letters])

    def _between(self, begin: Offsets, ends: Offsets) -> Iterator[DeadLetter]:
        """Yield the records from the offsets in ``begin`` up to those in ``ends``, in no order across partitions."""
        left = {partition for partition in begin if begin[partition] < ends[partition]}
        self._reader.seek({partition: begin[partition] for partition in left})
        empty = 0
        while left and empty < EMPTY_POLLS_MAX:
            polled = self._reader.poll(POLL_MS)
            empty = 0 if polled else empty + 1
            for partition, records in polled.items():
                yield from (DeadLetter.of(record) for record in records if record.offset < ends[partition])
            left = {partition for partition in left if self._reader.position(partition) < ends[partition]}


def _place(letter_id: str, topic: str) -> tuple[TopicPartition, int]:
    partition, colon, offset = letter_id.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise LetterIdError(f"{letter_id} is no dead letter's id; it looks like 3:17, see: rma dead list")
    return TopicPartition(topic, int(partition)), int(offset)
