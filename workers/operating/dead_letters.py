"""Records that were malformed, or parked because they made a worker fail: listed, shown, sent again, dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, ClassVar, Final, get_args
from uuid import UUID

from kafka.structs import TopicPartition
from psycopg import Connection

from domain.errors import RmaError, UnusableInputError
from infra.addresses import addresses
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
from infra.sealing.master_keys import VaultKeyMissingError
from infra.sealing.openings import Looking, note_opening
from infra.sealing.vault import Vault, open_vault
from infra.sessions import connect
from infra.settings import Settings
from workers.operating.dead_letter import DeadLetter, key_id_of

KAFKA_TIMEOUT_MS: Final = 5_000
POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 20
SEARCHED_MAX: Final = 10_000
ACTED_ON_AT_ONCE_MAX: Final = 500
"""Letters sent again in one transaction: less than a session may be silent is enough for them."""

ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
SENT_AGAIN: Final[tuple[Action, ...]] = ("redriven", "mended")


class UnknownDeadLetterError(RmaError):
    """There is no dead letter under an id."""

    code: ClassVar[str] = "unknown_dead_letter"


class LetterIdError(UnusableInputError):
    """What was given as the id of a dead letter is none."""

    code: ClassVar[str] = "letter_id"


class CutDeadLetterError(RmaError):
    """Only the beginning of a record was kept; it cannot be sent again from here."""

    code: ClassVar[str] = "cut_dead_letter"


class SealedDeadLetterError(RmaError):
    """What a letter holds cannot be told here, so it cannot be sent again."""

    code: ClassVar[str] = "sealed_dead_letter"


class DeadLetters:
    """The topic of dead letters, and what was done about each; to be closed."""

    def __init__(self, settings: Settings) -> None:
        """Connect; raises what ``addresses``, ``connect`` and ``TopicReader`` do where a service is away.

        Without the vault's master key letters stay sealed.
        """
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
            self._vault = _vault(settings)
            if self._vault is not None:
                opened.enter_context(closing(self._vault))
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
            CutDeadLetterError, SealedDeadLetterError: One cannot be sent whole; none was sent.
            kafka.errors.KafkaError, psycopg.Error: A service is away.
        """
        ordered = sorted(letters, key=lambda letter: letter.place)
        for letter in ordered:
            if letter.cut:
                what = f"{letter.letter_id} was too large to be kept whole; the record is at {letter.origin}"
                raise CutDeadLetterError(what)
            if letter.mark is not None:
                raise SealedDeadLetterError(f"{letter.letter_id} is {letter.mark}: what it was cannot be told here")
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

    def look_at(self, letter: DeadLetter, looking: Looking) -> None:
        """Put on record that somebody is about to see what a letter holds."""
        if self._vault is not None and letter.key_id is not None and letter.mark is None:
            stream = f"{self._topics.dead}/{letter.letter_id}"
            note_opening(self._vault.connection, looking, "nobody known", stream, ["the record"])

    def forget(self, letters: Iterable[DeadLetter]) -> int:
        """Destroy the keys of letters, so that nobody reads what they hold any more; return how many there were.

        Raises:
            VaultKeyMissingError: This process has no vault.
        """
        if self._vault is None:
            raise VaultKeyMissingError(self._settings.vault_key_file)
        return self._vault.destroy_letters(letter.key_id for letter in letters if letter.key_id is not None)

    def naming(self, names: Collection[str]) -> tuple[list[DeadLetter], list[DeadLetter]]:
        """Return the letters that name one of these customers and orders, and those of which nobody can say whose.

        The newest ``SEARCHED_MAX`` are looked through: key, headers and body. Nobody's are those that can be opened and
        name neither an order nor a customer where a command does.
        """
        found = [letter for letter in self.newest(SEARCHED_MAX, acted_on_too=True) if letter.mark is None]
        theirs = [letter for letter in found if letter.names(names)]
        return theirs, [letter for letter in found if letter not in theirs and letter.is_nobodys]

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
                named = [record for record in records if record.offset in wanted[partition]]
                keys = self._keys(named)
                yield from (DeadLetter.of(record, keys) for record in named)
            last = {partition: end for partition, end in last.items() if self._reader.position(partition) <= end}

    def _keys(self, records: Iterable[Record]) -> dict[UUID, bytes] | None:
        if self._vault is None:
            return None
        return self._vault.letter_keys(filter(None, map(key_id_of, records)))


def _vault(settings: Settings) -> Vault | None:
    try:
        return open_vault(settings)
    except VaultKeyMissingError:
        return None


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
