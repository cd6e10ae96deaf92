"""What a worker needs that acts on events: an inbox it fills from the topic, and an outlet for its commands.

The inbox is a projection of the worker's own, so that its rows and its position move in one transaction. It is filled
in a thread beside the one that acts; whichever of the two fails ends both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from infra.addresses import addresses, postgres_address
from infra.envelope.codec import UnreadableEventError
from infra.kafka.clients import make_consumer
from infra.kafka.command_client import HEADERS, OutgoingCommand
from infra.kafka.publisher import Publisher, publisher_of
from infra.kafka.topics import TopicNames
from infra.logs import alarm
from infra.metrics import WorkerMetrics
from infra.settings import Settings
from projections.projection import Projection
from workers.projector.projector import GATHER_S, Projector, prepare
from workers.runtime.every_event import make_codec
from workers.runtime.loop import GATHERED_RECORDS, OBSERVE_EVERY_S, POLL_MS, observe_lag
from workers.runtime.parts import group_of
from workers.runtime.patience import patiently
from workers.runtime.starting import NotInitialisedError

ACT_EVERY_S: Final = 0.1
SELDOM_S: Final = 1.0
"""How often those act whom only news, or a clock of days, calls."""
LOOK_EVERY_S: Final = 0.2
"""Whoever waits to act finds out so often that he is to stop."""
UNREADABLE_S: Final = 20.0
"""How long a worker stands still at an event of the log that it cannot read, before it looks, and says so, again."""
JOIN_TIMEOUT_S: Final = 15.0

LOG = structlog.get_logger()


class Outlet:
    """Publishes commands and waits until Kafka has them; connects when it first has any, and anew after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = TopicNames(settings.topic_prefix).commands
        self._publisher: Publisher | None = None

    def publish(self, commands: Sequence[OutgoingCommand]) -> None:
        """Publish commands, in their order per key.

        Raises:
            kafka.errors.KafkaError: One was not taken, or Kafka is away.
            psycopg.Error: PostgreSQL is away, which knows how keys are placed.
        """
        records = ((command.key.encode() if command.key else None, command.to_bytes(), HEADERS) for command in commands)
        self._publisher = self._publisher or publisher_of(self._settings)
        try:
            self._publisher.deliver(self._topic, records)
        except KafkaError:
            self.close()
            raise

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None


@dataclass(frozen=True, slots=True)
class _Filling:
    """What the thread that fills an inbox tells the one that acts."""

    news: Event = field(default_factory=Event)
    failures: list[BaseException] = field(default_factory=list)


@contextmanager
def inbox(settings: Settings, projection: Projection, stop: Event, metrics: WorkerMetrics) -> Iterator[Event]:
    """Fill a worker's inbox in a thread while the block runs; what ends the thread ends the block's ``stop`` too.

    Yields an event that is set whenever something has come in.

    Raises:
        Exception: Whatever ended the thread, once the block has ended.
    """
    patiently(lambda: prepare(postgres_address(settings), projection), stop, metrics)
    filling = _Filling()
    fill = (settings, projection, stop, metrics, filling)
    thread = Thread(target=_fill, args=fill, name=f"{projection.name}-inbox")
    thread.start()
    try:
        yield filling.news
    finally:
        stop.set()
        thread.join(JOIN_TIMEOUT_S)
    if filling.failures:
        raise filling.failures[0]


def _fill(settings: Settings, projection: Projection, stop: Event, metrics: WorkerMetrics, filling: _Filling) -> None:
    if stop.is_set():
        return
    try:
        consumer = patiently(lambda: _consumer(settings, projection.name), stop, metrics)
        if consumer is None:
            return  # asked to end while Kafka was away
        with closing(consumer), closing(Projector(postgres_address(settings), projection, make_codec(), metrics)) as to:
            patiently(lambda: _begin(consumer, to, TopicNames(settings.topic_prefix).events), stop, metrics)
            observed_at = time.monotonic()
            while not stop.is_set():
                if (read := _read_on(consumer, to, stop, metrics)) > 0:
                    filling.news.set()
                if time.monotonic() - observed_at >= OBSERVE_EVERY_S:
                    observed_at = time.monotonic()
                    patiently(lambda: observe_lag(consumer, list(consumer.assignment()), metrics), stop, metrics)
                if 0 < read < GATHERED_RECORDS:
                    stop.wait(GATHER_S)
    except BaseException as failure:
        filling.failures.append(failure)
        stop.set()


def _consumer(settings: Settings, name: str) -> KafkaConsumer:
    return make_consumer(
        addresses(settings).kafka_bootstrap,
        settings.named(group_of(name)),
        instance=None,
        batch_records_max=settings.projector_batch_records_max,
    )


def _begin(consumer: KafkaConsumer, projector: Projector, topic: str) -> None:
    """Take every partition, where the inbox stands in it.

    Each such worker reads all of them, so that a new one need not wait until a group has given up on a dead one; what
    two of them read at once is dropped by position.

    Raises:
        NotInitialisedError: The topic does not exist.
    """
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise NotInitialisedError(f"topic {topic} does not exist")
    partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
    consumer.assign(partitions)
    for partition in partitions:
        consumer.seek(partition, projector.resume_offset(partition) or 0)


def _read_on(consumer: KafkaConsumer, projector: Projector, stop: Event, metrics: WorkerMetrics) -> int:
    """Fold what was polled and return how many records there were; a partition with a gap is left alone from there."""
    batch = patiently(lambda: consumer.poll(timeout_ms=POLL_MS), stop, metrics)
    if batch:
        next_offsets = patiently(lambda: projector.handle(batch), stop, metrics)
        if next_offsets is not None and (stopped := set(batch) - set(next_offsets)):
            consumer.pause(*stopped)
    return sum(map(len, (batch or {}).values()))


def act_until(
    stop: Event,
    act: Callable[[], object],
    metrics: WorkerMetrics,
    *,
    news: Event | None = None,
    every_s: float = ACT_EVERY_S,
) -> None:
    """Act again and again until ``stop`` is set, waiting for services that are away, a bounded number of times.

    Where an event of the log cannot be read, the worker stands there, with an alarm: it passes nothing over.

    Args:
        stop: Ends it.
        act: What is done.
        metrics: Hear that the worker lives.
        news: Calls for it at once.
        every_s: How often it is done without news.
    """
    news = news or Event()
    while not stop.is_set():
        news.clear()
        try:
            patiently(act, stop, metrics)
        except UnreadableEventError as bad:
            alarm("event_unreadable", error=str(bad))
            metrics.gap()
            stop.wait(UNREADABLE_S)
        metrics.beat()
        until = time.monotonic() + every_s
        while not stop.is_set() and not news.is_set() and (left_s := until - time.monotonic()) > 0:
            news.wait(min(left_s, LOOK_EVERY_S))
