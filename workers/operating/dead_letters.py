"""Records that were malformed, or parked because they made a worker fail: listed, shown, sent again, dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, ClassVar, Final, Self, get_args

import orjson
from kafka.structs import TopicPartition
from psycopg import Connection

from domain.errors import RmaError, UnusableInputError
from infra.addresses import addresses
from infra.envelope.command_record import read_command
from infra.kafka.own_topics import topics_of
from infra.kafka.publisher import publisher_of
from infra.kafka.record import Offsets, Record
from infra.kafka.topic_reader import TopicMissingError, TopicReader
from infra.kafka.topics import TopicNames
from infra.log.dead_letters import (
    Action,
    ActionTaken,
    DeadTopic,
    Place,
    act_alone,
    actions_taken,
    record_action,
)
from infra.log.prefix import require_prefix
from infra.sessions import connect
from infra.settings import Settings
from workers.command_worker.intake import DEAD_HEADER_PREFIX

KAFKA_TIMEOUT_MS: Final = 5_000
POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 20
VALUE_CHARS_MAX: Final = 20_000
SEARCHED_MAX: Final = 10_000
ACTED_ON_AT_ONCE_MAX: Final = 500
"""Letters sent again in one transaction: less than a session may be silent is enough for them."""

TOLD_OF_ACTIONS: Final = ("action", "acted_at", "actor", "reason")
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
SENT_AGAIN: Final[tuple[Action, ...]] = ("redriven", "mended")

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

    place: Place
    """Partition and offset on the topic of dead letters."""
    dead_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    found: dict[str, bytes]
    taken: ActionTaken | None = None
    """What was done about it last; None: it waits for somebody."""

    @classmethod
    def of(cls, record: Record) -> Self:
        """Return a Kafka record as a dead letter, our own headers apart from the original's."""
        headers = [(name, value or b"") for name, value in record.headers]
        own = {
            name.removeprefix(DEAD_HEADER_PREFIX): value
            for name, value in headers
            if name.startswith(DEAD_HEADER_PREFIX)
        }
        return cls(
            place=(record.partition, record.offset),
            dead_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            key=record.key,
            value=None if "tombstone" in own else record.value,
            headers=[header for header in headers if not header[0].startswith(DEAD_HEADER_PREFIX)],
            found=own,
        )

    @property
    def letter_id(self) -> str:
        """``partition:offset`` on the topic of dead letters."""
        return "{}:{}".format(*self.place)

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
    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with it, by JSON path; none for a record that was parked."""
        return [(fault["path"], fault["message"]) for fault in self.reason.get("faults", ())]

    @property
    def why(self) -> str:
        """The reason in one line."""
        faults = "; ".join(f"{path}: {message}" for path, message in self.faults)
        return f"{self.reason.get('reason', 'unknown')}: {faults}" if faults else str(self.reason.get("reason", "?"))

    @property
    def command(self) -> tuple[str | None, str | None]:
        """Source and id of the command that it was, each None where it cannot be read."""
        attributes = read_command(self.headers, self.value).attributes
        return attributes.get("source"), attributes.get("id")

    @property
    def text(self) -> str | None:
        """What it holds, as text: its first ``VALUE_CHARS_MAX`` characters; None for a tombstone."""
        return None if self.value is None else self.value.decode(errors="replace")[:VALUE_CHARS_MAX]

    def as_dict(self) -> dict[str, Any]:
        """Return everything, bytes as text."""
        return {
            "id": self.letter_id,
            "dead_at": self.dead_at,
            "origin": self.origin,
            "reason": self.reason,
            "action": None if self.taken is None else {name: getattr(self.taken, name) for name in TOLD_OF_ACTIONS},
            "key": None if self.key is None else self.key.decode(errors="replace"),
            "headers": [[name, value.decode(errors="replace")] for name, value in self.headers],
            "value": self.text,
        }


class DeadLetters:
    """The topic of dead letters, and what was done about each; to be closed."""

    def __init__(self, settings: Settings) -> None:
        """Connect; raises what ``addresses``, ``connect`` and ``TopicReader`` do where a service is away."""
        self._topics = TopicNames(settings.topic_prefix)
        self._settings = settings
        where = addresses(settings)
        with ExitStack() as opened:
            try:
                reader = TopicReader(where.kafka_bootstrap, self._topics.dead, timeout_ms=KAFKA_TIMEOUT_MS)
            except TopicMissingError:
                topics_of(settings)  # another prefix than the database belongs to is the better reason
                raise
            self._reader = opened.enter_context(closing(reader))
            self._topic = DeadTopic(self._topics.dead, reader.topic_id)
            self._log = opened.enter_context(closing(connect(where.postgres_dsn.get_secret_value())))
            require_prefix(self._log, settings.topic_prefix)
            self._opened = opened.pop_all()

    def close(self) -> None:
        self._opened.close()

    def newest(self, limit: int, *, acted_on_too: bool = False) -> list[DeadLetter]:
        """Return the last ``limit`` letters that wait for somebody, or of all, oldest first."""
        first, ends = self._reader.begins(), self._reader.ends()
        taken = self._taken(first)
        wanted: dict[TopicPartition, set[int]] = {}
        for partition, end in ends.items():
            offsets = range(end - 1, first[partition] - 1, -1)
            listed = (n for n in offsets if acted_on_too or (partition.partition, n) not in taken)
            wanted[partition] = set(islice(listed, limit))
        letters = [replace(letter, taken=taken.get(letter.place)) for letter in self._at(wanted)]
        return sorted(letters, key=lambda letter: (letter.dead_at, letter.place))[-limit:]

    def of_command(self, command_id: str, source: str | None) -> list[DeadLetter]:
        """Return what is kept of a command by its id, of every source or of one, oldest first.

        The newest ``SEARCHED_MAX`` dead letters are looked through, those sent again or dropped too.
        """
        letters = ((letter, *letter.command) for letter in self.newest(SEARCHED_MAX, acted_on_too=True))
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
            for letter in self._at({partition: {offset}}):
                return replace(letter, taken=self._taken(first).get(letter.place))
        raise UnknownDeadLetterError(f"there is no dead letter {letter_id}, see: rma dead list --all")

    def redrive(self, letters: Iterable[DeadLetter], *, actor: str, body: bytes | None = None) -> list[DeadLetter]:
        """Publish original records again in the order in which they came, to the topic of commands; return them.

        A letter that was sent again before is left out. One is sent first and remembered afterwards, so that none is
        lost: whoever is stopped in between sends it once more, which its command's id makes harmless.

        Args:
            letters: What to send; those too large to be kept whole cannot be.
            actor: Who does it, as ``kind:id``.
            body: What a letter holds once it is mended, sent in place of what it held.
        Raises:
            CutDeadLetterError: One was too large to be kept whole; none was sent.
            kafka.errors.KafkaError, psycopg.Error: A service is away.
        """
        ordered = sorted(letters, key=lambda letter: letter.place)
        for letter in ordered:
            if letter.cut:
                what = f"{letter.letter_id} was too large to be kept whole; the record is at {letter.origin}"
                raise CutDeadLetterError(what)
        action: Action = "redriven" if body is None else "mended"
        with closing(publisher_of(self._settings)) as publisher:
            sent: list[DeadLetter] = []
            for start in range(0, len(ordered), ACTED_ON_AT_ONCE_MAX):
                with self._acting(ordered[start : start + ACTED_ON_AT_ONCE_MAX], but=SENT_AGAIN) as waiting:
                    records = [(one.key, one.value if body is None else body, one.headers) for one in waiting]
                    publisher.deliver(self._topics.commands, records)
                    self._record(waiting, action, actor, None)
                sent += waiting
        return sent

    def drop(self, letters: Sequence[DeadLetter], *, actor: str, reason: str) -> list[DeadLetter]:
        """Take letters off the list for good, by whom and why; return those that still waited for somebody."""
        with self._acting(letters, but=ACTIONS) as waiting:
            self._record(waiting, "dropped", actor, reason)
        return list(waiting)

    @contextmanager
    def _acting(self, letters: Sequence[DeadLetter], *, but: Collection[Action]) -> Iterator[Sequence[DeadLetter]]:
        """Yield the letters with which nobody has done any of these things, while nobody else does anything."""
        with self._log.transaction():
            act_alone(self._log)
            taken = self._taken(self._reader.begins())
            yield [one for one in letters if one.place not in taken or taken[one.place].action not in but]

    def _record(self, letters: Sequence[DeadLetter], action: Action, actor: str, reason: str | None) -> None:
        if letters:
            places = [letter.place for letter in letters]
            record_action(self._log, self._topic, places, action=action, actor=actor, reason=reason)

    def _taken(self, first: Offsets) -> dict[Place, ActionTaken]:
        kept_from = {partition.partition: offset for partition, offset in first.items()}
        return actions_taken(self._log, self._topic, kept_from)

    def _at(self, wanted: Mapping[TopicPartition, Collection[int]]) -> Iterator[DeadLetter]:
        """Yield the letters at these offsets, in no order across partitions; what lies between is read over."""
        last = {partition: max(offsets) for partition, offsets in wanted.items() if offsets}
        self._reader.seek({partition: min(wanted[partition]) for partition in last})
        empty = 0
        while last and empty < EMPTY_POLLS_MAX:
            polled = self._reader.poll(POLL_MS)
            empty = 0 if polled else empty + 1
            for partition, records in polled.items():
                yield from (DeadLetter.of(record) for record in records if record.offset in wanted[partition])
            last = {partition: end for partition, end in last.items() if self._reader.position(partition) <= end}


def waiting_letters(
    connection: Connection[Any], topic: DeadTopic, first: Mapping[int, int], ends: Mapping[int, int]
) -> int:
    """Return how many letters wait for somebody, of those that the topic holds between these offsets."""
    taken = actions_taken(connection, topic, first)
    return sum(ends.values()) - sum(first.values()) - len(taken)


def _place(letter_id: str, topic: str) -> tuple[TopicPartition, int]:
    partition, colon, offset = letter_id.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise LetterIdError(f"{letter_id} is no dead letter's id; it looks like 3:17, see: rma dead list")
    return TopicPartition(topic, int(partition)), int(offset)
