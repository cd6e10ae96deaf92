"""The one loop of every worker that consumes: poll, handle the batch, commit explicit next offsets last."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Callable
from threading import Event
from types import FrameType
from typing import Any, Final, Protocol, TypeVar

import psycopg
import structlog
from kafka.errors import CommitFailedError, KafkaError, RebalanceInProgressError
from kafka.structs import OffsetAndMetadata, TopicPartition

from infra.kafka.record import Batch, Offsets
from infra.metrics import WorkerMetrics

POLL_MS: Final = 200
RETRIES_MAX: Final = 8
BACKOFF_S: Final = 0.2
BACKOFF_MAX_S: Final = 10.0
OBSERVE_EVERY_S: Final = 5.0
OBSERVE_TIMEOUT_MS: Final = 5_000
CLOSE_TIMEOUT_MS: Final = 10_000
GARBAGE_OBJECTS: Final = 50_000

LOG = structlog.get_logger()
TRANSIENT_ERRORS: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,  # this process stood still, and its session was ended meanwhile
    KafkaError,
)

Returned = TypeVar("Returned")


class BatchHandler(Protocol):
    """What a worker does with what was polled."""

    def handle(self, batch: Batch) -> Offsets:
        """Handle records by partition and return, per partition, the next offset to read; all effects are durable.

        A partition that is left out is not to be read on: the loop pauses it.
        """

    def resume_offset(self, partition: TopicPartition) -> int | None:
        """Return where reading a newly assigned partition has to resume, or None to trust Kafka."""


class Loop:
    """Run one consumer until ``stop`` is set.

    A service that is away is waited for with growing pauses, at most ``RETRIES_MAX`` times in a row; then its error is
    raised, nothing is committed, and the process should end with a non-zero code.
    """

    def __init__(self, consumer: Any, handler: BatchHandler, stop: Event, metrics: WorkerMetrics | None = None) -> None:
        self._consumer = consumer
        self._handler = handler
        self._stop = stop
        self._metrics = metrics or WorkerMetrics("loop")
        self._aligned: set[TopicPartition] = set()
        self._observed_at = time.monotonic()

    def run(self) -> None:
        """Handle every record at least once, until the stop event; then leave the group."""
        collect_garbage_less_often()
        try:
            while not self._stop.is_set():
                self._turn()
        finally:
            self._consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def _turn(self) -> None:
        self._metrics.beat()
        polled = patiently(lambda: self._consumer.poll(timeout_ms=POLL_MS), self._stop)
        batch = patiently(lambda: self._align(polled or {}), self._stop)
        if batch:
            next_offsets = patiently(lambda: self._handler.handle(batch), self._stop)
            if next_offsets is None:
                return  # asked to stop while a service was away: nothing is committed
            self._pause(set(batch) - set(next_offsets))
            patiently(lambda: self._commit(next_offsets), self._stop)
        if time.monotonic() - self._observed_at >= OBSERVE_EVERY_S:
            self._observed_at = time.monotonic()
            patiently(self._observe, self._stop)

    def _align(self, polled: Batch) -> Batch:
        """Drop what a new partition delivered from elsewhere than where the handler stands, and seek there."""
        self._aligned &= set(self._consumer.assignment())
        batch = dict(polled)
        for partition, records in polled.items():
            if partition in self._aligned:
                continue
            resume_at = self._handler.resume_offset(partition)
            if resume_at is not None and resume_at != records[0].offset:
                LOG.info("offset_sought", partition=partition.partition, found=records[0].offset, stored=resume_at)
                self._consumer.seek(partition, resume_at)
                del batch[partition]
            self._aligned.add(partition)
        return batch

    def _pause(self, partitions: set[TopicPartition]) -> None:
        if partitions:
            self._consumer.pause(*partitions)

    def _commit(self, next_offsets: Offsets) -> None:
        if not next_offsets:
            return
        try:
            self._consumer.commit(
                {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in next_offsets.items()}
            )
        except (CommitFailedError, RebalanceInProgressError) as lost:
            LOG.info("commit_refused", why=str(lost))  # the partition moved on: its next owner repeats the batch

    def _observe(self) -> None:
        """Measure the lag; also the way to notice that Kafka went away while nothing was to be read."""
        known = [
            TopicPartition(topic, number)
            for topic in self._consumer.subscription()
            for number in self._consumer.partitions_for_topic(topic)
        ]
        ends = self._consumer.end_offsets(known, timeout_ms=OBSERVE_TIMEOUT_MS)
        for partition in self._consumer.assignment() & ends.keys():
            position = self._consumer.position(partition, timeout_ms=OBSERVE_TIMEOUT_MS)
            self._metrics.lag(partition, max(0, ends[partition] - (position or 0)))


def patiently(action: Callable[[], Returned], stop: Event) -> Returned | None:
    """Return what an action returns, trying again while a service is away; None once ``stop`` is set in a pause.

    Raises:
        psycopg.OperationalError, kafka.errors.KafkaError: Still away after ``RETRIES_MAX`` retries.
    """
    for retry in range(RETRIES_MAX + 1):
        try:
            return action()
        except TRANSIENT_ERRORS as away:
            if retry == RETRIES_MAX:
                LOG.error("service_away", error=repr(away), retries=retry)  # noqa: TRY400 - raised with its traceback
                raise
            pause_s = min(BACKOFF_MAX_S, BACKOFF_S * 2**retry)
            LOG.warning("service_away_retrying", error=repr(away), retry=retry + 1, pause_s=pause_s)
            if stop.wait(pause_s):
                return None
    return None


def collect_garbage_less_often() -> None:
    """Let the garbage collector run once per many records; what it cost was a sixth of a worker's time.

    Records, headers and events are freed by reference counts; the collector only has to find cycles.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 50)


def stop_on_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set; a worker then finishes its batch and ends."""
    stop = Event()

    def ask_to_stop(signal_number: int, _frame: FrameType | None) -> None:
        LOG.info("stopping", signal=signal.Signals(signal_number).name)
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    return stop
