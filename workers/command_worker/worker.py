"""The command worker: a polled batch of commands becomes one append to the log.

Parse at the edge, find what was answered before, load every stream that is named with one query, decide in memory and
in order, write all events, answers and dead letters in one transaction. Kafka's offsets are committed after that: a
crash in between repeats the batch, and repeats get their first answers.

A record that makes the worker fail again and again is set aside as a dead letter, alone: later commands of its order
are decided on what is recorded, as if it had not been sent yet, and it can be sent again once its defect is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Event
from typing import Final

import psycopg
import structlog
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from commands import dispatch
from commands.sources import ANYONE, Sources
from domain.errors import CommandIdReusedError, EventTooLargeError, RuleViolationError, UnusableInputError
from domain.fact import AggregateRoot, Fact
from infra.addresses import postgres_address
from infra.envelope.codec import Codec, UnreadableEventError, topic_of
from infra.kafka.partitioner import Placement, partitioner_in
from infra.kafka.record import Batch, Offsets, Record
from infra.kafka.record_batch import fits_record
from infra.kafka.topics import TopicNames
from infra.log.event_log import Append, ConcurrencyError, EventLog
from infra.log.poison import PoisonRecords, place_of, place_text
from infra.logs import alarm
from infra.metrics import WorkerMetrics
from infra.records import LOST_FINGERPRINT, Answered, Decided, Entry, NewEvent, Outcome, SetAside, Verdict
from infra.sealing.vault import KeyGoneError, destroyed_by, open_vault
from infra.settings import Settings
from workers.command_worker.intake import ParsedCommand, answer_key, dead_letter, is_erasure, take_in
from workers.command_worker.misplacement import tell_misplaced
from workers.command_worker.sealing import Sealing, destroy_again
from workers.command_worker.streams import AggregateCache, BatchStreams
from workers.command_worker.telling import log_handled, subject_of, verdict_of
from workers.runtime.clock import utc_now
from workers.runtime.loop import Loop
from workers.runtime.one_history import history_check
from workers.runtime.parts import COMMANDS, consumer_of, make_codec
from workers.runtime.patience import patiently
from workers.runtime.sources_file import read_sources

RACES_MAX: Final = 10
"""How often a batch is decided anew after it lost a race."""

POISON_ATTEMPTS_MAX: Final = 3
"""How often a record may make the worker fail before it is parked as a dead letter."""

UNFIT_ERRORS: Final = (psycopg.DataError, psycopg.IntegrityError)
"""What PostgreSQL raises when it is there but will not take a value."""

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics, *, clock: Callable[[], datetime] = utc_now) -> None:
    """Handle commands until ``stop`` is set; raises what ``read_sources``, ``Loop.run`` and ``record`` do."""
    sources = read_sources(settings.sources_file)
    topics = TopicNames(settings.topic_prefix)
    vault = patiently(lambda: open_vault(settings), stop, metrics)
    if vault is None:
        return  # asked to end while PostgreSQL was away
    with closing(EventLog(postgres_address(settings), history_check(settings))) as log, closing(vault):
        join = partial(consumer_of, settings, COMMANDS, topics.commands, settings.command_batch_records_max)
        consumer = patiently(join, stop, metrics)
        if consumer is None:
            return  # asked to end while Kafka was away
        patiently(lambda: destroy_again(log.connection, vault), stop, metrics)
        placement = patiently(lambda: _placement(consumer, log, topics.commands), stop, metrics)
        poison = PoisonRecords(log)
        worker = CommandWorker(
            log,
            make_codec(),
            topics,
            poison,
            metrics,
            sealing=Sealing(vault),
            sources=sources,
            placement=placement,
            clock=clock,
        )
        Loop(consumer, worker, stop, metrics, join).run()


def _placement(consumer: KafkaConsumer, log: EventLog, topic: str) -> Placement | None:
    """Return where the records of a topic belong, or None where there is no such topic."""
    partitions = consumer.partitions_for_topic(topic)
    return Placement(partitioner_in(log.connection), len(partitions)) if partitions else None


class CommandFailedError(Exception):
    """A command met an error that is neither a refusal nor a service away: a defect. The batch was not written."""


class CommandWorker:
    """Handle batches of records from the commands topic.

    Args:
        log: Where events and answers go.
        codec: Knows every event class.
        topics: Names of the topics for answers and dead letters.
        poison: Counts the records that made a worker fail.
        metrics: Counts and times what this worker does.
        sources: What each source may do.
        sealing: Opens the texts of events and seals them.
        placement: Where records of the commands topic belong; None: only their keys are looked at.
        clock: What business times may not lie ahead of.
    """

    def __init__(
        self,
        log: EventLog,
        codec: Codec,
        topics: TopicNames,
        poison: PoisonRecords,
        metrics: WorkerMetrics | None = None,
        *,
        sealing: Sealing,
        sources: Sources = ANYONE,
        placement: Placement | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._log = log
        self._codec = codec
        self._topics = topics
        self._poison = poison
        self._metrics = metrics or WorkerMetrics("commands")
        self._sources = sources
        self._sealing = sealing
        self._placement = placement
        self._clock = clock
        self._cache = AggregateCache()

    def handle(self, batch: Batch) -> Offsets:
        """Decide and record a polled batch; return the next offsets. Raises what else ``record`` does.

        A partition with a command about a stream that cannot be read is left out of what is returned: it stops, and an
        alarm says why.
        """
        try:
            self.record([record for records in batch.values() for record in records])
            recorded = batch
        except UnreadableEventError:
            recorded = {partition: records for partition, records in batch.items() if self._record_each(records)}
        return {partition: records[-1].offset + 1 for partition, records in recorded.items()}

    def resume_offset(self, partition: TopicPartition) -> None:
        """Trust Kafka's committed offset: a command that comes again gets its first answer."""

    def record(self, records: Sequence[Record]) -> None:
        """Decide a batch and record it in one transaction.

        Where PostgreSQL refuses the batch for what it holds, each record is recorded on its own, so that one does not
        spoil the others.

        Raises:
            ConcurrencyError: The batch lost more than ``RACES_MAX`` races in a row.
            CommandFailedError: A command met a defect; its record's attempts were counted.
            UnreadableEventError: A stream that is named holds an event that was damaged, or that a newer version wrote.
            psycopg.OperationalError: PostgreSQL is away.
        """
        if len(records) > 1 and any(is_erasure(record) for record in records):
            for record in records:  # what comes after an erasure is sealed under another key
                self.record([record])
            return
        try:
            self._record(records)
        except UNFIT_ERRORS as unfit:
            if len(records) == 1:
                raise self._failed(records[0], unfit) from unfit
            LOG.warning("batch_taken_apart", records=len(records), error=repr(unfit))
            for record in records:
                self.record([record])

    def _record_each(self, records: Sequence[Record]) -> bool:
        """Record one partition's records one by one up to the first that cannot be decided; tell whether all could."""
        for record in records:
            try:
                self.record([record])
            except UnreadableEventError as bad:
                place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
                alarm("event_unreadable", **place, error=str(bad))
                self._metrics.gap()
                return False
        return True

    def _record(self, records: Sequence[Record]) -> None:
        with self._metrics.stage("parse"):
            taken = self._take_in(records)
        for race in range(RACES_MAX + 1):
            try:
                entries = self._decide_and_append(taken)
            except (ConcurrencyError, KeyGoneError) as lost:
                LOG.info("race_lost", race=race + 1, why=str(lost))
                if isinstance(lost, KeyGoneError):
                    self._sealing.forget()
                    self._cache.clear()
            else:
                self._tell(records, taken, entries)
                return
        raise ConcurrencyError(f"lost {RACES_MAX + 1} races in a row")

    def _take_in(self, records: Sequence[Record]) -> list[ParsedCommand | SetAside]:
        parked = self._poison.parked(records, POISON_ATTEMPTS_MAX)
        return [self._park(record) if place_of(record) in parked else self._take_in_one(record) for record in records]

    def _take_in_one(self, record: Record) -> ParsedCommand | SetAside:
        try:
            return take_in(record, self._topics.dead)
        except Exception as defect:
            raise self._failed(record, defect) from defect

    def _failed(self, record: Record, defect: Exception) -> CommandFailedError:
        """Count a defect against its record, and return what ends the worker."""
        self._poison.count(record, repr(defect))
        return CommandFailedError(place_text(record))

    def _park(self, record: Record) -> SetAside:
        alarm("record_parked", topic=record.topic, partition=record.partition, offset=record.offset)
        reason = {"reason": "parked", "attempts": POISON_ATTEMPTS_MAX}
        return SetAside(dead_letter(record, reason, self._topics.dead))

    def _decide_and_append(self, taken: Sequence[ParsedCommand | SetAside]) -> list[Entry]:
        parsed = [command for command in taken if isinstance(command, ParsedCommand)]
        self._sealing.begin()
        streams = BatchStreams(self._log, self._codec, self._cache, self._sealing)
        with self._metrics.stage("load"):
            outcomes = self._log.find_outcomes({command.id_key for command in taken if command.id_key})
            fresh = [command.command for command in parsed if command.id_key not in outcomes]
            streams.preload(dict.fromkeys(name for command in fresh for name in dispatch.streams_of(command)))
            self._sealing.fetch(
                streams.persons() | {person for command in fresh for person in dispatch.persons_of(command)}
            )
        with self._metrics.stage("decide"):
            entries = self._decide_all(taken, outcomes, streams)
        with self._metrics.stage("append"):
            events = [event for entry in entries if isinstance(entry, Decided) for event in entry.events]
            with self._sealing.held(events):
                self._log.append(Append(entries, self._topics.results))
        streams.keep()
        if destroyed_by((event.type, event.body) for event in events):
            self._cache.clear()  # its aggregates hold what was erased
        return entries

    def _decide_all(
        self,
        taken: Sequence[ParsedCommand | SetAside],
        outcomes: Mapping[tuple[str, str], Outcome],
        streams: BatchStreams,
    ) -> list[Entry]:
        entries: list[Entry] = []
        decided: dict[tuple[str, str], Decided] = {}
        now = self._clock()
        for command in taken:
            if isinstance(command, SetAside):
                entries.append(_answered_before(command, outcomes) or command)
            elif before := outcomes.get(command.id_key) or decided.get(command.id_key):
                entries.append(_answer_again(command, before))
            else:
                decided[command.id_key] = self._decide(command, streams, now)
                entries.append(decided[command.id_key])
        return entries

    def _decide(self, command: ParsedCommand, streams: BatchStreams, now: datetime) -> Decided:
        events: list[NewEvent] = []
        verdict = Verdict("accepted")
        try:
            dispatch.handle(command.command, command.meta, streams, now, self._sources)
            events = self._events(streams)
            _refuse_too_large(events)
            streams.accept()
        except RuleViolationError as refusal:
            streams.refuse()
            events, verdict = [], _refused(refusal)
        except (psycopg.Error, ConcurrencyError, UnreadableEventError, UnusableInputError):
            raise
        except Exception as defect:
            LOG.exception(
                "command_failed", source=command.meta.source, command_id=command.meta.command_id, **subject_of(command)
            )
            raise self._failed(command.record, defect) from defect
        return Decided(command.stamp, answer_key(command.record), command.fingerprint, verdict, events)

    def _events(self, streams: BatchStreams) -> list[NewEvent]:
        """Return what a command has brought about, as the log takes it."""
        return [self._event(aggregate, fact) for aggregate, fact in streams.uncommitted()]

    def _event(self, aggregate: AggregateRoot, fact: Fact) -> NewEvent:
        """Return a fact as the log takes it, its texts sealed."""
        plain = NewEvent(
            stream=aggregate.id,
            version=fact.originator_version,
            type=topic_of(type(fact)),
            occurred_at=fact.timestamp,
            partition_key=aggregate.partition_key,
            body=self._codec.encode(fact),
        )
        return self._sealing.sealed(plain, aggregate.person)

    def _tell(
        self, records: Sequence[Record], taken: Sequence[ParsedCommand | SetAside], entries: Sequence[Entry]
    ) -> None:
        self._metrics.handled(len(entries))
        verdicts = [verdict for entry in entries if (verdict := verdict_of(entry))]
        self._metrics.refused(sum(1 for verdict in verdicts if verdict.status == "refused"))
        self._metrics.dead(sum(1 for entry in entries if isinstance(entry, SetAside)))
        parsed = (command for command in taken if isinstance(command, ParsedCommand))
        tell_misplaced(parsed, self._placement, self._metrics)
        for record, command, entry in zip(records, taken, entries, strict=True):
            log_handled(record, command, entry)


def _refuse_too_large(events: Sequence[NewEvent]) -> None:
    """Raise ``EventTooLargeError`` for what the topic would not take: the relay would stand still at it for ever."""
    for event in events:
        if not fits_record(event.body):
            raise EventTooLargeError(event.type)


def _answer_again(command: ParsedCommand, before: Outcome | Decided) -> Answered:
    """Answer a command whose id was used before: the same answer for the same command, else a refusal."""
    answer: bytes | Decided | Verdict
    if before.fingerprint in {command.fingerprint, LOST_FINGERPRINT}:
        answer = before if isinstance(before, Decided) else before.result
    else:
        answer = _refused(CommandIdReusedError("another command came under this id and source before"))
    return Answered(command.stamp, answer_key(command.record), answer)


def _answered_before(malformed: SetAside, outcomes: Mapping[tuple[str, str], Outcome]) -> Answered | None:
    """Return the first answer to a command that an earlier version, with other rules for its fields, took: it holds."""
    before = None if malformed.id_key is None else outcomes.get(malformed.id_key)
    if before is None or malformed.answered is None or before.fingerprint != malformed.fingerprint:
        return None
    return replace(malformed.answered, answer=before.result)


def _refused(refusal: RuleViolationError) -> Verdict:
    return Verdict("refused", refusal.code, refusal.message, refusal.details)
