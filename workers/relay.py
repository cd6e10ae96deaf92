"""The relay: what the log holds goes to Kafka, in log order, at least once, and never past a failure.

One relay works at a time: it holds a session advisory lock, and moves its position only on condition of the epoch it
began. The position moves after the broker acknowledged everything up to it. On the first error the producer is dropped
with all it still held, and a new one resumes from the position. So every relay, even one that does not know yet that
it was replaced, sends runs without holes that begin at or before the position: in each partition the *first*
occurrences of events are in order, and repeats are exact repeats.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

import structlog
from kafka.structs import TopicPartition

from infra.addresses import addresses, postgres_address
from infra.kafka.lane_producer import LaneProducer
from infra.kafka.partitioner import Partitioner, partitioner_in
from infra.kafka.published import add_events, add_messages
from infra.kafka.topics import TopicNames
from infra.log.event_log import EventLog
from infra.log.lane import EVENTS, LANE, OUTBOX, LanePosition, advance, await_growth, begin_epoch, lane_ends, listen
from infra.log.publishing import EventRow, MessageRow, events_after, messages_after
from infra.metrics import WorkerMetrics
from infra.sessions import try_to_lead
from infra.settings import Compression, Settings
from workers.runtime.garbage import collect_garbage_less_often
from workers.runtime.loop import OBSERVE_EVERY_S
from workers.runtime.one_history import history_check
from workers.runtime.patience import patiently

BATCH_RECORDS_MAX: Final = 5_000
"""Most events, and most messages beside them, that are published before the position moves."""

IDLE_LOOK_S: Final = 1.0
"""Longest pause between two looks at the log. PostgreSQL says when something is appended; it need not be asked."""

STANDBY_POLL_S: Final = 1.0
PRODUCER_IDLE_MAX_S: Final = 240.0
RELAY_LOCK: Final = 0x524D4102
"""Advisory lock of the relay that may move the position."""

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics) -> None:
    """Publish what the log holds until ``stop`` is set; raises what ``Relay.run`` does."""
    where, topics = addresses(settings), TopicNames(settings.topic_prefix)
    Relay(
        EventLog(postgres_address(settings), history_check(settings)),
        where.kafka_bootstrap,
        topics,
        stop,
        metrics,
        batch_records_max=settings.relay_batch_records_max,
        compression=settings.kafka_compression,
    ).run()


class RelayDeposedError(Exception):
    """Another relay has taken over; this one must stop."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is published before the position moves, and where it moves then."""

    events: Sequence[EventRow]
    messages: Sequence[MessageRow]
    position: int
    outbox_seq: int


class Relay:
    """Publish the log.

    Args:
        log: A log of its own: its connection holds the lock.
        bootstrap: Kafka's host and port pairs.
        topics: Where events go; messages carry their own topic.
        stop: Ends the relay after the batch at hand.
        metrics: Counts and times what this relay does.
        batch_records_max: Most events, and most messages, published before the position moves.
        compression: What they are compressed by.
    """

    def __init__(
        self,
        log: EventLog,
        bootstrap: str,
        topics: TopicNames,
        stop: Event,
        metrics: WorkerMetrics | None = None,
        *,
        batch_records_max: int = BATCH_RECORDS_MAX,
        compression: Compression = "gzip",
    ) -> None:
        self._log = log
        self._bootstrap = bootstrap
        self._topics = topics
        self._stop = stop
        self._metrics = metrics or WorkerMetrics("relay")
        self._producer: LaneProducer | None = None
        self._partitioner: Partitioner | None = None
        self._batch_records_max = batch_records_max
        self._compression = compression
        self._at: LanePosition | None = None
        self._published_at = 0.0
        self._observed_at = 0.0

    def run(self) -> None:
        """Lead the lane, or stand by until it is free, until ``stop`` is set.

        Raises:
            RelayDeposedError: Another relay took over.
            psycopg.OperationalError, kafka.errors.KafkaError: Still away after bounded retries.
        """
        collect_garbage_less_often()
        try:
            while not self._stop.is_set():
                patiently(self._step, self._stop, self._metrics)
        finally:
            self._give_up()

    def _step(self) -> None:
        """Publish what is next, from a fresh session and with a fresh producer if the last step failed."""
        try:
            if self._at is None:
                self._at = self._begin()
            if self._at is not None:
                self._at = self._publish_next(self._at)
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """Drop the producer with all it still held, and the session with its lock."""
        self._at = None
        self._drop_producer()
        self._log.close()

    def _begin(self) -> LanePosition | None:
        """Begin an epoch where nobody leads, and return where the lane stands; None, after a pause, where another does.

        Standing by is no waiting for a service: each look returns, so that a relay that outlived an outage says so.
        """
        connection = self._log.connection
        self._partitioner = partitioner_in(connection)
        if try_to_lead(connection, RELAY_LOCK):
            listen(connection)
            at = begin_epoch(connection, LANE)
            LOG.info("relay_leads", epoch=at.epoch, position=at.position)
            return at
        self._metrics.beat()
        self._stop.wait(STANDBY_POLL_S)
        return None

    def _publish_next(self, at: LanePosition) -> LanePosition:
        with self._metrics.stage("read"):
            batch = self._read(at)
        self._observe(at)
        if batch.events or batch.messages:
            at = self._publish_batch(at, batch)
        if max(len(batch.events), len(batch.messages)) < self._batch_records_max:
            self._metrics.beat()
            await_growth(self._log.connection, IDLE_LOOK_S)
        return at

    def _publish_batch(self, at: LanePosition, batch: Batch) -> LanePosition:
        with self._metrics.stage("publish"):
            self._publish(batch)
        with self._metrics.stage("advance"):
            at = self._advance(at, batch)
        self._metrics.handled(len(batch.events))
        self._metrics.published(len(batch.messages))
        return at

    def _read(self, at: LanePosition) -> Batch:
        """Return what follows a position: events, and the messages whose events are among them or before."""
        connection = self._log.connection
        events = events_after(connection, at.position, self._batch_records_max)
        position = int(events[-1][0]) if events else at.position
        messages = messages_after(connection, at.outbox_seq, position, self._batch_records_max)
        return Batch(events, messages, position, messages[-1][0] if messages else at.outbox_seq)

    def _observe(self, at: LanePosition) -> None:
        """Measure the lag now and then."""
        if time.monotonic() - self._observed_at < OBSERVE_EVERY_S:
            return
        self._observed_at = time.monotonic()
        ends = lane_ends(self._log.connection)
        for source, reached in ((EVENTS, at.position), (OUTBOX, at.outbox_seq)):
            self._metrics.lag(TopicPartition(source, 0), ends[source] - reached)

    def _publish(self, batch: Batch) -> None:
        """Send and wait for every acknowledgement; whatever fails ends this producer."""
        if time.monotonic() - self._published_at > PRODUCER_IDLE_MAX_S:
            self._drop_producer()  # the broker will have closed its connection, or soon will
        if self._producer is None:
            assert self._partitioner is not None  # noqa: S101 - whoever publishes has begun
            self._producer = LaneProducer(self._bootstrap, self._topics.own, self._partitioner, self._compression)
        records = self._producer.outgoing()
        add_events(records, self._topics.events, batch.events)
        add_messages(records, batch.messages)
        self._producer.send(records, between=self._keep_lead)
        self._published_at = time.monotonic()

    def _keep_lead(self) -> None:
        """Speak to PostgreSQL, which would take a batch of many requests for silence; raises where the lead is lost."""
        self._log.connection.execute("SELECT")
        self._metrics.beat()

    def _advance(self, at: LanePosition, batch: Batch) -> LanePosition:
        moved = advance(self._log.connection, LANE, at, position=batch.position, outbox_seq=batch.outbox_seq)
        if moved is None:
            raise RelayDeposedError(f"epoch {at.epoch} is over")
        return moved

    def _drop_producer(self) -> None:
        if self._producer is not None:
            self._producer.close()
            self._producer = None
