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
from datetime import datetime
from functools import partial
from threading import Event
from typing import Final

import structlog
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from commands import dispatch
from commands.sources import ANYONE, Sources
from domain.errors import RuleViolationError
from infra.addresses import postgres_address
from infra.envelope.codec import Codec, UnreadableEventError
from infra.kafka.partitioner import Placement, partitioner_in
from infra.kafka.record import Batch, Offsets, Record
from infra.kafka.topics import TopicNames
from infra.log.event_log import Append, ConcurrencyError, EventLog
from infra.log.in_hand import Hand, InHand
from infra.log.poison import PoisonRecords, place_of, place_text
from infra.logs import alarm
from infra.metrics import WorkerMetrics
from infra.records import Decided, Entry, Outcome, SetAside, Verdict
from infra.sealing.vault import ERASED, KeyGoneError, open_vault
from infra.settings import Settings
from workers.command_worker.address_ids import tell_address_ids
from workers.command_worker.answering import answer_again, answered_before, refused
from workers.command_worker.defects import raise_unless_defect, told_of
from workers.command_worker.intake import ParsedCommand, answer_key, dead_letter, is_erasure, take_in
from workers.command_worker.log_lines import log_handled, verdict_of
from workers.command_worker.misplacement import tell_misplaced
from workers.command_worker.sealing import Sealing, destroy_again
from workers.command_worker.streams import AggregateCache, BatchStreams, Facts
from workers.command_worker.writing import Writing
from workers.runtime.clock import utc_now
from workers.runtime.every_event import make_codec
from workers.runtime.loop import Loop
from workers.runtime.one_history import history_check
from workers.runtime.parts import COMMANDS, consumer_of
from workers.runtime.patience import patiently
from workers.runtime.sources_file import read_sources

RACES_MAX: Final = 10
"""How often a batch is decided anew after it lost a race."""

POISON_ATTEMPTS_MAX: Final = 3
"""How often a record may fail alone, or end the worker's process, before it is parked as a dead letter."""

ACCEPTED: Final = Verdict("accepted")

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
    """A record could neither be handled nor be parked: nothing of it was written."""


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
        self._writing = Writing(codec, sealing)
        self._placement = placement
        self._clock = clock
        self._cache = AggregateCache()
        self._in_hand = InHand(log)

    def handle(self, batch: Batch) -> Offsets:
        """Decide and record a polled batch; return the next offsets. Raises what else ``record`` does.

        Records that another worker had in hand, and may have died of, are recorded in small pieces. A partition with a
        command about a stream that cannot be read is left out of what is returned: it stops, and an alarm says why.
        """
        suspected = self._in_hand.take(batch)
        calm = {partition: records for partition, records in batch.items() if partition not in suspected}
        recorded = self._record_all(calm) if calm else {}
        for partition, hand in suspected.items():
            if self._record_in_pieces(partition, batch[partition], hand):
                recorded[partition] = batch[partition]
        if stopped := batch.keys() - recorded.keys():
            self._in_hand.let_go(stopped)
        return {partition: records[-1].offset + 1 for partition, records in recorded.items()}

    def _record_all(self, batch: Batch) -> dict[TopicPartition, Sequence[Record]]:
        """Record a batch; return it without the partitions that stop."""
        try:
            self.record([record for records in batch.values() for record in records])
        except UnreadableEventError:
            return {partition: records for partition, records in batch.items() if self._record_each(records)}
        return dict(batch)

    def _record_in_pieces(self, partition: TopicPartition, records: Sequence[Record], hand: Hand) -> bool:
        """Record what another worker had in hand, each piece noted before; tell whether all of it could be."""
        if (suspect := hand.alone(records)) is not None:
            self._poison.count(suspect, "its worker ended in the middle of it")
        for piece in hand.pieces(records):
            self._in_hand.take_over(partition, piece)
            goes_on = self._record_all({partition: piece})
            if len(piece) == 1:  # whether it could be decided or not: this worker is alive
                self._poison.forget(piece[0], POISON_ATTEMPTS_MAX)
            if not goes_on:
                return False
        return True

    def resume_offset(self, partition: TopicPartition) -> None:
        """Trust Kafka's committed offset: a command that comes again gets its first answer."""

    def record(self, records: Sequence[Record]) -> None:
        """Decide a batch and record it in one transaction.

        Where that fails for what one of its records holds, each is recorded on its own, so that one does not spoil the
        others; and one that fails alone ``POISON_ATTEMPTS_MAX`` times is parked.

        Raises:
            ConcurrencyError: The batch lost more than ``RACES_MAX`` races in a row.
            CommandFailedError: A record could not even be parked.
            UnreadableEventError: A stream that is named holds an event that was damaged, or that a newer version wrote.
            psycopg.OperationalError: PostgreSQL is away.
        """
        # what comes after an erasure is sealed under another key: such a batch is recorded record by record
        if len(records) > 1 and not any(is_erasure(record) for record in records):
            try:
                return self._record(records)
            except Exception as failed:
                raise_unless_defect(failed)
                LOG.warning("batch_taken_apart", records=len(records), error=told_of(failed))
        for record in records:
            self._record_alone(record)
        return None

    def _record_alone(self, record: Record) -> None:
        for _ in range(POISON_ATTEMPTS_MAX + 1):
            try:
                return self._record([record])
            except Exception as failed:
                raise_unless_defect(failed)
                told = told_of(failed)
                LOG.error("command_failed", place=place_text(record), error=told)  # noqa: TRY400 - it may hold texts
                self._poison.count(record, told)
        raise CommandFailedError(place_text(record))

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
        return [
            self._park(record) if parked and place_of(record) in parked else take_in(record, self._topics.dead)
            for record in records
        ]

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
        streams.keep(events)
        if any(event.type == ERASED for event in events):
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
        brought_about: list[tuple[Decided, Facts]] = []
        now, known = self._clock(), self._sealing.fingerprints
        for command in taken:
            if isinstance(command, SetAside):
                entries.append(answered_before(command, outcomes, known) or self._sealing.set_aside(command))
            elif before := outcomes.get(command.id_key) or decided.get(command.id_key):
                entries.append(answer_again(command, before, known))
            else:
                verdict, facts = self._decide(command, streams, now, alone=len(taken) == 1)
                made = Decided(command.stamp, answer_key(command.record), known.of(command.digest), verdict)
                decided[command.id_key] = made
                brought_about.append((made, facts))
                entries.append(made)
        self._writing.write_down(brought_about)
        return entries

    def _decide(
        self, command: ParsedCommand, streams: BatchStreams, now: datetime, *, alone: bool
    ) -> tuple[Verdict, Facts]:
        try:
            dispatch.handle(command.command, command.meta, streams, now, self._sources)
            facts = streams.uncommitted()
            if alone:
                self._writing.refuse_too_large(facts)
            streams.accept()
        except RuleViolationError as refusal:
            streams.refuse()
            return refused(refusal), []
        return ACCEPTED, facts

    def _tell(
        self, records: Sequence[Record], taken: Sequence[ParsedCommand | SetAside], entries: Sequence[Entry]
    ) -> None:
        self._metrics.handled(len(entries))
        verdicts = [verdict for entry in entries if (verdict := verdict_of(entry))]
        self._metrics.refused(sum(1 for verdict in verdicts if verdict.status == "refused"))
        self._metrics.dead(sum(1 for entry in entries if isinstance(entry, SetAside)))
        parsed = [command for command in taken if isinstance(command, ParsedCommand)]
        tell_misplaced(parsed, self._placement, self._metrics)
        tell_address_ids(parsed, self._metrics)
        log_handled(zip(records, taken, entries, strict=True))
