"""The command worker: a polled batch of commands becomes one append to the log.

Parse at the edge, find what was answered before, load every stream that is named with one query, decide in memory and
in order, write all events, answers and dead letters in one transaction. Kafka's offsets are committed after that: a
crash in between repeats the batch, and repeats get their first answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, cast

import psycopg
import structlog
from kafka.structs import TopicPartition

from commands import dispatch
from domain.errors import CommandIdReusedError, RuleViolationError
from infra.codec import Codec, topic_of
from infra.event_log import Append, Appended, ConcurrencyError, EventLog
from infra.log_records import Entry, NewEvent, Outcome, Verdict
from infra.poison import PoisonRecords, place_of
from infra.topics import TopicNames
from workers.batch_streams import AggregateCache, BatchStreams
from workers.command_intake import ParsedCommand, Record, dead_letter, take_in

RACES_MAX: Final = 10
"""How often a batch is decided anew after it lost a race."""

POISON_ATTEMPTS_MAX: Final = 3
"""How often a record may make the worker fail before it is parked as a dead letter."""

BATCH_RECORDS_MAX: Final = 500

LOG = structlog.get_logger()


class Keyed(Protocol):
    """An aggregate that says which Kafka key its events have."""

    @property
    def partition_key(self) -> str: ...


class CommandFailedError(Exception):
    """A command met an error that is neither a refusal nor a service away: a defect. The batch was not written."""


class CommandWorker:
    """Handle batches of records from the commands topic.

    Args:
        log: Where events and answers go.
        codec: Knows every event class.
        topics: Names of the topics for answers and dead letters.
        poison: Counts the records that made a worker fail.
    """

    def __init__(self, log: EventLog, codec: Codec, topics: TopicNames, poison: PoisonRecords) -> None:
        self._log = log
        self._codec = codec
        self._topics = topics
        self._poison = poison
        self._cache = AggregateCache()

    def handle(self, batch: Mapping[TopicPartition, Sequence[Record]]) -> dict[TopicPartition, int]:
        """Decide and record a polled batch; return the next offsets. Raises what ``record`` raises."""
        self.record([record for records in batch.values() for record in records])
        return {partition: records[-1].offset + 1 for partition, records in batch.items()}

    def resume_offset(self, partition: TopicPartition) -> None:
        """Trust Kafka's committed offset: a command that comes again gets its first answer."""

    def record(self, records: Sequence[Record]) -> Appended:
        """Decide a batch and record it in one transaction.

        Raises:
            ConcurrencyError: The batch lost more than ``RACES_MAX`` races in a row.
            CommandFailedError: A command met a defect; its record's attempts were counted.
            psycopg.OperationalError: PostgreSQL is away.
        """
        parked = self._poison.parked(records, POISON_ATTEMPTS_MAX)
        taken = [
            self._park(record) if place_of(record) in parked else take_in(record, self._topics.dead)
            for record in records
        ]
        for race in range(RACES_MAX + 1):
            try:
                return self._decide_and_append(taken)
            except ConcurrencyError as lost:
                LOG.info("race_lost", race=race + 1, why=str(lost))
        raise ConcurrencyError(f"lost {RACES_MAX + 1} races in a row")

    def _park(self, record: Record) -> Entry:
        LOG.error("record_parked", topic=record.topic, partition=record.partition, offset=record.offset)
        reason = {"reason": "parked", "attempts": POISON_ATTEMPTS_MAX}
        return Entry(key=record.key, dead_letter=dead_letter(record, reason, self._topics.dead))

    def _decide_and_append(self, taken: Sequence[ParsedCommand | Entry]) -> Appended:
        parsed = [command for command in taken if isinstance(command, ParsedCommand)]
        outcomes = self._log.find_outcomes({command.id_key for command in parsed})
        streams = BatchStreams(self._log, self._codec, self._cache)
        fresh = [command for command in parsed if command.id_key not in outcomes]
        streams.preload(dict.fromkeys(name for command in fresh for name in dispatch.streams_of(command.command)))
        entries = self._decide_all(taken, outcomes, streams)
        appended = self._log.append(Append(entries, self._topics.results))
        streams.keep()
        _log_handled(entries)
        return appended

    def _decide_all(
        self,
        taken: Sequence[ParsedCommand | Entry],
        outcomes: Mapping[tuple[str, str], Outcome],
        streams: BatchStreams,
    ) -> list[Entry]:
        entries: list[Entry] = []
        first_of_batch: dict[tuple[str, str], Entry] = {}
        for command in taken:
            if isinstance(command, Entry):
                entries.append(command)
                continue
            before = outcomes.get(command.id_key) or first_of_batch.get(command.id_key)
            entry = self._decide(command, streams) if before is None else _answer_again(command, before)
            first_of_batch.setdefault(command.id_key, entry)
            entries.append(entry)
        return entries

    def _decide(self, command: ParsedCommand, streams: BatchStreams) -> Entry:
        entry = Entry(command.stamp, Verdict("accepted"), command.fingerprint, key=command.record.key)
        try:
            dispatch.handle(command.command, command.meta, streams)
            entry.events = [
                NewEvent(
                    aggregate.id,
                    fact.originator_version,
                    topic_of(type(fact)),
                    fact.timestamp,
                    cast("Keyed", aggregate).partition_key,
                    self._codec.encode(fact),
                )
                for aggregate, fact in streams.accept()
            ]
        except RuleViolationError as refusal:
            streams.refuse()
            entry.verdict = _refused(refusal)
        except (psycopg.Error, ConcurrencyError):
            raise
        except Exception as defect:
            self._poison.count(command.record, repr(defect))
            LOG.exception("command_failed", source=command.meta.source, command_id=command.meta.command_id)
            raise CommandFailedError(f"{command.meta.type} {command.meta.command_id}") from defect
        return entry


def _answer_again(command: ParsedCommand, before: Outcome | Entry) -> Entry:
    """Answer a command whose id was used before: the same answer for the same command, else a refusal."""
    if before.fingerprint == command.fingerprint:
        first = before if isinstance(before, Entry) else before.result
        return Entry(command.stamp, repeat_of=first, key=command.record.key)
    reused = CommandIdReusedError("another command came under this id and source before")
    return Entry(command.stamp, _refused(reused), key=command.record.key)


def _refused(refusal: RuleViolationError) -> Verdict:
    return Verdict("refused", refusal.code, refusal.message, refusal.details)


def _log_handled(entries: Sequence[Entry]) -> None:
    for entry in entries:
        if entry.stamp is None:
            LOG.warning("record_dead")
            continue
        LOG.info(
            "command_handled",
            command_id=entry.stamp.command_id,
            source=entry.stamp.source,
            type=entry.stamp.type,
            correlation_id=entry.stamp.correlation_id,
            status="repeated" if entry.verdict is None else entry.verdict.status,
            code=entry.verdict.code if entry.verdict else None,
            events=len(entry.events),
        )
